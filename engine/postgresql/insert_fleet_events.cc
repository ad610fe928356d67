#include "postgresql/insert_fleet_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace fleet_sim::postgresql {
namespace {

constexpr std::size_t most_at_once = 5'000;

constexpr std::string_view insert_rows = R"sql(
INSERT INTO {} (name, sensor_id, verb, what, started_at, ended_at, silent_until, failed, run)
SELECT e.*, {} FROM {} AS e)sql";

}  // namespace

InsertFleetEvents::InsertFleetEvents(const identity::Roster& roster)
    : roster_(roster),
      rows_({text_element, text_element, text_element, text_element, moment_element, moment_element,
             moment_element, integer_element}) {}

SqlError InsertFleetEvents::apply(Connection& connection, const std::string& table, std::int32_t run,
                                  std::span<const batch::FleetEvent> events) {
  SqlError error;
  while (error.ok() && !events.empty()) {
    const auto some = events.first(std::min(events.size(), most_at_once));
    events = events.subspan(some.size());
    rows_.clear();
    for (const batch::FleetEvent& event : some) add(event);
    error = connection.run(fmt::format(insert_rows, table, run, rows_.as_rows()), rows_.parameters());
  }
  return error;
}

void InsertFleetEvents::add(const batch::FleetEvent& event) {
  const auto text = [this](std::uint32_t handle) {
    return roster_.text(static_cast<identity::Text>(handle));
  };
  auto field = rows_.next_row().begin();
  field++->text(text(event.name));
  field++->text(roster_[event.sensor].id);
  field++->text(batch::name_of(event.verb));
  field++->text(text(event.what));
  field++->moment(event.started_at);
  field++->moment(event.ended_at);
  field++->moment(event.silent_until);
  field++->integer(event.failed ? 1 : 0);
}

}  // namespace fleet_sim::postgresql
