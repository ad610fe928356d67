// What an audit keeps of a sensor, and how it takes rows apart. Whole audits are tested end to end.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/examine.h"
#include "audit/row_columns.h"
#include "audit/track.h"
#include "base/problems.h"
#include "files/row_text.h"

namespace fleet_sim::audit_test {
namespace {

audit::Track track_of(std::uint64_t readings) {
  audit::Track track;
  const Cadence cadence(Rate::every(microseconds_per_second));
  track.segments.push_back({100, 0, 0, readings, cadence});
  track.readings = readings;
  return track;
}

std::string absences_of(const audit::Track& track) {
  std::string text;
  for (const audit::Absence& one : track.absences)
    text += std::to_string(one.first) + "+" + std::to_string(one.count) + (one.is_dropped ? "d " : " ");
  return text;
}

// Hands out a text, a few bytes at a time.
audit::RowText::Read in_pieces(std::string text, std::size_t bytes) {
  return [text = std::move(text), bytes, at = std::size_t{0}](char* into, std::size_t most) mutable {
    const std::size_t count = std::min({bytes, most, text.size() - at});
    text.copy(into, count, at);
    at += count;
    return count;
  };
}

// Fields with a bar between them, lines with their number in front.
std::string lines_of(const std::string& text, std::size_t bytes) {
  audit::RowText rows("rows", in_pieces(text, bytes));
  std::string all;
  audit::TextBlock block;
  while (rows.next(block)) {
    audit::CsvLines lines(block, rows.name());
    while (lines.next()) {
      all += std::to_string(lines.line()) + ":";
      for (const std::string_view field : lines.fields()) all += std::string(field) + "|";
      all += " ";
    }
  }
  return all;
}

std::string members_of(const std::string& text) {
  audit::TextBlock block{text, 1};
  const std::string name = "rows";
  audit::JsonLines lines(block, name);
  std::string all;
  while (lines.next()) {
    for (const auto& [key, value] : lines.members()) all += std::string(key) + "=" + std::string(value) + "|";
    all += " ";
  }
  return all;
}

}  // namespace

TEST_CASE("readings without a row are kept as stretches") {
  audit::Track track = track_of(20);
  for (const std::uint64_t number : {0, 1, 4, 5, 9}) track.note_row(number);
  CHECK(absences_of(track) == "2+2 6+3 ");
  track.note_row(7);  // late
  CHECK(absences_of(track) == "2+2 6+1 8+1 ");
  track.note_row(2);
  track.note_row(3);
  CHECK(absences_of(track) == "6+1 8+1 ");
  track.note_row(7);  // once more
  track.note_drop(6);
  track.note_drop(12);
  track.finish();
  CHECK(absences_of(track) == "6+1d 8+1 10+2 12+1d 13+7 ");
  CHECK(track.twice == std::vector<std::uint64_t>{7});
  CHECK(track.is_twice(7));
  CHECK(track.absence_of(5) == nullptr);
  REQUIRE(track.absence_of(11) != nullptr);
  CHECK(track.absence_of(11)->first == 10);
  CHECK(track.absence_of(19) != nullptr);
}

TEST_CASE("a reading has a number by its time, through changes of the rate") {
  audit::Track track = track_of(5);  // due at 100, 1,000,100 …
  const Cadence slow(Rate::every(10 * microseconds_per_second));
  track.segments.push_back({300, 1, 5, 3, slow});  // at 10,000,300 …
  track.readings = 8;
  CHECK(track.due(0) == 100);
  CHECK(track.due(4) == 4'000'100);
  CHECK(track.due(5) == 10'000'300);
  CHECK(track.due(7) == 30'000'300);
  CHECK(track.find(2'000'100) == 2u);
  CHECK_FALSE(track.find(2'000'101));
  CHECK_FALSE(track.find(5'000'100));
  CHECK(track.find(20'000'300) == 6u);
  CHECK_FALSE(track.find(40'000'300));
  const auto span = track.due_between(3'000'000, 20'000'300);
  CHECK(span.first == 3);
  CHECK(span.end == 6);
  CHECK(track.due_between(0, 100).first == track.due_between(0, 100).end);
  CHECK(track.due_between(0, 50).end == 0);
  const auto next = track.due_between(5'000'000, 6'000'000);
  CHECK(next.first == 5);
  CHECK(next.end == 5);
  for (const std::uint64_t number : {0, 1, 2, 6}) track.note_row(number);
  track.note_row(6);
  track.finish();
  CHECK(absences_of(track) == "3+3 7+1 ");
  track.cut(10'000'300);
  CHECK(track.readings == 5);
  CHECK(absences_of(track) == "3+2 ");
  CHECK(track.twice.empty());
  CHECK_FALSE(track.find(10'000'300));
}

TEST_CASE("lines of csv are taken apart, wherever a block ends") {
  const std::string text =
      "\xEF\xBB\xBF"
      "a,b\r\n1,2\n\n\"x,\"\"y\"\"\",\"two\nlines\"\r\n,\n5,\"6\"";
  for (const std::size_t bytes : {1u, 2u, 7u, 1000u})
    CHECK(lines_of(text, bytes) == "2:1|2| 4:x,\"y\"|two\nlines| 6:|| 7:5|6| ");
  for (const char* const bad : {"a,b\n1,\"2", "a,b\n1,\"2\"3\n", "a,b\n1,2\"3\"\n"})
    CHECK_THROWS_AS(lines_of(bad, 3), InvalidInput);
  CHECK_THROWS_AS(lines_of("", 3), InvalidInput);
  CHECK_THROWS_AS(lines_of("a\n" + std::string(3 * audit::RowText::longest_line, 'x'), 100'000),
                  InvalidInput);
}

TEST_CASE("lines of JSON are taken apart") {
  CHECK(members_of("{}\n {\"a\": 1.5e3 , "
                   "\"b\":\"x\\\"y\\u00e9\\ud83d\\ude00\\n\",\"c\":null,\"d\":{\"e\":[1,\"}\"]}}\r\n") ==
        " a=1.5e3|b=x\"y\xC3\xA9\xF0\x9F\x98\x80\n|c=|d={\"e\":[1,\"}\"]}| ");
  for (const char* const bad :
       {"[1]", "{\"a\":1", "{\"a\" 1}", "{\"a\":1,}", "{\"a\":}", "{\"a\":\"x}", "{\"a\":1} 2",
        "{\"a\":\"\\x\"}", "{\"a\":\"\\u00g0\"}", "{\"a\":[1}", "{a:1}"})
    CHECK_THROWS_AS(members_of(bad), InvalidInput);
}

TEST_CASE("a tolerance is a number or a type") {
  CHECK(audit::parse_tolerance("0.5").most == 0.5);
  CHECK(audit::parse_tolerance("float32").is_single);
  for (const char* const bad : {"", "-1", "nan", "inf", "1x"})
    CHECK_THROWS_AS(audit::parse_tolerance(bad), InvalidInput);
  audit::ColumnNames names;
  audit::add_column_name(names, "timestamp=ts");
  CHECK(names.at("timestamp") == "ts");
  for (const char* const bad : {"", "=x", "x=", "x"})
    CHECK_THROWS_AS(audit::add_column_name(names, bad), InvalidInput);
}

}  // namespace fleet_sim::audit_test
