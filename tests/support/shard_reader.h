// Reads shards back with fresh connections, as a collector or an analyst would.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tables/database.h"

namespace fleet_sim::test {

struct Row {
  std::int64_t id = 0;
  std::string timestamp;
  std::string sensor_id;
  double temperature = 0;
  double vibration = 0;
  double voltage = 0;
  std::int64_t status_code = 0;
  std::int64_t anomaly_flag = 0;
  std::optional<std::string> anomaly_type;
  std::string firmware_version;
  std::string model;
  std::string manufacturer;
  std::string location;
  std::int64_t synced = 0;
  std::int64_t sequence = 0;  // where delivery is on, as are …
  std::string due{};
  std::string arrived_at{};  // … these

  bool operator==(const Row&) const = default;
};

inline tables::Database opened(const std::string& path) {
  tables::Database database;
  const tables::StorageError error = database.open(path);
  INFO(path << ": " << error.message);
  REQUIRE(error.ok());
  return database;
}

// Runs statements on a connection of their own.
inline void run_sql(const std::string& path, const std::string& sql) {
  tables::Database database = opened(path);
  const tables::StorageError error = database.execute(sql.c_str());
  INFO(sql << ": " << error.message);
  REQUIRE(error.ok());
}

// Every row of a query as text: columns apart by '|', NULL as "NULL".
inline std::vector<std::string> query(const std::string& path, const std::string& sql) {
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  std::vector<std::string> lines;
  const auto add_line = [](void* to, int columns, char** texts, char**) {
    std::string line;
    for (int c = 0; c < columns; ++c) {
      if (c > 0) line += '|';
      line += texts[c] == nullptr ? "NULL" : texts[c];
    }
    static_cast<std::vector<std::string>*>(to)->push_back(line);
    return 0;
  };
  const int code = sqlite3_exec(raw, sql.c_str(), add_line, &lines, nullptr);
  INFO(sql << ": " << sqlite3_errmsg(raw));
  CHECK(code == SQLITE_OK);
  sqlite3_close(raw);
  return lines;
}

// The lowest and the highest id of a shard's readings, and how many there are: "1|30|30".
inline std::vector<std::string> ids_of(const std::string& path) {
  return query(path, "SELECT min(id), max(id), count(*) FROM sensor_readings");
}

// The readings of a shard in the order of their ids; none when the file has no such table yet.
inline std::vector<Row> rows_of(const std::string& path) {
  tables::Database database;
  tables::Statement row;
  std::vector<Row> rows;
  if (!database.open_to_read(path).ok()) return rows;
  if (!database.prepare("SELECT * FROM sensor_readings ORDER BY id", row).ok()) return rows;
  constexpr std::string_view count_due =
      "SELECT count(*) FROM pragma_table_info('sensor_readings') WHERE name = 'due'";
  const bool has_delivery = database.query_integer(count_due, 0) > 0;
  while (row.step() == SQLITE_ROW) {
    const auto text = [&row](int column) { return std::string(row.text(column)); };
    const auto type = row.type(8) == SQLITE_NULL ? std::nullopt : std::optional(text(8));
    rows.push_back({row.integer(0), text(1), text(2), row.real(3), row.real(4), row.real(5), row.integer(6),
                    row.integer(7), type, text(9), text(10), text(11), text(12), row.integer(13)});
    if (!has_delivery) continue;
    rows.back().sequence = row.integer(14);
    rows.back().due = text(15);
    rows.back().arrived_at = text(16);
  }
  return rows;
}

}  // namespace fleet_sim::test
