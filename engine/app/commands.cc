#include "app/commands.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/console.h"
#include "app/log.h"
#include "app/stop_signals.h"
#include "base/problems.h"
#include "fleet/fleet.h"
#include "status/text.h"
#include "storage/digest.h"
#include "storage/sqlite.h"

namespace fleet_sim {
namespace {

nlohmann::ordered_json json_of(const ShardDigest& shard) {
  return {{"file", shard.file},
          {"readings", shard.readings},
          {"events", shard.events},
          {"digest", fmt::format("{:016x}{:016x}", shard.readings_hash, shard.events_hash)}};
}

std::string json_of(const DirectoryDigest& digest) {
  nlohmann::ordered_json json{{"digest", digest.text()},
                              {"readings", digest.total.readings},
                              {"events", digest.total.events},
                              {"runs", digest.runs},
                              {"shards", nlohmann::ordered_json::array()}};
  for (const ShardDigest& shard : digest.shards) json["shards"].push_back(json_of(shard));
  return json.dump(2) + '\n';
}

std::string text_of(const DirectoryDigest& digest) {
  std::string text;
  for (const ShardDigest& shard : digest.shards) {
    text += fmt::format("{:>14} readings {:>10} events  {}\n", grouped(shard.readings), grouped(shard.events),
                        shard.file);
  }
  text += fmt::format("{:>14} readings {:>10} events  in {} shards\n", grouped(digest.total.readings),
                      grouped(digest.total.events), grouped(digest.shards.size()));
  for (const std::string& run : digest.runs) text += fmt::format("run {}\n", run);
  return text + fmt::format("digest {}\n", digest.text());
}

// The text is all these commands do, so failing to get rid of it is failing.
void print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    throw std::runtime_error(std::string("cannot write to standard output: ") + std::strerror(errno));
  }
}

}  // namespace

int run_command(const Arguments& arguments) {
  configure_sqlite();
  Inputs inputs = read_inputs(arguments);
  Console console(!inputs.config.logging.quiet);
  const auto log = make_log(inputs.config.logging, inputs.config.log_file(), console);
  for (const std::string& warning : inputs.warnings) log->warn("{}", warning);
  // From here on there are files: a signal is kept until the run can end in order.
  StopSignals signals;
  Simulator simulator(std::move(inputs), console, log);
  return static_cast<int>(simulator.run(signals));
}

int check_command(const Arguments& arguments) {
  const Inputs inputs = read_inputs(arguments);
  for (const std::string& warning : inputs.warnings) std::fprintf(stderr, "fleet-sim: %s\n", warning.c_str());
  print(fmt::format("config ok; {} identities in {} files, {} of them in partition {}/{}\n",
                    grouped(inputs.identities.roster.size()), grouped(inputs.identities.files),
                    grouped(inputs.members.size()), inputs.config.fleet.partition.index,
                    inputs.config.fleet.partition.count));
  return static_cast<int>(ExitCode::done);
}

int digest_command(const std::string& directory, bool json) {
  configure_sqlite();
  if (!std::filesystem::is_directory(directory)) throw InvalidInput(directory + ": no such directory");
  const DirectoryDigest digest = digest_directory(directory);
  if (digest.shards.empty()) throw InvalidInput(directory + ": holds no .db files");
  print(json ? json_of(digest) : text_of(digest));
  return static_cast<int>(ExitCode::done);
}

}  // namespace fleet_sim
