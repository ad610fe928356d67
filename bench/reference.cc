#include "reference.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "base/timestamp.h"
#include "sqlite/naming.h"
#include "tables/database.h"
#include "tables/schema.h"

namespace fleet_sim::bench {
namespace {

constexpr std::size_t file_count = 16;
constexpr int parameters = 12;
constexpr std::size_t distinct_rows = 1'000;  // a sensor each

// How a loop inserts.
struct Style {
  std::uint32_t page_size;
  std::size_t rows_per_statement;
  std::size_t rows_per_transaction;  // whole statements
};
constexpr Style bind_style{4'096, 1, 1'000};
constexpr Style best_style{16'384, 32, 32 * 156};

void check(const tables::StorageError& error) {
  if (!error.ok()) throw std::runtime_error(error.message);
}

// A statement of several rows saves the pages it touches, unless it is told that it need not undo itself.
std::string insert_sql(std::size_t rows) {
  const auto columns = types::built_in_type().schema.reading_columns();
  std::string sql = std::string(rows == 1 ? "INSERT" : "INSERT OR FAIL") + " INTO sensor_readings (" +
                    listed(columns) + ") VALUES ";
  std::string values;
  for (std::size_t i = 0; i < columns.size(); ++i) values += i == 0 ? "(?" : ", ?";
  for (std::size_t row = 0; row < rows; ++row) sql += (row == 0 ? "" : ", ") + values + ')';
  return sql;
}

// The ids that the rows take turns with, ready before the clock starts.
std::vector<std::string> make_sensors() {
  std::vector<std::string> sensors;
  for (std::size_t i = 0; i < distinct_rows; ++i) sensors.push_back("SENSOR_" + std::to_string(100'000 + i));
  return sensors;
}

// One open file and the loop that fills it.
class File {
 public:
  File(const std::string& path, const ReferenceLoad& load, const Style& style)
      : style_(style), timestamps_(style.rows_per_statement) {
    config::SqliteSettings settings;
    settings.page_size = style.page_size;
    settings.unsynced_index = load.unsynced_index;
    check(database_.open(path));
    check(tables::prepare_schema(database_, settings));
    check(database_.prepare(insert_sql(style.rows_per_statement), insert_));
  }

  void insert_transaction(const std::vector<std::string>& sensors) {
    check(database_.execute("BEGIN"));
    for (std::size_t row = 0; row < style_.rows_per_transaction; row += style_.rows_per_statement) {
      for (std::size_t i = 0; i < style_.rows_per_statement; ++i)
        bind_row(i, sensors[(row + i) % sensors.size()]);
      if (insert_.run() != SQLITE_OK) check(database_.error());
    }
    check(database_.execute("COMMIT"));
  }

 private:
  void bind_row(std::size_t i, std::string_view sensor) {
    const int first = static_cast<int>(i) * parameters;
    const std::string_view text = writer_.write(due_ += 1'000);
    std::copy(text.begin(), text.end(), timestamps_[i].begin());
    ++row_;
    insert_.bind(first + 1, std::string_view(timestamps_[i].data(), timestamps_[i].size()));
    insert_.bind(first + 2, sensor);
    insert_.bind(first + 3, 65.0 + static_cast<double>(row_ % 97) * 0.123456789);
    insert_.bind(first + 4, 2.5 + static_cast<double>(row_ % 89) * 0.0123456789);
    insert_.bind(first + 5, 12.0 + static_cast<double>(row_ % 83) * 0.00123456789);
    insert_.bind(first + 6, std::int64_t{0});
    insert_.bind(first + 7, std::int64_t{0});
    insert_.bind_null(first + 8);
    insert_.bind(first + 9, std::string_view("1.3"));
    insert_.bind(first + 10, std::string_view("TempVibe-2000"));
    insert_.bind(first + 11, std::string_view("SensorTech"));
    insert_.bind(first + 12, std::string_view("Factory A - Line 1"));
  }

  Style style_;
  std::vector<TimestampText> timestamps_;
  TimestampWriter writer_;
  Timestamp due_ = 1'767'225'600 * microseconds_per_second;
  std::size_t row_ = 0;
  tables::Database database_;
  tables::Statement insert_;
};

// A thread's share; returns how many rows it came to, in whole transactions.
std::size_t fill_files(const std::filesystem::path& folder, const ReferenceLoad& load, const Style& style,
                       std::size_t thread, const std::vector<std::string>& sensors) {
  std::vector<File> files;
  for (std::size_t i = thread; i < file_count; i += load.threads) {
    files.emplace_back((folder / ("reference-" + std::to_string(i) + ".db")).string(), load, style);
  }
  std::size_t rows = 0;
  for (std::size_t turn = 0; rows < load.rows / load.threads; ++turn) {
    files[turn % files.size()].insert_transaction(sensors);
    rows += style.rows_per_transaction;
  }
  return rows;
}

double rows_per_second(const std::filesystem::path& folder, const ReferenceLoad& load, const Style& style) {
  const std::vector<std::string> sensors = make_sensors();
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::future<std::size_t>> threads;
  for (std::size_t thread = 0; thread < load.threads; ++thread) {
    threads.push_back(std::async(std::launch::async, fill_files, folder, load, style, thread, sensors));
  }
  std::size_t rows = 0;
  for (std::future<std::size_t>& thread : threads) rows += thread.get();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(rows) / elapsed.count();
}

constexpr std::size_t files_of_group = 256;
constexpr std::size_t rows_of_file_statement = 20;

std::string file_tables(bool unsynced_index) {
  return "CREATE TABLE sensor_readings(id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, sensor_id TEXT NOT "
         "NULL, "
         "temperature REAL, vibration REAL, voltage REAL, status_code INTEGER, anomaly_flag INTEGER, "
         "anomaly_type "
         "TEXT, firmware_version TEXT, model TEXT, manufacturer TEXT, location TEXT, synced INTEGER DEFAULT "
         "0);" +
         std::string(unsynced_index ? "CREATE INDEX unsynced ON sensor_readings(timestamp) WHERE synced = 0;"
                                    : "") +
         "CREATE TABLE anomaly_events(id INTEGER PRIMARY KEY, sensor_id TEXT, anomaly_type TEXT, channel "
         "TEXT, "
         "direction INTEGER, magnitude REAL, started_at TEXT, ended_at TEXT, readings_affected INTEGER);"
         "CREATE TABLE run_info(id INTEGER PRIMARY KEY, run_id TEXT, seed INTEGER, version TEXT, config "
         "TEXT)";
}

std::string file_insert() {
  std::string sql =
      "INSERT INTO sensor_readings(id, timestamp, sensor_id, temperature, vibration, voltage, status_code, "
      "anomaly_flag, anomaly_type, firmware_version, model, manufacturer, location, synced) VALUES ";
  for (std::size_t row = 0; row < rows_of_file_statement; ++row) {
    sql += row == 0 ? "" : ", ";
    sql += "(?, ?, ?, ?, ?, ?, 0, 0, NULL, '1.3', 'TempVibe-2000', 'SensorTech', 'Factory A - Line 1', 0)";
  }
  return sql;
}

// One file, whole, under the name that it has for now.
void fill_file(const std::string& path, const ReferenceLoad& load, std::size_t number) {
  constexpr int bound = 6;
  const std::string sensor = "SENSOR_" + std::to_string(100'000 + number);
  const std::size_t rows = load.rows / load.files;
  TimestampWriter writer;
  std::vector<TimestampText> timestamps(rows_of_file_statement);
  tables::Database database;
  check(database.open(path));
  check(database.execute(
      "PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA "
      "cache_size = -2000; PRAGMA locking_mode = EXCLUSIVE; BEGIN"));
  check(database.execute(file_tables(load.unsynced_index).c_str()));
  tables::Statement insert;
  check(database.prepare(file_insert(), insert));
  for (std::size_t row = 0; row < rows; row += rows_of_file_statement) {
    for (std::size_t i = 0; i < rows_of_file_statement; ++i) {
      const auto at = static_cast<Timestamp>(row + i);
      const std::string_view text = writer.write((1'767'225'600 + at) * microseconds_per_second);
      std::copy(text.begin(), text.end(), timestamps[i].begin());
      const int first = static_cast<int>(i) * bound;
      insert.bind(first + 1, static_cast<std::int64_t>(at + 1));
      insert.bind(first + 2, std::string_view(timestamps[i].data(), timestamps[i].size()));
      insert.bind(first + 3, std::string_view(sensor));
      insert.bind(first + 4, 65.1234567 + static_cast<double>(at) * 1e-3);
      insert.bind(first + 5, 2.51234 + static_cast<double>(at) * 1e-4);
      insert.bind(first + 6, 12.01234 + static_cast<double>(at) * 1e-5);
    }
    if (insert.run() != SQLITE_OK) check(database.error());
  }
  check(database.execute("COMMIT"));
}

void fill_groups(const std::filesystem::path& folder, const ReferenceLoad& load,
                 std::atomic<std::size_t>& next) {
  const auto path = [&](std::size_t i) { return (folder / ("file-" + std::to_string(i) + ".db")).string(); };
  for (;;) {
    const std::size_t first = next.fetch_add(files_of_group);
    const std::size_t end = std::min(load.files, first + files_of_group);
    if (first >= end) return;
    for (std::size_t i = first; i < end; ++i) fill_file(path(i) + ".new", load, i);
    if (const auto error = sqlite::sync_all(folder.string())) throw std::system_error(error);
    for (std::size_t i = first; i < end; ++i) std::filesystem::rename(path(i) + ".new", path(i));
  }
}

}  // namespace

double files_rows_per_second(const std::filesystem::path& folder, const ReferenceLoad& load) {
  std::atomic<std::size_t> next{0};
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::future<void>> threads;
  for (std::size_t thread = 0; thread < load.threads; ++thread)
    threads.push_back(std::async(std::launch::async, [&] { fill_groups(folder, load, next); }));
  for (std::future<void>& thread : threads) thread.get();
  if (const auto error = sqlite::sync_all(folder.string())) throw std::system_error(error);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(load.rows) / elapsed.count();
}

double bind_rows_per_second(const std::filesystem::path& folder, const ReferenceLoad& load) {
  return rows_per_second(folder, load, bind_style);
}

double best_rows_per_second(const std::filesystem::path& folder, const ReferenceLoad& load) {
  return rows_per_second(folder, load, best_style);
}

}  // namespace fleet_sim::bench
