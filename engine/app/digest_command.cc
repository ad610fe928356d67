#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/output.h"
#include "app/sources_argument.h"
#include "base/json_writer.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "data/digest.h"
#include "run/exit_code.h"
#include "tables/database.h"

namespace fleet_sim::app {
namespace {

struct DigestOptions {
  std::vector<std::filesystem::path> sources;
  bool json = false;
};

// What retention has deleted: nothing, in most directories.
void add_deleted(JsonWriter& json, const tables::Deletions& deleted) {
  json.object("deleted", [&] {
    json.member("readings", deleted.readings);
    json.member("events", deleted.events);
  });
}

void add_run(JsonWriter& json, const tables::RunInfo& run) {
  json.object([&] {
    json.member("run_id", run.run_id);
    json.member("seed", run.seed);
    json.member("version", run.version);
    json.member("config_hash", run.config_hash);
    json.member("fleet_hash", run.fleet_hash);
    json.member("zone_data", run.zone_data);
    json.member("start", timestamp_text(run.start));
    json.member("partition", run.partition);
  });
}

void add_shard(JsonWriter& json, const data::ShardDigest& shard) {
  json.object([&] {
    json.member("file", shard.file);
    json.member("readings", shard.readings);
    json.member("events", shard.events);
    json.member("fleet_events", shard.fleet_events);
    add_deleted(json, shard.deleted);
    json.member("digest", fmt::format("{:016x}{:016x}", shard.readings_hash, shard.events_hash));
  });
}

std::string json_of(const data::DirectoryDigest& digest) {
  std::string text;
  JsonWriter json(text, JsonLayout::indented);
  json.object([&] {
    json.member("digest", digest.text());
    json.member("readings", digest.total.readings);
    json.member("events", digest.total.events);
    json.member("fleet_events", digest.total.fleet_events);
    add_deleted(json, digest.total.deleted);
    json.array("runs", digest.runs, [&](const tables::RunInfo& run) { add_run(json, run); });
    json.array("shards", digest.shards, [&](const data::ShardDigest& shard) { add_shard(json, shard); });
  });
  return text + '\n';
}

std::string text_of(const data::DirectoryDigest& digest) {
  std::string text;
  for (const data::ShardDigest& shard : digest.shards) {
    text += fmt::format("{:>14} readings {:>10} events  {}\n", grouped(shard.readings), grouped(shard.events),
                        printable(shard.file));
  }
  text += fmt::format("{:>14} readings {:>10} events  in {}\n", grouped(digest.total.readings),
                      grouped(digest.total.events), counted(digest.shards.size(), "shard"));
  if (digest.total.fleet_events > 0)
    text += fmt::format("{:>14} events of the scenario\n", grouped(digest.total.fleet_events));
  if (digest.total.deleted.readings > 0) {
    text += fmt::format("{:>14} readings {:>10} events  deleted by database.retention, not in the digest\n",
                        grouped(digest.total.deleted.readings), grouped(digest.total.deleted.events));
  }
  for (const tables::RunInfo& run : digest.runs) {
    text += fmt::format("run {}  seed {}  version {}  config {}  fleet {}\n", printable(run.run_id), run.seed,
                        printable(run.version), printable(run.config_hash),
                        run.fleet_hash.empty() ? "unknown" : printable(run.fleet_hash));
  }
  return text + fmt::format("digest {}\n", digest.text());
}

int print_digest(const DigestOptions& options) {
  tables::configure_sqlite();
  const data::DirectoryDigest digest = data::digest_of(data::Sources(options.sources));
  print(options.json ? json_of(digest) : text_of(digest));
  return static_cast<int>(run::ExitCode::done);
}

}  // namespace

Command add_digest_command(CLI::App& app) {
  const auto options = std::make_shared<DigestOptions>();
  CLI::App* command = app.add_subcommand("digest", "Prints a digest of data, independent of row order");
  add_sources(*command, options->sources)->required();
  command->add_flag("--json", options->json, "Print JSON with every shard");
  command->footer(
      "The same readings and events have the same digest, however they are sharded.\n\n"
      "  fleet-sim digest data");
  return {command, [options] { return print_digest(*options); }};
}

}  // namespace fleet_sim::app
