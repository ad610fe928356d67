#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "app/commands.h"
#include "app/output.h"
#include "base/exit_code.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "data/digest.h"
#include "report/report_json.h"
#include "sqlite/sqlite.h"

namespace fleet_sim::app {
namespace {

struct DigestOptions {
  std::string directory;
  bool json = false;
};

// What retention has deleted: nothing, in most directories.
nlohmann::ordered_json deleted_json(const sqlite::Deletions& deleted) {
  return {{"readings", deleted.readings}, {"events", deleted.events}};
}

nlohmann::ordered_json json_of(const data::ShardDigest& shard) {
  return {{"file", shard.file},
          {"readings", shard.readings},
          {"events", shard.events},
          {"deleted", deleted_json(shard.deleted)},
          {"digest", fmt::format("{:016x}{:016x}", shard.readings_hash, shard.events_hash)}};
}

nlohmann::ordered_json json_of(const sqlite::RunInfo& run) {
  return {{"run_id", run.run_id},         {"seed", run.seed},
          {"version", run.version},       {"config_hash", run.config_hash},
          {"fleet_hash", run.fleet_hash}, {"start", timestamp_text(run.start)},
          {"partition", run.partition}};
}

std::string json_of(const data::DirectoryDigest& digest) {
  nlohmann::ordered_json json{{"digest", digest.text()},
                              {"readings", digest.total.readings},
                              {"events", digest.total.events},
                              {"deleted", deleted_json(digest.total.deleted)},
                              {"runs", nlohmann::ordered_json::array()},
                              {"shards", nlohmann::ordered_json::array()}};
  for (const sqlite::RunInfo& run : digest.runs) json["runs"].push_back(json_of(run));
  for (const data::ShardDigest& shard : digest.shards) json["shards"].push_back(json_of(shard));
  return report::json_text(json, 2) + '\n';
}

std::string text_of(const data::DirectoryDigest& digest) {
  std::string text;
  for (const data::ShardDigest& shard : digest.shards) {
    text += fmt::format("{:>14} readings {:>10} events  {}\n", grouped(shard.readings), grouped(shard.events),
                        printable(shard.file));
  }
  text += fmt::format("{:>14} readings {:>10} events  in {} shards\n", grouped(digest.total.readings),
                      grouped(digest.total.events), grouped(digest.shards.size()));
  if (digest.total.deleted.readings > 0) {
    text += fmt::format("{:>14} readings {:>10} events  deleted by database.retention, in no digest\n",
                        grouped(digest.total.deleted.readings), grouped(digest.total.deleted.events));
  }
  for (const sqlite::RunInfo& run : digest.runs) {
    text += fmt::format("run {}  seed {}  version {}  config {}  fleet {}\n", printable(run.run_id), run.seed,
                        printable(run.version), printable(run.config_hash),
                        run.fleet_hash.empty() ? "unknown" : printable(run.fleet_hash));
  }
  return text + fmt::format("digest {}\n", digest.text());
}

int print_digest(const DigestOptions& options) {
  sqlite::configure_sqlite();
  const data::DirectoryDigest digest = data::digest_directory(options.directory);
  print(options.json ? json_of(digest) : text_of(digest));
  return static_cast<int>(ExitCode::done);
}

}  // namespace

Command add_digest_command(CLI::App& app) {
  const auto options = std::make_shared<DigestOptions>();
  CLI::App* command = app.add_subcommand("digest", "Prints an order-independent digest of a data directory");
  command->add_option("DIR", options->directory, "Data directory")->required();
  command->add_flag("--json", options->json, "As JSON, with every shard");
  return {command, [options] { return print_digest(*options); }};
}

}  // namespace fleet_sim::app
