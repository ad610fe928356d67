// Exporting: rows as lines, slices of time, and labels.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/plain_text.h"
#include "base/random.h"
#include "data/block_index.h"
#include "data/source.h"
#include "export/export_readings.h"
#include "export/labels.h"
#include "export/slice_reader.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "tables/schema.h"
#include "types/built_in_type.h"

namespace fleet_sim::export_test {

using namespace fleet_sim::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::monostate null{};

exports::ReadingRow plain_row() {
  return {"1970-01-01T00:00:01.500000Z",
          "S1",
          65.0,
          2.5,
          -0.1,
          std::int64_t{0},
          std::int64_t{0},
          null,
          "1.4",
          "TempVibe-2000",
          "SensorTech",
          "Factory A - Line 1"};
}

std::string line_of(exports::RowFormat format, const exports::ReadingRow& row, Timestamp at = 1'500'000) {
  std::string line;
  exports::RowFormatter(format, types::built_in_type().schema).append(line, row, at);
  return line;
}

std::string header_of(exports::RowFormat format) {
  return exports::RowFormatter(format, types::built_in_type().schema).header();
}

// The plain row with this in one of its columns.
exports::ReadingRow with(std::string_view column, const exports::Cell& cell) {
  exports::ReadingRow row = plain_row();
  const auto columns = types::built_in_type().schema.reading_columns();
  row[static_cast<std::size_t>(std::ranges::find(columns, column, &types::Column::name) - columns.begin())] =
      cell;
  return row;
}

std::string csv_location(const exports::Cell& cell) {
  const std::string line = line_of(exports::RowFormat::csv, with("location", cell));
  const std::string_view before = ",SensorTech,";
  return line.substr(line.find(before) + before.size());
}

std::string json_location(std::string_view text) {
  const std::string line = line_of(exports::RowFormat::ndjson, with("location", text));
  const std::string_view before = "\"location\":";
  return line.substr(line.find(before) + before.size());
}

std::string tag_location(std::string_view text) {
  const std::string line = line_of(exports::RowFormat::line_protocol, with("location", text));
  const std::size_t begin = line.find("1.4") + 3;
  return line.substr(begin, line.find(",manufacturer=") - begin);
}

// A shard with nothing in it.
void make_shard(const std::string& path) {
  tables::Database database = opened(path);
  REQUIRE(tables::prepare_schema(database, config::SqliteSettings{}).ok());
}

void add_readings(const std::string& path, const std::vector<Timestamp>& moments,
                  const std::string& sensor = "S1") {
  tables::Database database = opened(path);
  REQUIRE(database.execute("BEGIN").ok());
  tables::Statement insert;
  REQUIRE(database
              .prepare("INSERT INTO sensor_readings (timestamp, sensor_id, temperature, location) "
                       "VALUES (?1, ?2, 1.5, 'L')",
                       insert)
              .ok());
  for (const Timestamp at : moments) {
    const std::string text = timestamp_text(at);
    insert.bind(1, text);
    insert.bind(2, sensor);
    REQUIRE(insert.run() == SQLITE_OK);
  }
  REQUIRE(database.execute("COMMIT").ok());
}

void add_run(const std::string& path, const std::string& id, Timestamp start) {
  tables::Database database = opened(path);
  tables::RunInfo run;
  run.run_id = id;
  run.start = start;
  REQUIRE(tables::record_run(database, run).ok());
}

void add_event(const std::string& path, const std::string& sensor, const std::string& type, Timestamp start,
               std::optional<Timestamp> end = std::nullopt) {
  const std::string ended = end ? "'" + timestamp_text(*end) + "'" : "NULL";
  run_sql(path,
          "INSERT INTO anomaly_events (sensor_id, anomaly_type, started_at, ended_at, readings_affected) "
          "VALUES ('" +
              sensor + "', '" + type + "', '" + timestamp_text(start) + "', " + ended + ", 1)");
}

constexpr Timestamp second = microseconds_per_second;

}  // namespace

TEST_CASE("a row of csv") {
  CHECK(header_of(exports::RowFormat::csv) ==
        "timestamp,sensor_id,temperature,vibration,voltage,status_code,anomaly_flag,anomaly_type,"
        "firmware_version,model,manufacturer,location\n");
  CHECK(line_of(exports::RowFormat::csv, plain_row()) ==
        "1970-01-01T00:00:01.500000Z,S1,65,2.5,-0.1,0,0,,1.4,TempVibe-2000,SensorTech,Factory A - Line 1\n");
  CHECK(csv_location("a, b") == "\"a, b\"\n");
  CHECK(csv_location("say \"hi\"") == "\"say \"\"hi\"\"\"\n");
  CHECK(csv_location("two\nlines") == "\"two\nlines\"\n");
  CHECK(csv_location("a\rb") == "\"a\rb\"\n");
  CHECK(csv_location("a=b\\ 'c'") == "a=b\\ 'c'\n");
  CHECK(csv_location("") == "\"\"\n");
  CHECK(csv_location(null) == "\n");
  CHECK(csv_location(std::int64_t{-7}) == "-7\n");
  CHECK(csv_location("W\xC3\xBCrz\xFF") == "W\xC3\xBCrz\uFFFD\n");
  CHECK(line_of(exports::RowFormat::csv, with("voltage", -infinity)).find(",2.5,-inf,0,") !=
        std::string::npos);
}

TEST_CASE("a row of ndjson") {
  CHECK(header_of(exports::RowFormat::ndjson).empty());
  CHECK(line_of(exports::RowFormat::ndjson, plain_row()) ==
        "{\"timestamp\":\"1970-01-01T00:00:01.500000Z\",\"sensor_id\":\"S1\",\"temperature\":65,"
        "\"vibration\":2.5,\"voltage\":-0.1,\"status_code\":0,\"anomaly_flag\":0,\"anomaly_type\":null,"
        "\"firmware_version\":\"1.4\",\"model\":\"TempVibe-2000\",\"manufacturer\":\"SensorTech\","
        "\"location\":\"Factory A - Line 1\"}\n");
  CHECK(json_location("a\"b\\c\nd\x01") == "\"a\\\"b\\\\c\\u000ad\\u0001\"}\n");
  CHECK(json_location("\xC3\x28 \xED\xA0\x80 \xF0\x9F\x8F\xAD") ==
        "\"\uFFFD( \uFFFD\uFFFD\uFFFD \xF0\x9F\x8F\xAD\"}\n");
  CHECK(line_of(exports::RowFormat::ndjson, with("voltage", infinity)).find("\"voltage\":null,") !=
        std::string::npos);
}

TEST_CASE("a row of line protocol") {
  CHECK(header_of(exports::RowFormat::line_protocol).empty());
  CHECK(line_of(exports::RowFormat::line_protocol, plain_row()) ==
        "sensor_readings,firmware_version=1.4,location=Factory\\ A\\ -\\ Line\\ 1,manufacturer=SensorTech,"
        "model=TempVibe-2000,sensor_id=S1 temperature=65,vibration=2.5,voltage=-0.1,status_code=0i,"
        "anomaly_flag=0i 1500000000\n");
  CHECK(tag_location("a,b=c d") == ",location=a\\,b\\=c\\ d");
  CHECK(tag_location("back\\slash\\") == ",location=back\\slash");
  CHECK(tag_location("\\\\") == "");
  CHECK(tag_location("") == "");
  CHECK(tag_location("two\nlines") == ",location=two\\ lines");
  CHECK(line_of(exports::RowFormat::line_protocol, with("anomaly_type", "s\"p\\i\nke"))
            .find(",anomaly_flag=0i,anomaly_type=\"s\\\"p\\\\i ke\" 1500000000\n") != std::string::npos);
  CHECK(line_of(exports::RowFormat::line_protocol, with("temperature", null)).find(" vibration=2.5,") !=
        std::string::npos);
  CHECK(line_of(exports::RowFormat::line_protocol, with("temperature", infinity)).find(" vibration=2.5,") !=
        std::string::npos);
  CHECK(line_of(exports::RowFormat::line_protocol, with("status_code", "x")).find("status_code") ==
        std::string::npos);
  exports::ReadingRow empty(plain_row().size());
  empty[0] = "1970-01-01T00:00:00.000000Z";
  CHECK(line_of(exports::RowFormat::line_protocol, empty, 0) == "");
  CHECK(line_of(exports::RowFormat::line_protocol, plain_row(), 0).ends_with(" 0\n"));
  CHECK(line_of(exports::RowFormat::line_protocol, plain_row(), -1).ends_with(" -1000\n"));
}

TEST_CASE("a number is written with the digits that give the same one back") {
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(mix_words(i, 5));
    if (!std::isfinite(value)) continue;
    const std::string line = line_of(exports::RowFormat::csv, with("temperature", value));
    const std::string_view before = "Z,S1,";
    const double read = std::strtod(line.c_str() + line.find(before) + before.size(), nullptr);
    REQUIRE(std::bit_cast<std::uint64_t>(read) == std::bit_cast<std::uint64_t>(value));
  }
}

TEST_CASE("bytes that are not UTF-8 are replaced one by one") {
  CHECK(is_utf8("plain"));
  CHECK(is_utf8("W\xC3\xBCrzburg \x01"));
  CHECK_FALSE(is_utf8("\xC3"));
  CHECK_FALSE(is_utf8("\xC0\x80"));
  CHECK_FALSE(is_utf8("\xF5\x80\x80\x80"));
  CHECK(repaired_utf8("W\xC3\xBC\xC3") == "W\xC3\xBC\uFFFD");
  CHECK(repaired_utf8("\x80\x01") == "\uFFFD\x01");
  CHECK(repaired_utf8("") == "");
}

TEST_CASE("slices cover every block, in order of time, with about as many readings each") {
  std::vector<data::Block> blocks;
  std::uint64_t total = 0;
  for (std::uint32_t shard = 0; shard < 5; ++shard) {
    for (std::int64_t i = 0; i < 200; ++i) {
      const Timestamp begin = i * 10 * second + shard * 777;
      blocks.push_back({shard, 100, i * 100 + 1, i * 100 + 100, begin, begin + 10 * second});
      total += 100;
    }
  }
  blocks.push_back({5, 100, 1, 100, 0, 2'000 * second});  // touches all
  blocks.push_back({6, 5'000, 1, 5'000, 500, 500});       // one moment
  data::Slices slices(blocks, 2'000);
  Timestamp until = 0;
  std::size_t count = 0;
  std::vector<std::pair<Timestamp, Timestamp>> seen(blocks.size(), {0, 0});
  for (auto slice = slices.next(); slice; slice = slices.next(), ++count) {
    CHECK(slice->from == until);
    CHECK(slice->to > slice->from);
    until = slice->to;
    std::uint64_t in_ranges = 0;
    for (const data::IdRange& range : slice->ranges) {
      in_ranges += range.shard < 5 ? static_cast<std::uint64_t>(range.last - range.first + 1) : 0;
    }
    CHECK(in_ranges <= 2'000 + 2 * 5 * 100);  // and the parts of blocks that lie outside
    for (const data::Block& block : blocks) {
      const bool overlaps = block.first < slice->to && block.last >= slice->from;
      const bool listed = std::ranges::any_of(slice->ranges, [&](const data::IdRange& range) {
        return range.shard == block.shard && range.first <= block.first_id && range.last >= block.last_id;
      });
      CHECK((!overlaps || listed));
    }
  }
  CHECK(until == 2'000 * second + 4 * 777 + 1);
  CHECK(count >= total / 2'000);
  CHECK(count <= total / 2'000 + 10);
  CHECK_FALSE(data::Slices({}, 10).next());
}

TEST_CASE("a slice that is too large is read in parts, each reading once and in order") {
  const TemporaryFolder folder;
  make_shard(folder / "a.db");
  make_shard(folder / "b.db");
  std::vector<Timestamp> moments;  // in no order, many of them equal
  for (std::uint64_t i = 0; i < 1'000; ++i)
    moments.push_back(static_cast<Timestamp>(mix_words(i, 3) % 300) * second);
  add_readings(folder / "a.db", moments);
  add_readings(folder / "b.db", moments);
  const std::vector<data::SourceShard> shards = data::find_source(folder.path());
  const data::Selection selection;
  data::Slices slices(data::index_readings(shards, selection, 50), 1'000'000);
  const auto slice = slices.next();
  REQUIRE(slice);
  CHECK_FALSE(slices.next());

  for (const exports::SliceLimits limits :
       {exports::SliceLimits{10, 1 << 20}, exports::SliceLimits{1 << 20, 500}, exports::SliceLimits{1, 1}}) {
    const exports::SliceReader reader(shards, selection, exports::RowFormat::csv, nullptr, limits);
    std::vector<exports::Position> read;
    exports::Position begin{slice->from, 0, 0};
    for (bool more = true; more;) {
      const exports::SliceLines part = reader.read(*slice, begin);
      CHECK(part.lines.size() <= std::max<std::size_t>(2 * limits.rows, 1));
      for (const exports::SliceLines::Line& line : part.lines) {
        read.push_back(line.position);
        REQUIRE(part.text.substr(line.offset, timestamp_width) == timestamp_text(line.position.at));
        REQUIRE(part.text[line.offset + line.size - 1] == '\n');
      }
      more = part.rest.has_value();
      if (more) begin = *part.rest;
    }
    CHECK(read.size() == 2'000);
    CHECK(std::ranges::is_sorted(read));
    CHECK(std::ranges::adjacent_find(read) == read.end());
  }
}

TEST_CASE("more readings of one moment than are held at once, among many shards") {
  constexpr std::size_t shard_count = 600;  // enough for a slice to have several parts
  constexpr std::size_t many = 270'000;
  const TemporaryFolder folder;
  const std::string model = folder / "0000.db";
  make_shard(model);
  add_readings(model, {2 * second, 1 * second, 3 * second});
  for (std::size_t i = 1; i < shard_count; ++i) {
    std::filesystem::copy_file(model, folder / (std::to_string(10'000 + i).substr(1) + ".db"));
  }
  add_readings(folder / "0301.db", std::vector<Timestamp>(many, 2 * second), "S2");
  const std::vector<data::SourceShard> shards = data::find_source(folder.path());
  REQUIRE(shards.size() == shard_count);
  std::string text;
  const exports::ExportCounts counts =
      exports::export_readings(shards, {}, exports::RowFormat::csv,
                               [&](std::string_view lines, const exports::ExportCounts&) { text += lines; });
  CHECK(counts.rows == 3 * shard_count + many);

  const auto line = [](int at, const std::string& sensor) {
    return timestamp_text(at * second) + ',' + sensor + ",1.5,,,,,,,,,L\n";
  };
  std::string expected = header_of(exports::RowFormat::csv);
  for (const int at : {1, 2, 3}) {
    for (std::size_t i = 0; i < shard_count; ++i) {
      expected += line(at, "S1");
      for (std::size_t n = 0; at == 2 && i == 301 && n < many; ++n) expected += line(at, "S2");
    }
  }
  CHECK((text == expected));
}

TEST_CASE("ids far apart are no obstacle") {
  const TemporaryFolder folder;
  make_shard(folder / "a.db");
  add_readings(folder / "a.db", {3 * second, 1 * second, 2 * second, 5 * second});
  run_sql(folder / "a.db", "UPDATE sensor_readings SET id = -9223372036854775807 WHERE id = 1");
  run_sql(folder / "a.db", "UPDATE sensor_readings SET id = 9223372036854775807 WHERE id = 2");
  std::string text;
  const exports::ExportCounts counts =
      exports::export_readings(data::find_source(folder.path()), {}, exports::RowFormat::line_protocol,
                               [&](std::string_view lines, const exports::ExportCounts&) { text += lines; });
  CHECK(counts.rows == 4);
  CHECK(counts.left_out == 0);
  std::string expected;
  for (const char* at : {"1", "2", "3", "5"}) {
    expected += "sensor_readings,location=L,sensor_id=S1 temperature=1.5 " + std::string(at) + "000000000\n";
  }
  CHECK(text == expected);
}

TEST_CASE("readings of which line protocol can say nothing are counted") {
  const TemporaryFolder folder;
  make_shard(folder / "a.db");
  add_readings(folder / "a.db", {1 * second, 2 * second, 3 * second});
  run_sql(folder / "a.db", "UPDATE sensor_readings SET temperature = NULL WHERE id = 2");
  const exports::ExportCounts counts =
      exports::export_readings(data::find_source(folder.path()), {}, exports::RowFormat::line_protocol,
                               [](std::string_view, const exports::ExportCounts&) {});
  CHECK(counts.rows == 2);
  CHECK(counts.left_out == 1);
}

TEST_CASE("a timestamp that is none is an error that names the reading") {
  const TemporaryFolder folder;
  make_shard(folder / "a.db");
  add_readings(folder / "a.db", {1 * second, 2 * second});
  run_sql(folder / "a.db", "UPDATE sensor_readings SET timestamp = 'noon' WHERE id = 2");
  CHECK_THROWS_WITH_AS(exports::export_readings(data::find_source(folder.path()), {}, exports::RowFormat::csv,
                                                [](std::string_view, const exports::ExportCounts&) {}),
                       ((folder / "a.db") + ": reading 2 has 'noon' where a time should be").c_str(),
                       std::runtime_error);
}

TEST_CASE("an event without an end lasts to the end of its run") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  make_shard(path);
  // The first run reads from 100 s to 110 s, the second from 200 s to 220 s. B reads for longer than A.
  add_run(path, "one", 100 * second);
  add_run(path, "two", 200 * second);
  add_readings(path, {100 * second, 105 * second, 201 * second, 210 * second}, "A");
  add_readings(path, {101 * second, 110 * second, 200 * second, 220 * second}, "B");
  add_event(path, "A", "trend", 104 * second);
  add_event(path, "A", "missing_data", 106 * second);  // has no reading of A until the first run's end
  add_event(path, "B", "noise", 195 * second);         // began before the second run, and is cut to it
  add_event(path, "A", "missing_data", 211 * second);
  add_event(path, "A", "spike", 215 * second);         // its reading was lost
  add_event(path, "B", "missing_data", 221 * second);  // nothing is known of what came after
  const exports::Labels labels = exports::read_labels(data::find_source(folder.path()), {});
  const auto spans = [&](const std::string& sensor) {
    std::vector<std::pair<Timestamp, Timestamp>> all;
    for (const exports::Label& label : labels.at(sensor))
      all.emplace_back(label.start / second, label.end / second);
    return all;
  };
  using Spans = std::vector<std::pair<Timestamp, Timestamp>>;
  CHECK(spans("A") == Spans{{104, 105}, {106, 110}, {211, 220}, {215, 215}});
  CHECK(spans("B") == Spans{{200, 220}, {221, 221}});
}

TEST_CASE("no label begins before the data, whatever ran before") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  make_shard(path);
  add_run(path, "one", 100 * second);
  add_run(path, "two", 200 * second);
  add_readings(path, {103 * second, 105 * second, 202 * second, 203 * second}, "A");
  add_readings(path, {101 * second}, "B");
  add_event(path, "A", "trend", 60 * second, 105 * second);
  add_event(path, "A", "noise", 190 * second, 203 * second);
  add_event(path, "B", "missing_data", 90 * second, 100 * second);  // ended as the run began
  add_event(path, "B", "missing_data", 150 * second, 201 * second);
  const exports::Labels labels = exports::read_labels(data::find_source(folder.path()), {});
  CHECK(labels.at("A")[0].start == 103 * second);
  CHECK(labels.at("A")[0].end == 105 * second);
  CHECK(labels.at("A")[1].start == 202 * second);
  CHECK(labels.at("B")[0].start == 100 * second);
  CHECK(labels.at("B")[1].start == 200 * second);
}

TEST_CASE("a gap at the end of a run is not stretched over the next one") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  make_shard(path);
  add_run(path, "one", 100 * second);
  add_run(path, "two", 900 * second);
  add_readings(path, {100 * second, 101 * second, 900 * second, 950 * second}, "A");
  add_event(path, "A", "missing_data", 102 * second);
  const exports::Labels labels = exports::read_labels(data::find_source(folder.path()), {});
  REQUIRE(labels.at("A").size() == 1);
  CHECK(labels.at("A")[0].end == 102 * second);
}

TEST_CASE("a sensor that has failed is labeled to the end of the run, and its lives are lines of csv") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  make_shard(path);
  add_run(path, "one", 100 * second);
  add_readings(path, {100 * second, 105 * second}, "A");
  add_readings(path, {101 * second, 130 * second}, "B");
  add_event(path, "A", "aging", 104 * second);
  run_sql(path,
          "UPDATE anomaly_events SET cause = 'aging', scenario = 'a, \"b\"', "
          "fails_at = '1970-01-01T00:01:50.000000Z'");
  const exports::Labels labels = exports::read_labels(data::find_source(folder.path()), {});
  REQUIRE(labels.at("A").size() == 1);
  CHECK(labels.at("A")[0].end == 130 * second);
  CHECK(exports::windows_json(labels) ==
        "{\n  \"A\": [\n    [\"1970-01-01T00:01:50.000000Z\", \"1970-01-01T00:02:10.000000Z\"]\n  ],\n"
        "  \"B\": []\n}\n");
  CHECK(exports::life_csv(labels) ==
        "sensor_id,aging,started_at,fails_at,ended_at\n"
        "A,\"a, \"\"b\"\"\",1970-01-01T00:01:44.000000Z,1970-01-01T00:01:50.000000Z,\n");
  run_sql(path, "UPDATE anomaly_events SET fails_at = 'later, perhaps'");
  CHECK_THROWS_WITH_AS(exports::read_labels(data::find_source(folder.path()), {}),
                       doctest::Contains("'later, perhaps' where a time should be"), std::runtime_error);
}

TEST_CASE("labels are cut to the time that is asked for") {
  const TemporaryFolder folder;
  make_shard(folder / "a.db");
  add_readings(folder / "a.db", {0}, "A");
  run_sql(
      folder / "a.db",
      "INSERT INTO anomaly_events (id, sensor_id, anomaly_type, channel, direction, magnitude, started_at, "
      "ended_at, readings_affected) VALUES (1, 'A', 'trend', NULL, 1, 0.5, "
      "'1970-01-01T00:00:10.000000Z', '1970-01-01T00:00:20.000000Z', 11)");
  using Spans = std::vector<std::pair<Timestamp, Timestamp>>;
  const auto spans = [&](Timestamp from, Timestamp to) {
    const exports::Labels labels = exports::read_labels(data::find_source(folder.path()), {from, to, {}, {}});
    Spans all;
    for (const exports::Label& label : labels.at("A")) all.emplace_back(label.start, label.end);
    return all;
  };
  CHECK(spans(0, 30 * second) == Spans{{10 * second, 20 * second}});
  CHECK(spans(12 * second, 15 * second) == Spans{{12 * second, 15 * second - 1}});
  CHECK(spans(20 * second, 30 * second) == Spans{{20 * second, 20 * second}});
  CHECK(spans(20 * second + 1, 30 * second) == Spans{});
  CHECK(spans(0, 10 * second + 1) == Spans{{10 * second, 10 * second}});
  CHECK(spans(0, 10 * second) == Spans{});
}

TEST_CASE("labels as JSON") {
  const exports::Labels labels{
      {"A \"x\"", {}},
      {"B",
       {{0, second, "spike", "voltage", "-1", "2.5"},
        {2 * second, 3 * second, "noise", "", "null", "0.1", "3", "0.5", "injected", "storm"}}}};
  CHECK(exports::windows_json(labels) ==
        "{\n  \"A \\\"x\\\"\": [],\n  \"B\": [\n"
        "    [\"1970-01-01T00:00:00.000000Z\", \"1970-01-01T00:00:01.000000Z\"],\n"
        "    [\"1970-01-01T00:00:02.000000Z\", \"1970-01-01T00:00:03.000000Z\"]\n  ]\n}\n");
  CHECK(exports::events_json(labels) ==
        "{\n  \"A \\\"x\\\"\": [],\n  \"B\": [\n"
        "    {\"type\": \"spike\", \"channel\": \"voltage\", \"direction\": -1, \"magnitude\": 2.5, "
        "\"severity\": "
        "null, \"sigma\": null, \"cause\": \"drawn\", \"scenario\": null, \"fails_at\": null, "
        "\"start\": \"1970-01-01T00:00:00.000000Z\", \"end\": \"1970-01-01T00:00:01.000000Z\"},\n"
        "    {\"type\": \"noise\", \"channel\": null, \"direction\": null, \"magnitude\": 0.1, \"severity\": "
        "3, \"sigma\": 0.5, \"cause\": \"injected\", \"scenario\": \"storm\", \"fails_at\": null, "
        "\"start\": \"1970-01-01T00:00:02.000000Z\", \"end\": \"1970-01-01T00:00:03.000000Z\"}\n  ]\n}\n");
  CHECK(exports::windows_json({}) == "{}\n");
}

}  // namespace fleet_sim::export_test
