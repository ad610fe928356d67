#include "manifest/manifest.h"

#include <fmt/format.h>

#include <exception>
#include <optional>
#include <utility>

#include "base/anomaly_types.h"
#include "base/json_writer.h"
#include "base/ledger.h"
#include "base/timestamp.h"
#include "identity/identity_json.h"
#include "manifest/durable_file.h"
#include "manifest/read_manifest.h"

namespace fleet_sim::manifest {
namespace {

constexpr std::size_t bytes_at_once = std::size_t{1} << 20;

std::string name_of(const config::Partition& partition, std::string_view stem, std::string_view extension) {
  if (partition.count == 1) return fmt::format("{}{}", stem, extension);
  return fmt::format("{}.{}-of-{}{}", stem, partition.index, partition.count, extension);
}

void append_version(std::string& out, const identity::Roster& roster, std::uint32_t sensor, Timestamp from) {
  out += fmt::format("{{\"valid_from\":\"{}\",\"identity\":", timestamp_text(from));
  identity::append_json_line(out, roster, roster[sensor]);
  out += "}\n";
}

void append_removal(std::string& out, const identity::Roster& roster, std::uint32_t sensor, Timestamp at) {
  JsonWriter json(out);
  json.object([&] {
    json.member("valid_until", timestamp_text(at));
    json.member("id", roster[sensor].id);
  });
  json.end_line();
}

// What a reload says of sensors, as lines of sensors.jsonl.
void append_changes(std::string& out, const identity::Roster& roster, const tables::RunReload& reload) {
  for (const std::uint32_t sensor : reload.identities) append_version(out, roster, sensor, reload.at);
  for (const std::uint32_t sensor : reload.removed) append_removal(out, roster, sensor, reload.at);
}

// As lines of agenda.jsonl.
void append_entry(std::string& out, const tables::RunReload& reload) {
  JsonWriter json(out);
  json.object([&] {
    json.member("reload", reload.number);
    json.member("at", timestamp_text(reload.at));
    json.member("changes", reload.changes);
    json.member("fleet_size", reload.fleet_size);
    json.member("config", reload.config);
    json.member("config_hash", reload.config_hash);
    json.member("fleet_hash", reload.fleet_hash);
  });
  json.end_line();
}

void append_entry(std::string& out, const Injected& injected) {
  const batch::AnomalyEvent& event = injected.event;
  JsonWriter json(out, JsonLayout::compact, JsonReals::plain);
  json.object([&] {
    json.member("injection", fleet_sim::name_of(event.type));
    json.member("at", timestamp_text(event.started_at));
    json.member("until", timestamp_text(event.ended_at));
    json.member("sensor_id", injected.sensor);
    json.member("channel", injected.channel);
    json.member("severity", event.severity);
    json.member("magnitude", event.magnitude);
  });
  json.end_line();
}

// A file that has no name until it is whole, so that nobody takes a part of it for all.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(const std::filesystem::path& path)
      : path_(path), unfinished_(path.string() + ".new") {
    std::filesystem::remove(unfinished_);
  }

  // Ends in whole lines; what has gathered is written now and then.
  std::string& text() {
    if (text_.size() >= bytes_at_once) write();
    return text_;
  }
  void finish() {
    write();
    rename_durably(unfinished_, path_);
  }

 private:
  void write() {
    append_durably(unfinished_, text_);
    text_.clear();
  }

  const std::filesystem::path& path_;
  const std::filesystem::path unfinished_;
  std::string text_;
};

// A file of the earlier run: run-RUN_ID.json.
void rename_to_run(const std::filesystem::path& path, const std::string& run_id) {
  if (!std::filesystem::exists(path)) return;
  const std::filesystem::path kept =
      path.parent_path() / fmt::format("{}-{}{}", path.stem().string(), run_id, path.extension().string());
  std::filesystem::rename(path, kept);
}

// What `work` throws as a message.
template <class Work>
std::string tried(const Work& work) {
  try {
    work();
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

Paths::Paths(const std::filesystem::path& folder, const config::Partition& partition)
    : run(folder / name_of(partition, "run", ".json")),
      sensors(folder / name_of(partition, "sensors", ".jsonl")),
      agenda(folder / name_of(partition, "agenda", ".jsonl")),
      progress(folder / name_of(partition, "progress", ".json")) {}

Manifest::Manifest(Paths paths, const tables::RunInfo& run, std::string sink)
    : paths_(std::move(paths)), run_(run), sink_(std::move(sink)) {}

void Manifest::begin() {
  if (std::filesystem::exists(paths_.sensors)) keep_earlier();
  write_run(nullptr);
}

void Manifest::keep_earlier() const {
  const std::optional<RecordedRun> earlier = find_run(paths_.run);
  if (!earlier || earlier->run.run_id == run_.run_id) return;
  // The one that the others belong to comes last, so that a kill leaves none of them to another run.
  for (const auto& path : {paths_.sensors, paths_.agenda, paths_.progress, paths_.run})
    rename_to_run(path, earlier->run.run_id);
}

void Manifest::write_run(const End* end) const {
  std::string text;
  JsonWriter json(text, JsonLayout::indented);
  json.object([&] {
    json.member("run_id", run_.run_id);
    json.member("version", run_.version);
    json.member("seed", run_.seed);
    json.member("start", timestamp_text(run_.start));
    json.member("began_at", timestamp_text(run_.began_at));
    json.member("resumed_at",
                run_.resumed_at ? std::optional(timestamp_text(*run_.resumed_at)) : std::nullopt);
    json.member("sink", sink_);
    json.member("fleet_size", run_.fleet_size);
    json.member("partition", run_.partition);
    json.member("shard_by", run_.shard_by);
    json.member("config", run_.config);
    json.member("config_hash", run_.config_hash);
    json.member("fleet_hash", run_.fleet_hash);
    json.member("zone_data", run_.zone_data);
    json.key("spread");
    json.put(run_.spread.empty() ? "null" : run_.spread);
    json.key("books");
    if (end == nullptr) return json.value(std::nullopt);
    const Books& books = end->books;
    json.object([&] {
      json.member("until", timestamp_text(end->until));
      json.member("due", books.due);
      json.member("generated", books.generated);
      json.member("written", books.written);
      json.member("found", books.found);
      json.member("duplicates", books.duplicates);
      for (const RowAbsence& absence : row_absences) json.member(absence.name, absence.count(books));
      json.member("lost_at_stop", books.lost_at_stop());
      json.member("events_lost", books.events_lost);
      json.member("events_unconfirmed", books.events_unconfirmed);
    });
  });
  json.end_line();
  replace_durably(paths_.run, text);
}

void Manifest::begin(const identity::Roster& roster, const tables::RunReloads& reloads,
                     std::span<const Injected> injected) {
  keep_earlier();
  write_run(nullptr);
  UnfinishedFile agenda(paths_.agenda);
  UnfinishedFile sensors(paths_.sensors);
  for (const std::uint32_t member : reloads.began_with().identities)
    append_version(sensors.text(), roster, member, run_.start);
  for (std::size_t i = 0; i < reloads.size(); ++i) {
    append_changes(sensors.text(), roster, reloads[i]);
    append_entry(agenda.text(), reloads[i]);
  }
  for (const Injected& one : injected) append_entry(agenda.text(), one);
  agenda.finish();
  sensors.finish();
}

std::string Manifest::add_reload(const tables::RunReload& reload, const identity::Roster& roster) const {
  std::string sensors;
  append_changes(sensors, roster, reload);
  std::string agenda;
  append_entry(agenda, reload);
  return tried([&] {
    if (!sensors.empty()) append_durably(paths_.sensors, sensors);
    append_durably(paths_.agenda, agenda);
  });
}

std::string Manifest::add_injection(const Injected& injected) const {
  std::string agenda;
  append_entry(agenda, injected);
  return tried([&] { append_durably(paths_.agenda, agenda); });
}

std::string Manifest::end(const Books& books, Timestamp until) const {
  const End end{books, until};
  return tried([&] { write_run(&end); });
}

}  // namespace fleet_sim::manifest
