#include "postgresql/stored_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/problems.h"
#include "batch/values.h"
#include "postgresql/schema_tables.h"

namespace fleet_sim::postgresql {
namespace {

constexpr std::string_view select_run = R"sql(
SELECT r.run, r.run_id, r.seed, r.version, r.config, r.config_hash, r.start, r.began_at, r.fleet_size, r.partition,
  r.shard_by, coalesce(r.fleet_hash, ''), coalesce(r.zone_data, ''), coalesce(r.spread, ''),
  EXISTS (SELECT 1 FROM {} AS l WHERE l.run = r.run)
FROM {} AS r WHERE {} ORDER BY r.began_at DESC, r.run DESC LIMIT 1)sql";

StoredRun run_in(const AnswerRow& row) {
  StoredRun run;
  run.number = static_cast<std::int32_t>(row.integer(0));
  run.run_id = row.text(1);
  run.seed = static_cast<std::uint64_t>(row.integer(2));
  run.version = row.text(3);
  run.config = row.text(4);
  run.config_hash = row.text(5);
  run.start = row.moment(6);
  run.began_at = row.moment(7);
  run.fleet_size = static_cast<std::uint64_t>(row.integer(8));
  run.partition = row.text(9);
  run.shard_by = row.text(10);
  run.fleet_hash = row.text(11);
  run.zone_data = row.text(12);
  run.spread = row.text(13);
  run.has_losses = row.boolean(14);
  return run;
}

}  // namespace

StoredRuns::StoredRuns(const Address& address) : address_(address) {
  if (const SqlError error = connection_.open(address_); !error.ok())
    throw NoStorage(fmt::format("{}: {}", address_.text, error.message));
}

std::string StoredRuns::table(std::string_view name) const {
  return qualified(address_.schema, name);
}

void StoredRuns::run(const std::string& sql, const Parameters& parameters, const Connection::OnRow& on_row) {
  if (const SqlError error = connection_.run(sql, parameters, on_row); !error.ok())
    throw std::runtime_error(fmt::format("{}: cannot be read: {}", address_.text, error.message));
}

bool StoredRuns::is_there(std::string_view name) {
  bool is_there = false;
  run("SELECT to_regclass($1) IS NOT NULL", Parameters().text(table(name)),
      [&](const AnswerRow& row) { is_there = row.boolean(0); });
  return is_there;
}

std::optional<StoredRun> StoredRuns::find_run(const std::string& condition, const Parameters& parameters) {
  std::optional<StoredRun> found;
  if (!is_there("run_info") || !is_there("run_losses")) return found;
  run(fmt::format(select_run, table("run_losses"), table("run_info"), condition), parameters,
      [&](const AnswerRow& row) { found = run_in(row); });
  return found;
}

std::optional<StoredRun> StoredRuns::find_latest(const std::string& partition) {
  return find_run("r.partition = $1", Parameters().text(partition));
}

std::optional<StoredRun> StoredRuns::find(const std::string& run_id) {
  return find_run("r.run_id = $1", Parameters().text(run_id));
}

std::vector<tables::RunReload> StoredRuns::reloads(std::int32_t number) {
  std::vector<tables::RunReload> reloads;
  run(fmt::format(
          "SELECT number, at, changes, fleet_size, config, config_hash, fleet_hash FROM {} WHERE run = "
          "$1 ORDER BY number, at",
          table("run_reloads")),
      Parameters().integer(number), [&](const AnswerRow& row) {
        reloads.push_back({static_cast<std::uint64_t>(row.integer(0)), row.moment(1),
                           std::string(row.text(2)), static_cast<std::uint64_t>(row.integer(3)),
                           std::string(row.text(4)), std::string(row.text(5)), std::string(row.text(6))});
      });
  return reloads;
}

std::optional<StoredRuns::Lines> StoredRuns::identities(std::int32_t number, std::uint64_t reload) {
  std::optional<Lines> lines;
  run(fmt::format("SELECT identities, removed FROM {} WHERE run = $1 AND number = $2 ORDER BY part",
                  table("run_identities")),
      Parameters().integer(number).long_integer(static_cast<std::int64_t>(reload)),
      [&](const AnswerRow& row) {
        if (!lines) lines.emplace();
        lines->identities += row.text(0);
        lines->removed += row.text(1);
      });
  return lines;
}

// Waits for a lot that is being committed. Which writer has which sensors may be another one from now on, so
// what is complete is what all of them have.
void StoredRuns::take_over(std::int32_t number) {
  constexpr std::string_view sql = R"sql(
UPDATE {0} AS p SET session = -1, complete_until = w.complete_until FROM
  (SELECT type, CASE WHEN count(*) = count(complete_until) THEN min(complete_until) END AS complete_until
   FROM {0} WHERE run = $1 GROUP BY type) AS w
WHERE p.run = $1 AND p.type = w.type)sql";
  run(fmt::format(sql, table("sink_progress")), Parameters().integer(number), {});
}

Timestamp StoredRuns::complete_until(std::int32_t number, const types::Schema& type) {
  Timestamp moment = earliest_timestamp;
  run(fmt::format("SELECT complete_until FROM {} WHERE run = $1 AND type = $2 AND complete_until IS NOT NULL "
                  "LIMIT 1",
                  table("sink_progress")),
      Parameters().integer(number).text(type.type()), [&](const AnswerRow& row) { moment = row.moment(0); });
  return moment;
}

void StoredRuns::readings(std::int32_t number, const types::Schema& type, Timestamp since,
                          const OnReading& on_reading) {
  constexpr int first_value = 4;
  const std::string_view due = type.has_delivery() ? "due" : "timestamp";
  const std::string_view arrival = type.has_delivery() ? "arrived_at" : "timestamp";
  if (!is_there(type.readings_name())) return;
  std::string columns;
  for (const types::ChannelColumn& channel : type.channels()) columns += ", " + quoted_name(channel.name);
  batch::Values values(type.channels().size());
  run(fmt::format("SELECT {0}, {1}, sensor_id, coalesce(anomaly_type, ''){2} FROM {3} WHERE run = $1 AND "
                  "{1} >= $2",
                  due, arrival, columns, table(type.readings_name())),
      Parameters().integer(number).moment(since), [&](const AnswerRow& row) {
        for (std::size_t c = 0; c < values.size(); ++c) {
          const int column = first_value + static_cast<int>(c);
          const bool is_code = type.channels()[c].kind == types::ChannelKind::state;
          values[c] = is_code ? static_cast<double>(row.integer(column)) : row.real(column);
        }
        on_reading(row.text(2), row.moment(0), row.moment(1), std::span(values.begin(), values.size()),
                   row.text(3));
      });
}

void StoredRuns::events(std::int32_t number, const std::function<void(const Event&)>& on_event) {
  run(fmt::format("SELECT sensor_id, anomaly_type, cause, coalesce(channel, ''), started_at, severity, "
                  "injected_duration, ended_at FROM {} WHERE run = $1",
                  table("anomaly_events")),
      Parameters().integer(number), [&](const AnswerRow& row) {
        Event event{row.text(0), row.text(1), row.text(2), row.text(3), row.moment(4)};
        if (!row.is_null(5)) event.severity = row.real(5);
        if (!row.is_null(6)) event.duration = row.integer(6);
        if (!row.is_null(7)) event.ended_at = row.moment(7);
        on_event(event);
      });
}

void StoredRuns::deliveries(std::int32_t number, Timestamp moment, const OnDelivery& on_delivery) {
  deliveries(number, "due >= $2 OR arrived_at >= $2", moment, on_delivery);
}

void StoredRuns::waiting(std::int32_t number, Timestamp moment, const OnDelivery& on_delivery) {
  deliveries(number, "kind IN ('hold', 'drained') OR (kind = 'late' AND arrived_at >= $2)", moment,
             on_delivery);
}

void StoredRuns::deliveries(std::int32_t number, std::string_view which, Timestamp moment,
                            const OnDelivery& on_delivery) {
  const auto& names = batch::Delivery::kind_names;
  if (!is_there("deliveries")) return;
  run(fmt::format(
          "SELECT sensor_id, kind, due, arrived_at, sequence FROM {} WHERE run = $1 AND ({}) ORDER BY "
          "due, sequence, kind = 'drained'",
          table("deliveries"), which),
      Parameters().integer(number).moment(moment), [&](const AnswerRow& row) {
        const auto name = std::ranges::find(names, row.text(1));
        if (name == names.end())
          throw std::runtime_error("the table deliveries has something that fleet-sim never writes");
        const auto kind = static_cast<batch::Delivery::Kind>(name - names.begin());
        std::optional<Timestamp> arrived_at;
        if (!row.is_null(3)) arrived_at = row.moment(3);
        on_delivery(
            {row.text(0), kind, row.moment(2), arrived_at, static_cast<std::uint64_t>(row.integer(4))});
      });
}

void StoredRuns::fleet_events(std::int32_t number, Timestamp since, const OnFleetEvent& on_event) {
  run(fmt::format("SELECT sensor_id, started_at, name FROM {} WHERE run = $1 AND started_at >= $2",
                  table("fleet_events")),
      Parameters().integer(number).moment(since),
      [&](const AnswerRow& row) { on_event(row.text(0), row.moment(1), row.text(2)); });
}

}  // namespace fleet_sim::postgresql
