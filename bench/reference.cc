#include "reference.h"

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

#include "base/timestamp.h"
#include "storage/schema.h"
#include "storage/sqlite.h"

namespace fleet_sim::bench {
namespace {

constexpr std::size_t file_count = 16;
constexpr std::size_t rows_per_transaction = 1'000;
constexpr std::string_view insert_sql =
    "INSERT INTO sensor_readings (timestamp, sensor_id, temperature, vibration, voltage, status_code, "
    "anomaly_flag, "
    "anomaly_type, firmware_version, model, manufacturer, location) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
    "?)";

void check(const StorageError& error) {
  if (!error.ok()) throw std::runtime_error(error.message);
}

struct File {
  Database database;
  Statement insert;
};

void bind_row(Statement& insert, std::string_view timestamp, std::string_view sensor, std::size_t row) {
  insert.bind(1, timestamp);
  insert.bind(2, sensor);
  insert.bind(3, 65.0 + static_cast<double>(row % 97) * 0.123456789);
  insert.bind(4, 2.5 + static_cast<double>(row % 89) * 0.0123456789);
  insert.bind(5, 12.0 + static_cast<double>(row % 83) * 0.00123456789);
  insert.bind(6, std::int64_t{0});
  insert.bind(7, std::int64_t{0});
  insert.bind_null(8);
  insert.bind(9, std::string_view("1.3"));
  insert.bind(10, std::string_view("TempVibe-2000"));
  insert.bind(11, std::string_view("SensorTech"));
  insert.bind(12, std::string_view("Factory A - Line 1"));
}

void insert_transaction(File& file, Timestamp start) {
  TimestampWriter writer;
  check(file.database.execute("BEGIN"));
  for (std::size_t row = 0; row < rows_per_transaction; ++row) {
    const std::string sensor = "SENSOR_" + std::to_string(100'000 + row);
    bind_row(file.insert, writer.write(start + static_cast<Microseconds>(row) * 1'000), sensor, row);
    if (file.insert.run() != SQLITE_OK) check(file.database.error());
  }
  check(file.database.execute("COMMIT"));
}

}  // namespace

double bind_rows_per_second(const std::filesystem::path& folder, std::size_t rows, bool unsynced_index) {
  DatabaseSettings settings;
  settings.page_size = 4'096;
  settings.unsynced_index = unsynced_index;
  const auto began = std::chrono::steady_clock::now();
  {
    std::array<File, file_count> files;
    for (std::size_t i = 0; i < file_count; ++i) {
      const std::string path = (folder / ("reference-" + std::to_string(i) + ".db")).string();
      check(files[i].database.open(path));
      check(prepare_schema(files[i].database, settings));
      check(files[i].database.prepare(insert_sql, files[i].insert));
    }
    Timestamp start = 1'767'225'600 * microseconds_per_second;
    for (std::size_t done = 0; done < rows; done += rows_per_transaction) {
      insert_transaction(files[done / rows_per_transaction % file_count], start);
      if (done / rows_per_transaction % file_count == file_count - 1) start += microseconds_per_second;
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(rows) / elapsed.count();
}

}  // namespace fleet_sim::bench
