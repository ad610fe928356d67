#include "start/open_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "status/process.h"

namespace fleet_sim::start {
namespace {

constexpr std::size_t descriptors_elsewhere = 48;
constexpr std::size_t descriptors_per_shard = 3;  // the file, its write-ahead log, and the log's index
constexpr std::size_t most_open_shards = 256;
// Where files take turns, a file is closed again before its next turn comes: so there is room for those that
// wait for the disk, and for no more connections, each of which takes memory.
constexpr std::size_t most_open_in_turns = 64;

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
  const bool take_turns = files > at_once;
  if (take_turns) at_once = std::min(at_once, most_open_in_turns);
  const std::uint32_t page_size = take_turns ? config::page_size_of_turns : config::usual_page_size;
  return {files, std::max<std::size_t>(at_once, config.write.writers), limit,
          config.sqlite.page_size.value_or(page_size)};
}

std::string text_of(const OpenFiles& plan) {
  return fmt::format(
      "{} files take turns: at most {} of them are open at once (limit on open files: {}); new ones have "
      "pages of {} bytes{}",
      grouped(plan.files), grouped(plan.at_once), grouped(plan.limit), grouped(plan.page_size),
      plan.page_size > config::page_size_of_turns ? ", and database.page_size: auto makes turns shorter"
                                                  : "");
}

}  // namespace fleet_sim::start
