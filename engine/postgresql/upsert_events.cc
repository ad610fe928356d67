#include "postgresql/upsert_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <tuple>

#include "base/terms.h"

namespace fleet_sim::postgresql {
namespace {

constexpr std::size_t most_in_statement = 5'000;

constexpr std::string_view upsert = R"sql(
INSERT INTO {} AS known (sensor_id, anomaly_type, channel, direction, magnitude, started_at, ended_at, readings_affected,
  severity, sigma, cause, scenario, fails_at, injected_duration, run)
SELECT e.*, {} FROM {} AS e
ON CONFLICT (run, sensor_id, started_at, anomaly_type, cause)
DO UPDATE SET ended_at = excluded.ended_at,
  readings_affected = greatest(known.readings_affected, excluded.readings_affected))sql";

}  // namespace

UpsertEvents::UpsertEvents(const identity::Roster& roster, const types::Schema& schema)
    : roster_(roster),
      schema_(schema),
      rows_({text_element, text_element, text_element, integer_element, real_element, moment_element,
             moment_element, long_integer_element, real_element, real_element, text_element, text_element,
             moment_element, long_integer_element}) {}

SqlError UpsertEvents::apply(Connection& connection, const std::string& table, std::int32_t run,
                             std::span<const batch::AnomalyEvent> events) {
  SqlError error;
  while (error.ok() && !events.empty()) {
    const auto some = events.first(std::min(events.size(), most_in_statement));
    error = apply_some(connection, table, run, some);
    events = events.subspan(some.size());
  }
  return error;
}

// A statement takes each row once: of several states of an event the last one. How long an injected one is to
// last only its first state says.
SqlError UpsertEvents::apply_some(Connection& connection, const std::string& table, std::int32_t run,
                                  std::span<const batch::AnomalyEvent> events) {
  std::map<std::tuple<std::string_view, Timestamp, AnomalyType, AnomalyCause>, State> latest;
  for (const batch::AnomalyEvent& event : events) {
    State& state = latest[{roster_[event.sensor].id, event.started_at, event.type, event.cause}];
    state.event = &event;
    if (batch::begins(event.kind) && event.cause == AnomalyCause::injected)
      state.duration = event.ended_at + 1 - event.started_at;
  }
  rows_.clear();
  for (const auto& [key, state] : latest) add(state);
  return connection.run(fmt::format(upsert, table, run, rows_.as_rows()), rows_.parameters());
}

void UpsertEvents::add(const State& state) {
  const batch::AnomalyEvent& event = *state.event;
  auto field = rows_.next_row().begin();
  field++->text(roster_[event.sensor].id);
  field++->text(name_of(event.type));
  field++->text_or_null(schema_.name_of(event.channel).value_or(std::string()));
  event.direction == 0 ? field++->null() : field++->integer(event.direction);
  field++->real(event.magnitude);
  field++->moment(event.started_at);
  batch::ends(event.kind) ? field++->moment(event.ended_at) : field++->null();
  field++->long_integer(event.readings_affected);
  field++->real(event.severity);
  field++->real(event.sigma);
  field++->text(name_of(event.cause));
  field++->text_or_null(event.scenario == 0 ? std::string_view()
                                            : roster_.text(static_cast<identity::Text>(event.scenario)));
  field++->moment(event.fails_at);
  state.duration ? field++->long_integer(*state.duration) : field++->null();
}

}  // namespace fleet_sim::postgresql
