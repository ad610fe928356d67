#include "history/run_part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/anomaly_types.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "config/config.h"
#include "data/data_directory.h"
#include "data/found_shard.h"
#include "delivery/fate.h"
#include "fleet/profile_table.h"
#include "history/history.h"
#include "identity/identity_parser.h"
#include "manifest/read_manifest.h"
#include "types/catalog.h"
#include "yaml/tree.h"

namespace fleet_sim::history {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view first_of_names = "run";
constexpr int most_partitions_named = 1'000;

// A run as a place knows it, before it has been chosen.
struct Found {
  fs::path place;
  fs::path manifest;            // that tells all of it; empty: the shards do
  std::vector<fs::path> files;  // these
  tables::RunInfo run;
};

bool is_manifest_name(const fs::path& file) {
  const std::string name = file.filename().string();
  return file.extension() == ".json" &&
         (name == "run.json" || name.starts_with("run.") || name.starts_with("run-"));
}

// Beside run.2-of-4.json: sensors.2-of-4.jsonl.
fs::path beside(const fs::path& manifest, std::string_view stem) {
  const std::string rest = manifest.stem().string().substr(first_of_names.size());
  return manifest.parent_path() / fmt::format("{}{}.jsonl", stem, rest);
}

std::vector<fs::path> manifests_in(const fs::path& folder) {
  std::vector<fs::path> manifests;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (is_manifest_name(entry.path())) manifests.push_back(entry.path());
  }
  std::ranges::sort(manifests);
  return manifests;
}

void add_runs_of(const std::vector<fs::path>& files, const fs::path& place, std::vector<Found>& found) {
  std::map<std::string, Found> by_id;
  for (const fs::path& file : files) {
    tables::Database shard = data::open_shard(file);
    data::check_shard(shard, file);
    for (const data::RecordedRun& run : data::read_runs(shard, file))
      by_id.try_emplace(run.run_id, Found{place, {}, files, run});
  }
  for (auto& [id, one] : by_id) found.push_back(std::move(one));
}

void add_manifest(const fs::path& manifest, const fs::path& place, std::vector<Found>& found) {
  const auto recorded = manifest::find_run(manifest);
  if (!recorded) throw InvalidInput(fmt::format("{}: cannot be read", manifest.string()));
  if (fs::exists(beside(manifest, "sensors"))) {
    found.push_back({place, manifest, {}, recorded->run});
    return;
  }
  std::vector<Found> of_shards;
  add_runs_of(data::list_shards(manifest.parent_path()), place, of_shards);
  const auto same = std::ranges::find_if(
      of_shards, [&](const Found& one) { return one.run.run_id == recorded->run.run_id; });
  if (same == of_shards.end()) {
    throw InvalidInput(
        fmt::format("{}: the sensors of the run are missing: there is no {}, and no file of it",
                    manifest.string(), beside(manifest, "sensors").string()));
  }
  found.push_back(std::move(*same));
}

void add_place(const fs::path& place, std::vector<Found>& found) {
  const std::size_t before = found.size();
  if (!fs::exists(place)) throw InvalidInput(fmt::format("{}: does not exist", place.string()));
  if (!fs::is_directory(place)) {
    return place.extension() == ".json" ? add_manifest(place, place, found)
                                        : add_runs_of(data::Sources(place).files, place, found);
  }
  const std::vector<fs::path> shards = data::list_shards(place);
  if (!shards.empty()) add_runs_of(shards, place, found);
  for (const fs::path& manifest : manifests_in(place)) {
    if (fs::exists(beside(manifest, "sensors"))) add_manifest(manifest, place, found);
  }
  if (found.size() == before)
    throw InvalidInput(
        fmt::format("{}: holds no run: neither .db files nor run.json with sensors.jsonl", place.string()));
}

std::string listed(const std::vector<Found>& found) {
  std::vector<std::string> lines;
  for (const Found& one : found) {
    lines.push_back(fmt::format("{} (began {}, {})", printable(one.run.run_id),
                                brief_timestamp_text(one.run.start),
                                one.run.partition.empty() ? "1/1" : printable(one.run.partition)));
  }
  return fmt::format("{}", fmt::join(lines, ", "));
}

// Partitions of one fleet: of one seed and start, each with its own number.
bool is_one_fleet(const std::vector<Found>& found) {
  std::set<std::string> partitions;
  for (const Found& one : found) {
    if (one.run.seed != found.front().run.seed) return false;
    if (!partitions.insert(one.run.partition).second) return false;
  }
  return found.size() == 1 || !partitions.contains("1/1");
}

std::vector<Found> chosen(std::vector<Found> found, const RunChoice& choice) {
  if (!choice.run_id.empty()) {
    const std::string all = listed(found);
    std::erase_if(found, [&](const Found& one) { return one.run.run_id != choice.run_id; });
    if (found.empty())
      throw InvalidInput(
          fmt::format("--run {}: there is no such run; there are {}", printable(choice.run_id), all));
    found.resize(1);
    return found;
  }
  if (!is_one_fleet(found))
    throw InvalidInput(fmt::format("several runs; choose one with --run ID: {}", listed(found)));
  return found;
}

std::optional<identity::IdentityRecord> parse_identity(std::string_view json, const types::Catalog& types) {
  identity::IdentityFindings findings;
  identity::parse_identity_lines(json, 1, types, findings, identity::largest_recorded_bytes);
  if (!findings.mistakes.empty() || findings.identities.size() != 1) return std::nullopt;
  return std::move(findings.identities.front().record);
}

std::string unquoted(std::string_view json) {
  Problems problems;
  const auto node = yaml::parse(json, yaml::FileProblems("id", problems));
  return node ? node->text : std::string();
}

// One line of agenda.jsonl.
class AgendaLine {
 public:
  AgendaLine(const std::string& line, std::string where) : where_(std::move(where)) {
    Problems problems;
    root_ = yaml::parse(line, yaml::FileProblems(where_, problems));
    if (!root_ || !problems.empty() || !root_->is(yaml::Node::Kind::map)) refuse();
  }

  [[nodiscard]] std::string text(std::string_view name) const {
    const yaml::Node* value = yaml::find_value(*root_, name);
    return value == nullptr || value->is(yaml::Node::Kind::null) ? std::string() : value->text;
  }
  [[nodiscard]] Timestamp moment(std::string_view name) const {
    const auto at = parse_timestamp(text(name));
    if (!at) refuse();
    return *at;
  }
  [[noreturn]] void refuse() const {
    throw InvalidInput(fmt::format("{}: is no line of a manifest", where_));
  }

 private:
  std::string where_;
  std::optional<yaml::Node> root_;
};

Asked asked_in(const AgendaLine& line) {
  const auto type = anomaly_type_of(line.text("injection"));
  if (!type) line.refuse();
  Asked asked{line.text("sensor_id"), line.text("channel"), {}, line.moment("at")};
  asked.request.type = *type;
  asked.request.cause = AnomalyCause::injected;
  asked.request.duration = line.moment("until") - asked.at + 1;
  if (const std::string severity = line.text("severity"); !severity.empty()) {
    double number = 0;
    const auto [end, error] = std::from_chars(severity.data(), severity.data() + severity.size(), number);
    if (error != std::errc{} || end != severity.data() + severity.size()) line.refuse();
    asked.request.severity = number;
  }
  return asked;
}

void read_agenda(const fs::path& path, RunPart& part) {
  std::ifstream file(path, std::ios::binary);
  const auto refuse = [&] {
    throw InvalidInput(
        fmt::format("{}: cannot be read; it says what happened to the sensors of the run", path.string()));
  };
  if (!file.is_open()) refuse();
  std::size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    const AgendaLine line(text, fmt::format("{}:{}", path.string(), ++number));
    if (!line.text("injection").empty()) {
      part.asked.push_back(asked_in(line));
      continue;
    }
    data::RecordedReload& recorded = part.record.reloads.emplace_back();
    recorded.reload.number = part.record.reloads.size();
    recorded.reload.at = line.moment("at");
    recorded.reload.config = line.text("config");
    recorded.reload.config_hash = line.text("config_hash");
  }
  if (file.bad()) refuse();
}

// Reloads are on the agenda after what they say of sensors is on the disk.
void read_versions(const fs::path& path, RunPart& part) {
  const config::Config config = recorded_config(part.run);
  std::string last_config;
  for (const data::RecordedReload& one : part.record.reloads) last_config = one.reload.config;
  tables::RunInfo last = part.run;
  if (!last_config.empty()) last.config = last_config;
  const auto types =
      fleet::types_under(recorded_config(last), fleet::types_under(config, types::built_in_types()));
  std::unordered_map<std::string, bool> is_known;
  manifest::read_sensors(path, [&](const manifest::SensorLine& line) {
    const auto reload = std::ranges::find_if(
        part.record.reloads, [&](const data::RecordedReload& one) { return one.reload.at == line.at; });
    if (line.identity.empty()) {
      if (reload != part.record.reloads.end())
        reload->identities.removed.push_back(unquoted(line.removed_id));
      return;
    }
    auto record = parse_identity(line.identity, *types);
    if (!record)
      throw InvalidInput(fmt::format("{}: has an identity that cannot be read: {}", path.string(),
                                     printable(line.identity)));
    const bool begins = line.at == part.run.start && !is_known.contains(record->id);
    is_known[record->id] = true;
    if (begins) {
      part.record.began_with.push_back(std::move(*record));
    } else if (reload != part.record.reloads.end()) {
      reload->identities.identities.push_back(std::move(*record));
    } else {
      throw InvalidInput(fmt::format("{}: sensor '{}' changes at {}, where agenda.jsonl has no reload",
                                     path.string(), printable(record->id), timestamp_text(line.at)));
    }
  });
}

void demand_sensors(const std::string& where, RunPart& part) {
  const std::size_t count = part.record.began_with.size();
  if (count == part.run.fleet_size) return;
  if (count == 0 && part.run.fleet_size > 0)
    throw InvalidInput(fmt::format(
        "{}: does not say which sensors run {} began with: an older version wrote it, or a file is missing",
        where, printable(part.run.run_id)));
  part.sensors_lost = fmt::format("{}: has {} of the {} sensors of run {}", where, count, part.run.fleet_size,
                                  printable(part.run.run_id));
}

// What the books say that no span does.
void note_books(const manifest::RecordedRun& recorded, RunPart& part) {
  if (recorded.until) part.until = *recorded.until;
  if (!recorded.has_ended) return;
  const auto note = [&](std::string reason, std::uint64_t rows) {
    if (rows > 0) part.lacking.push_back({std::move(reason), earliest_timestamp, latest_timestamp, rows});
  };
  if (part.lacking.empty()) note("lost or skipped by the run", recorded.lost + recorded.skipped);
  note("rejected by the server", recorded.rejected);
  note("sent and never answered", recorded.unconfirmed);
}

RunPart read_manifest_part(const Found& found) {
  RunPart part{.name = found.manifest.string(), .run = found.run, .record = {}, .asked = {}, .lacking = {}};
  read_agenda(beside(found.manifest, "agenda"), part);
  read_versions(beside(found.manifest, "sensors"), part);
  demand_sensors(beside(found.manifest, "sensors").string(), part);
  note_books(*manifest::find_run(found.manifest), part);
  return part;
}

std::optional<Timestamp> moment_in(const tables::Statement& row, int column) {
  if (row.type(column) == SQLITE_NULL) return std::nullopt;
  return parse_timestamp(row.text(column));
}

void read_losses(tables::Database& shard, const fs::path& file, RunPart& part) {
  if (!data::has_table(shard, "run_losses", file)) return;
  tables::Statement columns = data::prepare_query(
      shard, "SELECT count(*) FROM pragma_table_info('run_losses') WHERE name = 'reason'", file);
  const bool is_earlier = !data::next_row(columns, shard, file) || columns.integer(0) == 0;
  tables::Statement row =
      data::prepare_query(shard,
                          is_earlier ? "SELECT '', since, NULL, NULL FROM run_losses WHERE run_id = ?1"
                                     : "SELECT reason, since, until, rows FROM run_losses WHERE run_id = ?1",
                          file);
  row.bind(1, part.run.run_id);
  while (data::next_row(row, shard, file)) {
    Lacking lacking;
    lacking.reason = row.text(0).empty() ? "lost" : row.text(0);
    lacking.since = moment_in(row, 1).value_or(earliest_timestamp);
    lacking.until = moment_in(row, 2).value_or(latest_timestamp);
    if (row.type(3) != SQLITE_NULL) lacking.rows = static_cast<std::uint64_t>(row.integer(3));
    part.lacking.push_back(std::move(lacking));
  }
}

// How far the rows of the run go that the file has: until the last one was due, or arrived. They are in order
// but for seconds.
std::optional<Timestamp> last_row(tables::Database& shard, const fs::path& file, const std::string& run_id) {
  const std::vector<data::RecordedRun> runs = data::read_runs(shard, file);
  const auto run = std::ranges::find(runs, run_id, &data::RecordedRun::run_id);
  if (run == runs.end() || !data::has_table(shard, "sensor_readings", file)) return std::nullopt;
  std::int64_t end = INT64_MAX;
  for (const data::RecordedRun& other : runs) {
    if (other.first_reading_id > run->first_reading_id) end = std::min(end, other.first_reading_id);
  }
  tables::Statement columns = data::prepare_query(
      shard, "SELECT count(*) FROM pragma_table_info('sensor_readings') WHERE name = 'arrived_at'", file);
  const bool has_arrival = data::next_row(columns, shard, file) && columns.integer(0) > 0;
  const std::string at = has_arrival ? "max(timestamp, coalesce(arrived_at, ''))" : "timestamp";
  tables::Statement row =
      data::prepare_query(shard,
                          fmt::format("SELECT max(at) FROM (SELECT {} AS at FROM sensor_readings WHERE id >= "
                                      "?1 AND id < ?2 ORDER BY id DESC LIMIT 300000)",
                                      at),
                          file);
  row.bind(1, run->first_reading_id);
  row.bind(2, end);
  return data::next_row(row, shard, file) ? moment_in(row, 0) : std::nullopt;
}

// The run did not say where it ended: its files know what it wrote, but for the last second of each.
void find_end(const std::vector<fs::path>& files, RunPart& part) {
  BrokenOff& broken_off = part.broken_off.emplace();
  std::optional<Timestamp> last;
  for (const fs::path& file : files) {
    tables::Database shard = data::open_shard(file);
    const auto at = last_row(shard, file, part.run.run_id);
    if (!at) continue;
    broken_off.last_rows[file.filename().string()] = *at;
    last = std::max(last.value_or(*at), *at);
  }
  part.until = last ? *last + 1 : part.run.start;
}

void read_asked(const std::vector<fs::path>& files, RunPart& part) {
  std::vector<std::string> ids;
  std::unordered_map<std::string, std::uint32_t> number_of;
  const auto know = [&](const identity::IdentityRecord& record) {
    if (number_of.try_emplace(record.id, static_cast<std::uint32_t>(ids.size())).second)
      ids.push_back(record.id);
  };
  for (const identity::IdentityRecord& record : part.record.began_with) know(record);
  for (const data::RecordedReload& reload : part.record.reloads) {
    for (const identity::IdentityRecord& record : reload.identities.identities) know(record);
  }
  const auto find = [&](std::string_view id) -> std::optional<std::uint32_t> {
    const auto known = number_of.find(std::string(id));
    return known == number_of.end() ? std::nullopt : std::optional(known->second);
  };
  std::set<std::pair<std::uint32_t, Timestamp>> known;
  for (const fs::path& file : files) {
    data::FoundFile shard(file, part.run.run_id, find);
    shard.read_events(part.run.start, find);
    for (const auto& event : shard.injected_since()) {
      if (known.emplace(event.sensor, event.started_at).second)
        part.asked.push_back({ids[event.sensor], "", event.request, event.started_at});
    }
  }
}

RunPart read_part_of_files(const Found& found) {
  RunPart part{.name = found.place.string(), .run = found.run, .record = {}, .asked = {}, .lacking = {}};
  part.record = data::read_record(found.files, found.run.run_id, found.run.config);
  demand_sensors(part.name, part);
  read_asked(found.files, part);
  for (const fs::path& file : found.files) {
    tables::Database shard = data::open_shard(file);
    read_losses(shard, file, part);
  }
  for (const fs::path& manifest : manifests_in(found.files.front().parent_path())) {
    const auto recorded = manifest::find_run(manifest);
    if (recorded && recorded->run.run_id == part.run.run_id) note_books(*recorded, part);
  }
  if (part.until == latest_timestamp) find_end(found.files, part);
  return part;
}

// How long after it was due a reading may arrive under the config, unless it is held for good.
Microseconds longest_way(const config::Config& config) {
  constexpr Microseconds longest = latest_timestamp / 4;
  Microseconds median = config.delivery.late.median;
  Microseconds held = 0;
  for (const scenario::Entry& entry : config.scenario) {
    const auto* how = std::get_if<scenario::Deliver>(&entry.verb);
    if (how == nullptr) continue;
    median = std::max(median, how->late.value_or(scenario::Late()).median);
    if (!how->hold) continue;
    const Microseconds drained = entry.duration / static_cast<Microseconds>(how->drain);
    held = std::min(held + entry.duration + drained, longest);  // one hold may follow another
  }
  return std::min(delivery::latest_in_medians * median, longest) + held;
}

// Where the run goes on, rows of before that time may be late or held.
void judge_until(Timestamp until, RunPart& part) {
  part.judged_until = until;
  part.goes_on = part.until == latest_timestamp;
  if (!part.goes_on) return;
  Microseconds longest = longest_way(recorded_config(part.run));
  tables::RunInfo then = part.run;
  for (const data::RecordedReload& one : part.record.reloads) {
    if (one.reload.config.empty()) continue;
    then.config = one.reload.config;
    longest = std::max(longest, longest_way(recorded_config(then)));
  }
  part.until = std::min(until + longest, latest_timestamp - 1);
}

void demand_this_version(const tables::RunInfo& run, const std::string& where) {
  if (run.version == FLEET_SIM_VERSION) return;
  throw InvalidInput(
      fmt::format("{}: run {} was made by fleet-sim {}; this is {}, which may make other readings. Audit it "
                  "with the version that made it",
                  where, printable(run.run_id), printable(run.version), FLEET_SIM_VERSION));
}

}  // namespace

std::string missing_partitions(const std::vector<RunPart>& parts) {
  std::set<std::string> there;
  for (const RunPart& part : parts) there.insert(part.run.partition);
  const std::string& first = parts.front().run.partition;
  const std::size_t slash = first.find('/');
  if (slash == std::string::npos) return {};
  const int count = std::min(std::atoi(first.c_str() + slash + 1), most_partitions_named);
  std::vector<std::string> missing;
  for (int k = 1; k <= count; ++k) {
    if (std::string name = fmt::format("{}/{}", k, count); !there.contains(name))
      missing.push_back(std::move(name));
  }
  if (missing.empty()) return {};
  return fmt::format("partition {} of the fleet is not given; rows of its sensors are unexpected",
                     fmt::join(missing, ", "));
}

std::vector<RunPart> find_run_parts(const std::vector<fs::path>& places, const RunChoice& choice) {
  std::vector<Found> found;
  std::set<fs::path> known;
  for (const fs::path& place : places) {
    if (known.insert(fs::weakly_canonical(place)).second) add_place(place, found);
  }
  std::vector<RunPart> parts;
  for (const Found& one : chosen(std::move(found), choice)) {
    demand_this_version(one.run, one.place.string());
    RunPart part = one.manifest.empty() ? read_part_of_files(one) : read_manifest_part(one);
    if (choice.until) judge_until(*choice.until, part);
    if (part.until == latest_timestamp)
      throw InvalidInput(
          fmt::format("{}: run {} does not say where it ended: it is still running, was killed, or stopped "
                      "right after it was resumed; "
                      "give --until TIME, and readings due before then are judged",
                      part.name, printable(part.run.run_id)));
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace fleet_sim::history
