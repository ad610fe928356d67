#include "postgresql/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/cadence.h"
#include "base/text.h"
#include "identity/identity_json.h"
#include "postgresql/arrays.h"
#include "postgresql/schema_tables.h"

namespace fleet_sim::postgresql {
namespace {

constexpr std::size_t identities_per_part = 1'000;
constexpr std::size_t sensors_per_statement = 1'000;

// As many of the identities as make a part, from the first on; those are taken off.
std::string take_lines(const identity::Roster& roster, std::span<const std::uint32_t>& identities) {
  const auto some = identities.first(std::min(identities.size(), identities_per_part));
  identities = identities.subspan(some.size());
  std::string lines;
  for (const std::uint32_t one : some) {
    identity::append_json_line(lines, roster.record(roster[one]));
    lines += '\n';
  }
  return lines;
}

SqlError record_identities(Connection& connection, const std::string& schema, std::int32_t run,
                           const identity::Roster& roster, const tables::IdentityEntry& entry) {
  const std::string sql = fmt::format(
      "INSERT INTO {} (run, number, at, part, identities, removed) VALUES ($1, $2, $3, $4, $5, $6) "
      "ON CONFLICT DO NOTHING",
      qualified(schema, "run_identities"));
  std::span<const std::uint32_t> identities = entry.identities;
  std::span<const std::uint32_t> removed = entry.removed;
  SqlError error;
  std::int64_t part = 0;
  do {
    const std::string lines = take_lines(roster, identities);
    const std::string removed_lines = take_lines(roster, removed);
    error = connection.run(sql, Parameters()
                                    .integer(run)
                                    .long_integer(static_cast<std::int64_t>(entry.number))
                                    .moment(entry.at)
                                    .long_integer(part++)
                                    .text(lines)
                                    .text(removed_lines));
  } while (error.ok() && (!identities.empty() || !removed.empty()));
  return error;
}

constexpr std::string_view insert_run = R"sql(
INSERT INTO {} (run_id, seed, version, config, config_hash, start, began_at, fleet_size, partition, shard_by,
  fleet_hash, zone_data, spread)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (run_id) DO NOTHING)sql";

constexpr std::string_view sensor_columns =
    "sensor_id, valid_from, type, location, manufacturer, model, firmware_version, serial_number, latitude, "
    "longitude, timezone, readings_per_second, \"interval\", normal_parameters, extras";

// Unless the version in force says the same. Of two runs over the same time the later one counts.
constexpr std::string_view insert_sensors = R"sql(
INSERT INTO {0} ({2}) SELECT v.* FROM {1} AS v ({2})
WHERE NOT EXISTS (SELECT 1 FROM
  (SELECT * FROM {0} AS o WHERE o.sensor_id = v.sensor_id AND o.valid_from <= v.valid_from
   ORDER BY o.valid_from DESC LIMIT 1) AS o
  WHERE (o.type, o.location, o.manufacturer, o.model, o.firmware_version, o.serial_number, o.latitude,
      o.longitude, o.timezone, o.readings_per_second, o."interval", o.normal_parameters, o.extras)
    IS NOT DISTINCT FROM (v.type, v.location, v.manufacturer, v.model, v.firmware_version, v.serial_number,
      v.latitude, v.longitude, v.timezone, v.readings_per_second, v."interval", v.normal_parameters, v.extras))
ON CONFLICT (sensor_id, valid_from) DO UPDATE SET type = excluded.type, location = excluded.location,
  manufacturer = excluded.manufacturer, model = excluded.model, firmware_version = excluded.firmware_version,
  serial_number = excluded.serial_number, latitude = excluded.latitude, longitude = excluded.longitude,
  timezone = excluded.timezone, readings_per_second = excluded.readings_per_second,
  "interval" = excluded."interval", normal_parameters = excluded.normal_parameters,
  extras = excluded.extras)sql";

void add_version(Arrays& rows, const identity::Roster& roster, const identity::Identity& identity,
                 Timestamp since) {
  const identity::IdentityOverrides& overrides = roster.overrides(identity);
  const identity::IdentityDetails& details = roster.details(identity);
  std::optional<Microseconds> interval;
  if (overrides.rate) interval = overrides.rate->interval();
  auto field = rows.next_row().begin();
  field++->text(identity.id);
  field++->moment(since);
  for (const identity::Text text :
       {identity.type, identity.location, identity.manufacturer, identity.model, identity.firmware_version}) {
    field++->text(roster.text(text));
  }
  field++->text_or_null(details.serial_number);
  field++->real(details.latitude);
  field++->real(details.longitude);
  field++->text_or_null(overrides.time_zone);
  overrides.rate && !interval ? field++->real(overrides.rate->per_second()) : field++->null();
  field++->text_or_null(interval ? interval_text(*interval) : std::string());
  field++->text_or_null(identity::parameters_json(overrides));
  field++->text_or_null(details.extras);
}

// Versions that the table does not say already.
SqlError record_sensors(Connection& connection, const std::string& schema, const identity::Roster& roster,
                        const std::vector<std::uint32_t>& identities, Timestamp since) {
  Arrays rows({text_element, moment_element, text_element, text_element, text_element, text_element,
               text_element, text_element, real_element, real_element, text_element, real_element,
               text_element, text_element, text_element});
  const std::string sql =
      fmt::format(insert_sensors, qualified(schema, "sensors"), rows.as_rows(), sensor_columns);
  SqlError error;
  for (std::size_t i = 0; error.ok() && i < identities.size(); ++i) {
    add_version(rows, roster, roster[identities[i]], since);
    if (rows.rows() < sensors_per_statement && i + 1 < identities.size()) continue;
    error = connection.run(sql, rows.parameters());
    rows.clear();
  }
  return error;
}

SqlError record_start(Connection& connection, const std::string& schema, const tables::RunInfo& run,
                      const identity::Roster& roster, std::int32_t number) {
  if (run.reloads == nullptr || run.reloads->began_with().identities.empty()) return {};
  bool is_there = false;
  const std::string sql = fmt::format("SELECT 1 FROM {} WHERE run = $1 AND number = 0 LIMIT 1",
                                      qualified(schema, "run_identities"));
  SqlError error =
      connection.run(sql, Parameters().integer(number), [&](const AnswerRow&) { is_there = true; });
  if (!error.ok() || is_there) return error;
  const tables::IdentityEntry& start = run.reloads->began_with();
  error = record_identities(connection, schema, number, roster, start);
  return error.ok() ? record_sensors(connection, schema, roster, start.identities, start.at) : error;
}

}  // namespace

SqlError record_run(Connection& connection, const std::string& schema, const tables::RunInfo& run,
                    const identity::Roster& roster, std::int32_t& number) {
  SqlError error = connection.run(fmt::format(insert_run, qualified(schema, "run_info")),
                                  Parameters()
                                      .text(run.run_id)
                                      .long_integer(static_cast<std::int64_t>(run.seed))
                                      .text(run.version)
                                      .text(run.config)
                                      .text(run.config_hash)
                                      .moment(run.start)
                                      .moment(run.began_at)
                                      .long_integer(static_cast<std::int64_t>(run.fleet_size))
                                      .text(run.partition)
                                      .text(run.shard_by)
                                      .text(run.fleet_hash)
                                      .text_or_null(run.zone_data)
                                      .text_or_null(run.spread));
  if (!error.ok()) return error;
  error = connection.run(fmt::format("SELECT run FROM {} WHERE run_id = $1", qualified(schema, "run_info")),
                         Parameters().text(run.run_id),
                         [&](const AnswerRow& row) { number = static_cast<std::int32_t>(row.integer(0)); });
  if (error.ok() && run.resumed_at) {
    error =
        connection.run(fmt::format("INSERT INTO {} (run, resumed_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                                   qualified(schema, "run_resumptions")),
                       Parameters().integer(number).moment(*run.resumed_at));
  }
  return error.ok() ? record_start(connection, schema, run, roster, number) : error;
}

SqlError record_reload(Connection& connection, const std::string& schema, std::int32_t run,
                       const identity::Roster& roster, const tables::RunReload& reload) {
  std::uint64_t added = 0;
  SqlError error = connection.run(
      fmt::format("INSERT INTO {} (run, number, at, changes, fleet_size, config, config_hash, fleet_hash) "
                  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
                  qualified(schema, "run_reloads")),
      Parameters()
          .integer(run)
          .long_integer(static_cast<std::int64_t>(reload.number))
          .moment(reload.at)
          .text(reload.changes)
          .long_integer(static_cast<std::int64_t>(reload.fleet_size))
          .text(reload.config)
          .text(reload.config_hash)
          .text(reload.fleet_hash),
      {}, &added);
  if (!error.ok() || added == 0) return error;
  error = record_identities(connection, schema, run, roster,
                            {reload.number, reload.at, reload.identities, reload.removed});
  return error.ok() ? record_sensors(connection, schema, roster, reload.identities, reload.at) : error;
}

SqlError record_loss(Connection& connection, const std::string& schema, const LossPlace& place,
                     const Loss& loss) {
  constexpr std::string_view sql =
      "INSERT INTO {} (run, writer, target, reason, since, until, rows) VALUES ($1, $2, $3, $4, $5, $6, $7) "
      "ON CONFLICT (run, writer, target, reason, since) DO UPDATE SET until = excluded.until, rows = "
      "excluded.rows";
  Parameters parameters;
  parameters.integer(place.run)
      .integer(place.writer)
      .integer(place.target)
      .text(loss.reason)
      .moment(loss.since)
      .moment(loss.until)
      .long_integer_or_null(loss.rows);
  return connection.run(fmt::format(sql, qualified(schema, "run_losses")), parameters);
}

}  // namespace fleet_sim::postgresql
