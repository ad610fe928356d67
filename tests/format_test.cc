// Lines of readings from memory: the same text as from the rows of a file.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "format/reading_format.h"
#include "format/row_format.h"
#include "support/rosters.h"
#include "types/built_in_type.h"

namespace fleet_sim::format_test {
namespace {

using format::RowFormat;

// The row that a file has for the reading.
format::ReadingRow row_of(const batch::Row& reading, const identity::Roster& roster, std::string& at) {
  const identity::Identity& identity = roster[reading.sensor];
  at = timestamp_text(reading.due);
  format::ReadingRow row{std::string_view(at), identity.id};
  for (const double value : reading.values) row.emplace_back(value);
  const std::int64_t anomalous = reading.anomaly ? 1 : 0;
  row.emplace_back(anomalous);
  row.emplace_back(anomalous);
  if (reading.anomaly) {
    row.emplace_back(name_of(*reading.anomaly));
  } else {
    row.emplace_back(std::monostate());
  }
  for (const identity::Text text :
       {identity.firmware_version, identity.model, identity.manufacturer, identity.location}) {
    row.emplace_back(roster.text(text));
  }
  return row;
}

// The same with what delivery says of it.
format::ReadingRow delivered_row_of(const batch::Reading& reading, const identity::Roster& roster,
                                    std::vector<std::string>& times) {
  times = {"", timestamp_text(reading.due), timestamp_text(reading.arrival->at)};
  format::ReadingRow row = row_of(reading, roster, times[0]);
  times[0] = timestamp_text(reading.arrival->stamp);
  row[0] = std::string_view(times[0]);
  row.emplace_back(static_cast<std::int64_t>(reading.arrival->sequence));
  row.emplace_back(std::string_view(times[1]));
  row.emplace_back(std::string_view(times[2]));
  return row;
}

identity::Roster awkward_roster() {
  identity::Roster roster;
  for (const auto& [id, location] :
       std::vector<std::pair<std::string, std::string>>{{"plain", "Factory A - Line 1"},
                                                        {"with, comma", "a \"quoted\" = place"},
                                                        {"back\\slash\\", "ends\\"},
                                                        {"größe", ""},
                                                        {"line\nbreak", "tab\there"}}) {
    identity::IdentityRecord record;
    record.id = id;
    record.location = location;
    roster.add(record);
  }
  return roster;
}

}  // namespace

TEST_CASE("a reading is the same line from memory as from a row") {
  const identity::Roster roster = awkward_roster();
  const types::Schema& schema = types::built_in_type().schema;
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<double> values{0, -0.0, 65, 1e-5, 1e-4, 1e15, 1e16, 1.0 / 3, -273.15, 5e-324, inf, -inf};
  for (std::uint64_t i = 0; i < 200; ++i) values.push_back(uniform(mix_words(1, i), -1e3, 1e3));
  for (const RowFormat kind : {RowFormat::csv, RowFormat::ndjson, RowFormat::line_protocol}) {
    const format::RowFormatter rows(kind, schema);
    format::ReadingFormatter readings(kind, roster, schema);
    CHECK(readings.header() == rows.header());
    std::size_t different = 0;
    for (std::size_t i = 0; i + 2 < values.size(); ++i) {
      batch::Reading reading{.due = 1'767'225'599'000'000 + static_cast<Timestamp>(i) * 123'457,
                             .values = {values[i], values[i + 1], values[i + 2]},
                             .sensor = static_cast<std::uint32_t>(i % roster.size()),
                             .anomaly = i % 3 == 0
                                            ? std::optional(static_cast<AnomalyType>(i % anomaly_type_count))
                                            : std::nullopt};
      std::string at;
      std::string expected;
      std::string line;
      rows.append(expected, row_of(reading, roster, at), reading.due);
      readings.append(line, reading);
      if (line == expected) continue;
      if (different++ == 0) CHECK(line == expected);
    }
    CHECK(different == 0);
  }
}

TEST_CASE("how a reading arrived is in its line, as in its row") {
  const identity::Roster roster = awkward_roster();
  const types::Schema schema = types::built_in_type().schema.with_delivery();
  for (const RowFormat kind : {RowFormat::csv, RowFormat::ndjson, RowFormat::line_protocol}) {
    const format::RowFormatter rows(kind, schema);
    format::ReadingFormatter readings(kind, roster, schema);
    CHECK(readings.header() == rows.header());
    for (std::uint32_t sensor = 0; sensor < roster.size(); ++sensor) {
      const Timestamp due = 1'767'225'600'000'000 + sensor;
      const batch::Reading reading{.due = due,
                                   .values = {1, 2, 3},
                                   .sensor = sensor,
                                   .anomaly = {},
                                   .arrival = batch::Arrival{due - 5, due + 7'000'000, 42 + sensor}};
      std::vector<std::string> times;
      std::string expected;
      std::string line;
      rows.append(expected, delivered_row_of(reading, roster, times), due - 5);
      readings.append(line, reading);
      CHECK(line == expected);
      CHECK(line.find("2026-01-01T00:00:07.0000") != line.npos);
    }
  }
}

TEST_CASE("a line says what a scenario has made of the sensor") {
  const identity::Roster roster = awkward_roster();
  identity::Overlay change;
  change.firmware_version = roster[0].model;
  const identity::OverlayIndex overlay = roster.overlays().with(0, change);
  format::ReadingFormatter readings(RowFormat::csv, roster, types::built_in_type().schema);
  std::string line;
  readings.append(line, batch::Reading{0, {1, 2, 3}, 0, {}, overlay});
  CHECK(line ==
        "1970-01-01T00:00:00.000000Z,plain,1,2,3,0,0,,TempVibe-2000,TempVibe-2000,SensorTech,Factory A - "
        "Line 1\n");
}

TEST_CASE("sensors that come later, and other types, have lines too") {
  identity::Roster roster = awkward_roster();
  format::ReadingFormatter readings(RowFormat::csv, roster, types::built_in_type().schema);
  std::string before;
  readings.append(before, batch::Reading{0, {1, 2, 3}, 0, {}});
  identity::IdentityRecord record;
  record.id = "late";
  record.location = "another place";
  const std::uint32_t late = roster.add(record);
  std::string line;
  readings.append(line, batch::Reading{0, {1, 2, 3}, late, {}});
  CHECK(line == "1970-01-01T00:00:00.000000Z,late,1,2,3,0,0,,1.3,TempVibe-2000,SensorTech,another place\n");
}

}  // namespace fleet_sim::format_test
