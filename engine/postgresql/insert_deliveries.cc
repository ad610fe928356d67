#include "postgresql/insert_deliveries.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace fleet_sim::postgresql {
namespace {

constexpr std::size_t most_deliveries_at_once = 5'000;

constexpr std::string_view insert_delivery_rows = R"sql(
INSERT INTO {} (sensor_id, kind, sequence, due, arrived_at, readings, run)
SELECT d.*, {} FROM {} AS d)sql";

}  // namespace

InsertDeliveries::InsertDeliveries(const identity::Roster& roster)
    : roster_(roster),
      rows_({text_element, text_element, long_integer_element, moment_element, moment_element,
             long_integer_element}) {}

SqlError InsertDeliveries::apply(Connection& connection, const std::string& table, std::int32_t run,
                                 std::span<const batch::Delivery> deliveries) {
  SqlError error;
  while (error.ok() && !deliveries.empty()) {
    const auto some = deliveries.first(std::min(deliveries.size(), most_deliveries_at_once));
    deliveries = deliveries.subspan(some.size());
    rows_.clear();
    for (const batch::Delivery& delivery : some) add(delivery);
    error =
        connection.run(fmt::format(insert_delivery_rows, table, run, rows_.as_rows()), rows_.parameters());
  }
  return error;
}

void InsertDeliveries::add(const batch::Delivery& delivery) {
  auto field = rows_.next_row().begin();
  field++->text(roster_[delivery.sensor].id);
  field++->text(batch::name_of(delivery.kind));
  field++->long_integer(static_cast<std::int64_t>(delivery.sequence));
  field++->moment(delivery.due);
  field++->moment(delivery.arrived_at);
  field++->long_integer(static_cast<std::int64_t>(delivery.readings));
}

}  // namespace fleet_sim::postgresql
