#include "start/open_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "status/process.h"

namespace fleet_sim::start {
namespace {

constexpr std::size_t descriptors_elsewhere = 48;
constexpr std::size_t descriptors_per_shard = 3;  // the file, its write-ahead log, and the log's index
// More would take memory, a connection each, and save nothing where files take turns.
constexpr std::size_t most_open_shards = 256;

}  // namespace

OpenFiles plan_open_files(const config::Config& config, std::size_t files) {
  const std::size_t most = config.sqlite.max_open_shards;
  const std::size_t useful = std::max<std::size_t>(config.write.writers, std::min(files, most_open_shards));
  const auto elsewhere = [&] {
    return descriptors_elsewhere + (config.monitoring.enabled ? status::http_connections() : 0);
  };
  const std::size_t wanted = useful * descriptors_per_shard;
  status::raise_descriptor_limit(wanted + elsewhere());
  status::raise_descriptor_limit(wanted + elsewhere());  // with more files, there are more connections
  const std::size_t limit = status::descriptor_limit();
  const std::size_t spare = limit > elsewhere() ? limit - elsewhere() : 0;
  std::size_t at_once = std::min(spare / descriptors_per_shard, most_open_shards);
  if (most > 0) at_once = std::min(at_once, most);
  return {files, std::max<std::size_t>(at_once, config.write.writers), limit, config.sqlite.page_size};
}

std::string text_of(const OpenFiles& plan) {
  constexpr std::uint32_t page_of_turns = 4'096;
  return fmt::format("{} files take turns: at most {} of them are open at once (limit on open files: {}){}",
                     grouped(plan.files), grouped(plan.at_once), grouped(plan.limit),
                     plan.page_size > page_of_turns ? "; database.page_size: 4096 makes turns shorter" : "");
}

}  // namespace fleet_sim::start
