#include "postgresql/copy_rows.h"

#include <fmt/format.h>

#include <cassert>
#include <string_view>

#include "base/terms.h"

namespace fleet_sim::postgresql {

CopyRows::CopyRows(const identity::Roster& roster, const types::Schema& schema)
    : roster_(roster), schema_(schema) {
  for (const types::ChannelColumn& channel : schema.channels())
    is_code_.push_back(channel.kind == types::ChannelKind::state);
}

void CopyRows::header(Fields& fields) {
  constexpr std::string_view signature("PGCOPY\n\377\r\n\0", 11);
  fields.bytes(signature);
  fields.number(std::int32_t{0});  // flags
  fields.number(std::int32_t{0});  // bytes of the header that follow
}

// In the order of Schema::reading_columns.
void CopyRows::row(Fields& fields, const batch::Row& reading, std::int32_t run) const {
  const identity::Identity identity = roster_.shown(reading.sensor, reading.overlay);
  fields.number(static_cast<std::int16_t>(schema_.reading_columns().size() + 1));
  fields.moment(reading.stamp());
  fields.text(identity.id);
  for (std::size_t c = 0; c < reading.values.size(); ++c) {
    const double value = reading.values[c];
    is_code_[c] ? fields.integer(static_cast<std::int32_t>(value)) : fields.real(value);
  }
  const std::int32_t anomalous = reading.anomaly ? 1 : 0;
  fields.integer(anomalous);
  fields.integer(anomalous);
  reading.anomaly ? fields.text(name_of(*reading.anomaly)) : fields.null();
  fields.text(roster_.text(identity.firmware_version));
  fields.text(roster_.text(identity.model));
  fields.text(roster_.text(identity.manufacturer));
  fields.text(roster_.text(identity.location));
  if (schema_.has_delivery()) {
    assert(reading.arrival != nullptr);
    fields.long_integer(static_cast<std::int64_t>(reading.arrival->sequence));
    fields.moment(reading.due);
    fields.moment(reading.arrival->at);
  }
  fields.integer(run);
}

void CopyRows::trailer(Fields& fields) {
  fields.number(std::int16_t{-1});
}

SqlError CopyRows::copy(Connection& connection, const std::string& table, std::int32_t run,
                        const batch::Rows& readings, std::size_t first) {
  std::string columns;
  for (const types::Column& column : schema_.reading_columns()) columns += quoted_name(column.name) + ", ";
  SqlError error =
      connection.begin_copy(fmt::format("COPY {} ({}run) FROM STDIN (FORMAT binary)", table, columns));
  if (!error.ok()) return error;
  piece_.clear();
  header(piece_);
  for (std::size_t i = first; i < readings.size(); ++i) {
    row(piece_, readings[i], run);
    if (piece_.size() < piece_bytes) continue;
    if (error = connection.copy(piece_.view()); !error.ok()) return error;
    piece_.clear();
  }
  trailer(piece_);
  if (error = connection.copy(piece_.view()); !error.ok()) return error;
  return connection.end_copy();
}

}  // namespace fleet_sim::postgresql
