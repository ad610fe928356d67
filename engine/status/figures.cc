#include "status/figures.h"

#include <array>
#include <concepts>

#include "base/anomaly_types.h"
#include "base/json_writer.h"

namespace fleet_sim::status {
namespace {

using enum MetricType;

const Status& part_of(const Status& status, const Status*) {
  return status;
}
const RunFacts& part_of(const Status& status, const RunFacts*) {
  return status.run;
}
const Snapshot& part_of(const Status& status, const Snapshot*) {
  return status.now;
}
const Books& part_of(const Status& status, const Books*) {
  return status.now.books;
}
const HeldLogs& part_of(const Status& status, const HeldLogs*) {
  return status.held_logs;
}
const ReloadHistory& part_of(const Status& status, const ReloadHistory*) {
  return status.now.reloads;
}

template <class T>
FigureValue value_of(const T& value) {
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    return static_cast<std::uint64_t>(value);
  } else {
    return value;
  }
}

FigureValue time_of(Timestamp at) {
  return timestamp_text(at);
}

// A member of a Status or of one of its parts, or what a function of theirs returns.
template <class Part, class Member>
ReadOne of(Member Part::*member) {
  return [member](const Status& status) {
    return value_of(std::invoke(member, part_of(status, static_cast<const Part*>(nullptr))));
  };
}

// One of a fixed list of names for each element of a member.
template <class Part, class Values, class Names>
ReadFamily each(const Names& names, Values Part::*member) {
  return [&names, member](const Status& status) {
    const Values& values = part_of(status, static_cast<const Part*>(nullptr)).*member;
    LabeledCounts family;
    for (std::size_t i = 0; i < names.size(); ++i) family.emplace_back(names[i], values[i]);
    return family;
  };
}

ReadDistribution distribution(Distribution Status::*member) {
  return [member](const Status& status) -> const Distribution& { return status.*member; };
}

Labels run_labels(const Status& status) {
  const RunFacts& run = status.run;
  return {{"version", run.version},
          {"run_id", run.run_id},
          {"partition", run.partition},
          {"shard_by", run.shard_by},
          {"config_hash", run.config_hash}};
}

LabeledCounts shards_by_state(const Status& status) {
  const std::size_t sick = status.shards_retrying + status.shards_degraded;
  return {{"healthy", status.now.shards - sick},
          {"retrying", status.shards_retrying},
          {"degraded", status.shards_degraded}};
}

FigureValue text_list(const std::vector<std::string>& texts) {
  std::string text;
  JsonWriter json(text);
  json.begin('[');
  for (const std::string& one : texts) json.value(one);
  json.end(']');
  return JsonText{text};
}

FigureValue reasons_list(const Status& status) {
  return text_list(status.reasons);
}

FigureValue refused_list(const Status& status) {
  return text_list(status.now.reloads.refused);
}

FigureValue held_log_list(const Status& status) {
  std::string text;
  JsonWriter json(text);
  json.begin('[');
  for (const HeldLog& log : status.held_logs.longest) {
    json.begin('{');
    json.member("file", log.file);
    json.member("bytes", log.bytes);
    json.member("seconds", log.seconds);
    json.end('}');
  }
  json.end(']');
  return JsonText{text};
}

FigureValue reload_list(const Status& status) {
  std::string text;
  JsonWriter json(text);
  json.begin('[');
  for (const ReloadRecord& reload : status.now.reloads.last) add_reload(json, reload);
  json.end(']');
  return JsonText{text};
}

// A count for each firmware. Its names are texts of the status.
template <class Count>
ReadFamily by_firmware(const Count& count_of) {
  return [count_of](const Status& status) {
    LabeledCounts family;
    for (const FirmwareRow& row : status.firmware) family.emplace_back(row.version, count_of(row));
    return family;
  };
}

void add_counts(JsonWriter& json, const FirmwareCounts& counts) {
  json.member("readings", counts.readings);
  json.member("anomalous", counts.anomalous);
  json.member("injected", counts.injected);
  json.member("rate", FirmwareRow::share(static_cast<double>(counts.anomalous), counts));
  json.member("expected", FirmwareRow::share(counts.expected, counts));
}

FigureValue firmware_list(const Status& status) {
  std::string text;
  JsonWriter json(text);
  json.begin('[');
  for (const FirmwareRow& row : status.firmware) {
    json.object([&] {
      json.member("version", row.version);
      json.member("sensors", row.sensors);
      add_counts(json, row.counts);
      json.object("last_minute", [&] { add_counts(json, row.recent); });
    });
  }
  json.end(']');
  return JsonText{text};
}

using Figures = std::vector<Figure>;

void add_run(Figures& table) {
  const Figures rows{
      {.metric = "run_info", .help = "Facts about the run; always 1.", .read = ReadLabels(run_labels)},
      {.status = "run.run_id", .read = of(&RunFacts::run_id)},
      {.status = "run.seed", .read = [](const Status& status) { return std::to_string(status.run.seed); }},
      {.status = "run.version", .read = of(&RunFacts::version)},
      {.status = "run.start", .read = [](const Status& status) { return time_of(status.run.start); }},
      {.status = "run.began_at", .read = [](const Status& status) { return time_of(status.run.began_at); }},
      {.status = "run.shard_by", .read = of(&RunFacts::shard_by)},
      {.status = "run.partition", .read = of(&RunFacts::partition)},
      {.status = "run.data_directory", .read = of(&RunFacts::data_directory)},
      {.status = "run.sink", .read = of(&RunFacts::sink)},
      {.status = "run.config_hash", .read = of(&RunFacts::config_hash)},
      {.status = "state", .read = [](const Status& status) { return std::string(status.state()); }},
      {.metric = "healthy",
       .help = "1 if every shard can be written, otherwise 0.",
       .status = "healthy",
       .read = of(&Status::healthy)},
      {.status = "reasons", .read = reasons_list},
      {.metric = "draining",
       .help = "1 from the last reading until the process exits.",
       .read = of(&Status::draining)},
      {.metric = "filling_history",
       .help = "1 while the fleet is catching up with its clock; lag is measured afterwards.",
       .read = [](const Status& status) { return FigureValue(status.now.history_left.has_value()); }},
  };
  table.insert(table.end(), rows.begin(), rows.end());
}

void add_fleet(Figures& table) {
  const Figures rows{
      {.metric = "sensors",
       .help = "Sensors that this process simulates.",
       .status = "fleet.sensors",
       .read = of(&Snapshot::sensors)},
      {.status = "fleet.threads", .read = of(&RunFacts::threads)},
      {.status = "fleet.writers", .read = of(&RunFacts::writers)},
      {.status = "fleet.speed", .read = of(&RunFacts::speed)},
      {.metric = "nominal_readings_per_second",
       .help = "Readings due per simulated second.",
       .status = "fleet.readings_per_second",
       .read = of(&RunFacts::readings_per_second)},
      {.status = "fleet.due_per_second", .in_history = true, .read = of(&RunFacts::due_per_second)},
      {.metric = "elapsed_seconds",
       .help = "Real time since this process started the run.",
       .status = "progress.elapsed_seconds",
       .read = of(&Snapshot::elapsed_seconds)},
      {.metric = "simulated_seconds_total",
       .type = counter,
       .help = "Simulated time that this process has covered.",
       .status = "progress.simulated_seconds",
       .read = [](const Status& status) { return status.now.simulated_seconds.value_or(0); }},
      {.status = "progress.simulated_unix_seconds",
       .in_history = true,
       .read = [](const Status& status) { return static_cast<double>(status.now.reached) * 1e-6; }},
      {.status = "progress.simulated_total_seconds", .read = of(&Snapshot::simulated_total)},
      {.status = "progress.history_left_seconds", .read = of(&Snapshot::history_left)},
      {.status = "progress.left_seconds",
       .read = [](const Status& status) { return FigureValue(seconds_left(status.now)); }},
  };
  table.insert(table.end(), rows.begin(), rows.end());
}

void add_readings(Figures& table) {
  const Figures rows{
      {.metric = "readings_due_total",
       .type = counter,
       .help = "Readings that were due.",
       .status = "readings.due",
       .read = of(&Books::due)},
      {.metric = "readings_skipped_total",
       .type = counter,
       .help = "Readings that were due but skipped.",
       .status = "readings.skipped",
       .read = of(&Books::skipped)},
      {.metric = "readings_silent_total",
       .type = counter,
       .help = "Readings due of sensors that the scenario keeps silent, or away.",
       .status = "readings.silent",
       .read = of(&Books::silent)},
      {.metric = "readings_generated_total",
       .type = counter,
       .help = "Readings that were generated.",
       .status = "readings.generated",
       .read = of(&Books::generated)},
      {.metric = "readings_missing_total",
       .type = counter,
       .help = "Readings left out by " + row_leaving_types_text() + " anomalies.",
       .status = "readings.missing",
       .read = of(&Books::missing)},
      {.metric = "readings_dropped_total",
       .type = counter,
       .help = "Readings that delivery dropped.",
       .status = "readings.dropped",
       .read = of(&Books::dropped)},
      {.metric = "readings_undelivered",
       .help = "Readings that are late or held, and have not arrived.",
       .status = "readings.undelivered",
       .read = of(&Books::undelivered)},
      {.metric = "readings_duplicated_total",
       .type = counter,
       .help = "Rows that delivery brought once more.",
       .status = "readings.duplicates",
       .read = of(&Books::duplicates)},
      {.metric = "readings_written_total",
       .type = counter,
       .help = "Readings that were committed.",
       .status = "readings.written",
       .read = of(&Books::written)},
      {.metric = "readings_found_total",
       .type = counter,
       .help = "Readings already in the files when the run was resumed.",
       .status = "readings.found",
       .read = of(&Books::found)},
      {.status = "readings.lost", .status_last = true, .read = of(&Books::lost)},
      {.metric = "readings_lost_total",
       .type = counter,
       .help = "Readings lost, by reason.",
       .label = "reason",
       .status = "readings.lost_by_reason",
       .status_last = true,
       .read = each(loss_reason_names, &Books::lost_by_reason)},
      {.metric = "readings_rejected_total",
       .type = counter,
       .help = "Readings that the server does not take.",
       .status = "readings.rejected",
       .status_last = true,
       .read = of(&Books::rejected)},
      {.metric = "readings_unconfirmed_total",
       .type = counter,
       .help = "Readings sent and never answered before the run ended.",
       .status = "readings.unconfirmed",
       .status_last = true,
       .read = of(&Books::unconfirmed)},
      {.metric = "readings_resent_total",
       .type = counter,
       .help = "Readings sent once more, because an answer was lost.",
       .status = "readings.resent",
       .status_last = true,
       .read = of(&Books::resent)},
      {.metric = "events_lost_total",
       .type = counter,
       .help = "Anomaly events lost.",
       .read = of(&Books::events_lost)},
      {.metric = "events_unconfirmed_total",
       .type = counter,
       .help = "Anomaly events sent and never answered before the run ended.",
       .read = of(&Books::events_unconfirmed)},
      {.metric = "readings_pending",
       .help = "Readings not yet written.",
       .status = "readings.pending",
       .read = of(&Books::pending)},
      {.status = "readings.written_per_second",
       .status_last = true,
       .in_history = true,
       .read = of(&Status::written_per_second)},
      {.status = "anomalies.total", .read = of(&Books::anomalies)},
      {.metric = "anomalies_total",
       .type = counter,
       .help = "Anomalies started, by type.",
       .label = "type",
       .status = "anomalies.by_type",
       .in_history = true,
       .read = each(anomaly_type_names, &Books::anomalies_by_type)},
  };
  table.insert(table.end(), rows.begin(), rows.end());
}

void add_firmware(Figures& table) {
  const Figures rows{
      {.metric = "firmware_sensors",
       .help = "Sensors, by firmware.",
       .label = "firmware",
       .read = by_firmware([](const FirmwareRow& row) { return row.sensors; })},
      {.metric = "firmware_readings_total",
       .type = counter,
       .help = "Readings taken, missing ones included, by firmware.",
       .label = "firmware",
       .read = by_firmware([](const FirmwareRow& row) { return row.counts.readings; })},
      {.metric = "firmware_anomalous_readings_total",
       .type = counter,
       .help = "Anomalous ones of these readings, by firmware.",
       .label = "firmware",
       .read = by_firmware([](const FirmwareRow& row) { return row.counts.anomalous; })},
      {.metric = "firmware_injected_readings_total",
       .type = counter,
       .help = "Those in anomalies that were injected or begun by a scenario, by firmware.",
       .label = "firmware",
       .read = by_firmware([](const FirmwareRow& row) { return row.counts.injected; })},
      {.metric = "firmware_expected_readings_total",
       .type = counter,
       .help = "How many readings should be in other anomalies by the config, by firmware.",
       .label = "firmware",
       .read = by_firmware(
           [](const FirmwareRow& row) { return static_cast<std::uint64_t>(row.counts.expected); })},
      {.status = "firmware", .read = firmware_list},
  };
  table.insert(table.end(), rows.begin(), rows.end());
}

void add_queue(Figures& table) {
  const Figures rows{
      {.metric = "lag_seconds",
       .type = histogram,
       .help = "Time from when a reading was due to its commit, excluding history.",
       .status = "lag_seconds",
       .read = distribution(&Status::lag)},
      {.metric = "commit_seconds",
       .type = histogram,
       .help = "Duration of write transactions.",
       .status = "commit_seconds",
       .read = distribution(&Status::commit)},
      {.status = "recent.span_seconds", .read = of(&Status::recent_seconds)},
      {.status = "recent.lag_seconds", .in_history = true, .read = distribution(&Status::recent_lag)},
      {.status = "recent.commit_seconds", .in_history = true, .read = distribution(&Status::recent_commit)},
      {.metric = "queue_batches",
       .help = "Batches in use.",
       .status = "queue.batches",
       .in_history = true,
       .read = of(&Status::batches_in_use)},
      {.metric = "queue_batches_limit",
       .help = "Batches in total.",
       .status = "queue.batches_limit",
       .in_history = true,
       .read = of(&RunFacts::batches_limit)},
      {.metric = "queue_rows",
       .help = "Rows in the writers' memory.",
       .status = "queue.rows",
       .in_history = true,
       .read = of(&Status::rows_waiting)},
      {.metric = "queue_rows_limit",
       .help = "Maximum number of rows in the writers' memory.",
       .status = "queue.rows_limit",
       .in_history = true,
       .read = of(&RunFacts::rows_limit)},
  };
  table.insert(table.end(), rows.begin(), rows.end());
}

void add_files(Figures& table) {
  const Figures rows{
      {.status = "shards.total", .read = of(&Snapshot::shards)},
      {.metric = "shards",
       .help = "Shards, by state.",
       .label = "state",
       .status = "shards",
       .read = ReadFamily(shards_by_state)},
      {.metric = "files_written",
       .help = "Files that this process has written to.",
       .status = "shards.files_written",
       .read = of(&Snapshot::files_written)},
      {.metric = "readings_deleted_total",
       .type = counter,
       .help = "Readings that database.retention has deleted from the files.",
       .status = "deleted.readings",
       .read = of(&Snapshot::readings_deleted)},
      {.metric = "events_deleted_total",
       .type = counter,
       .help = "Anomaly events that database.retention has deleted from the files.",
       .status = "deleted.events",
       .read = of(&Snapshot::events_deleted)},
      {.metric = "storage_bytes",
       .help = "Size of the shard files and their logs.",
       .status = "storage_bytes",
       .read = of(&Status::storage_bytes)},
      {.metric = "held_logs",
       .help = "Shards with a write-ahead log that could not be emptied for more than a second.",
       .status = "held_logs.count",
       .read = of(&HeldLogs::count)},
      {.metric = "held_log_bytes",
       .help = "Size of the longest of these logs.",
       .status = "held_logs.bytes",
       .read = of(&HeldLogs::most_bytes)},
      {.metric = "held_log_seconds",
       .help = "Longest time for which one of these logs could not be emptied.",
       .status = "held_logs.seconds",
       .read = of(&HeldLogs::most_seconds)},
      {.status = "held_logs.longest", .read = held_log_list},
      {.metric = "writer_busy_ratio",
       .help = "Share of time that the busiest writer was working.",
       .read = of(&Snapshot::writer_busy_share)},
      {.metric = "errors_total",
       .type = counter,
       .help = "Errors, by class.",
       .label = "class",
       .status = "errors",
       .in_history = true,
       .read = each(error_class_names, &Snapshot::errors)},
  };
  table.insert(table.end(), rows.begin(), rows.end());
}

void add_process(Figures& table) {
  const Figures rows{
      {.status = "reload.enabled", .status_last = true, .read = of(&Status::reloads)},
      {.metric = "reloads_accepted_total",
       .type = counter,
       .help = "Changes of config or identities that took effect.",
       .status = "reload.accepted",
       .status_last = true,
       .read = of(&ReloadHistory::accepted)},
      {.metric = "reloads_rejected_total",
       .type = counter,
       .help = "Changes of config or identities that were refused.",
       .status = "reload.rejected",
       .status_last = true,
       .read = of(&ReloadHistory::rejected)},
      {.metric = "scenario_entries_turned_away_total",
       .type = counter,
       .help = "Entries for the scenario that were not taken, because too many waited to be added.",
       .status = "reload.turned_away",
       .status_last = true,
       .read = of(&ReloadHistory::turned_away)},
      {.metric = "refused_identity_files",
       .help = "Identity files whose changes are refused; their sensors continue unchanged.",
       .status = "reload.refused_files",
       .status_last = true,
       .read = of(&ReloadHistory::refused_files)},
      {.status = "reload.refused", .status_last = true, .read = refused_list},
      {.status = "reload.history", .status_last = true, .read = reload_list},
      {.metric = "resident_memory_bytes",
       .help = "Resident memory.",
       .status = "memory_bytes",
       .read = of(&Status::memory_bytes)},
      {.metric = "peak_resident_memory_bytes",
       .help = "Peak resident memory.",
       .status = "peak_memory_bytes",
       .read = of(&Status::peak_memory_bytes)},
      {.metric = "cpu_seconds_total",
       .type = counter,
       .help = "Processor time of all threads, user and system.",
       .status = "cpu_seconds",
       .read = of(&Status::cpu_seconds)},
  };
  table.insert(table.end(), rows.begin(), rows.end());
}

using Values = std::vector<PathValue>;

void add_said(Values& values, const std::string& path, FigureValue value) {
  values.emplace_back(path, std::move(value));
}

void add_said(Values& values, const std::string& path, const LabeledCounts& family) {
  for (const auto& [name, count] : family) values.emplace_back(path + "." + std::string(name), count);
}

// Of nothing there are no percentiles.
void add_said(Values& values, const std::string& path, const Distribution& distribution) {
  const auto said = [&](double seconds) {
    return distribution.count > 0 ? std::optional(seconds) : std::nullopt;
  };
  values.emplace_back(path + ".count", distribution.count);
  values.emplace_back(path + ".p50", said(distribution.p50_seconds));
  values.emplace_back(path + ".p99", said(distribution.p99_seconds));
  values.emplace_back(path + ".max", said(distribution.max_seconds));
}

// Those of /metrics only say nothing there.
void add_said(Values&, const std::string&, const Labels&) {}

Figures all_figures() {
  Figures table;
  add_run(table);
  add_fleet(table);
  add_readings(table);
  add_firmware(table);
  add_queue(table);
  add_files(table);
  add_process(table);
  return table;
}

}  // namespace

std::span<const Figure> figures() {
  static const Figures table = all_figures();
  return table;
}

void add_values(std::vector<PathValue>& values, const Figure& figure, const Status& status) {
  if (figure.status.empty()) return;
  std::visit([&](const auto& read) { add_said(values, std::string(figure.status), read(status)); },
             figure.read);
}

void add_reload(JsonWriter& json, const ReloadRecord& reload) {
  json.begin('{');
  json.member("at", timestamp_text(reload.at));
  json.member("outcome", reload.accepted ? "accepted" : "rejected");
  json.member("what", reload.what);
  json.member("detail", reload.detail);
  if (reload.sensors) json.member("sensors", *reload.sensors);
  json.end('}');
}

}  // namespace fleet_sim::status
