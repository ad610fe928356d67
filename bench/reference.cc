#include "reference.h"

#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/timestamp.h"
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

}  // namespace

double bind_rows_per_second(const std::filesystem::path& folder, const ReferenceLoad& load) {
  return rows_per_second(folder, load, bind_style);
}

double best_rows_per_second(const std::filesystem::path& folder, const ReferenceLoad& load) {
  return rows_per_second(folder, load, best_style);
}

}  // namespace fleet_sim::bench
