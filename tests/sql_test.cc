#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/problems.h"
#include "sql/plan.h"
#include "sql/result_format.h"

namespace fleet_sim::sql_test {
namespace {

using namespace fleet_sim::sql;

sql::Table some_table() {
  return {.name = "t",
          .name_in_file = "t",
          .columns = {{"id", "INTEGER"}, {"timestamp", "TEXT"}, {"odd, name; x", "TEXT"}, {"value", "REAL"}},
          .key = {0},
          .has_ids = true};
}

void check_read_back(const Plan& plan, const std::string& text) {
  const sql::Table table = some_table();
  CHECK(text_of(plan, table) == text);
  const Plan read = read_plan(text, table);
  CHECK(read.columns == plan.columns);
  REQUIRE(read.terms.size() == plan.terms.size());
  for (std::size_t i = 0; i < plan.terms.size(); ++i) {
    CHECK(read.terms[i].column == plan.terms[i].column);
    CHECK(read.terms[i].comparison == plan.terms[i].comparison);
  }
  REQUIRE(read.order.has_value() == plan.order.has_value());
  if (!plan.order) return;
  CHECK(read.order->column == plan.order->column);
  CHECK(read.order->descending == plan.order->descending);
}

TEST_CASE("a plan is read back from its text, whatever columns are called") {
  check_read_back({}, "");
  check_read_back({.columns = {0, 1, 2, 3}, .terms = {}, .order = {}}, "*");
  check_read_back({.columns = {1, 2, 4}, .terms = {}, .order = {}}, "timestamp, #2, shard");
  check_read_back({.columns = {}, .terms = {{0, "= ?"}, {1, "IS NOT NULL"}}, .order = {}},
                  "; id = ?, timestamp IS NOT NULL");
  check_read_back({.columns = {3}, .terms = {}, .order = Order{2, true}}, "value; ; ORDER BY #2 DESC");
  check_read_back({.columns = {3}, .terms = {{1, "IN ?"}, {4, "< ?"}}, .order = Order{3, false}},
                  "value; timestamp IN ?, shard < ?; ORDER BY value");
}

Cell text(std::string_view bytes) {
  return {.type = Cell::Type::text, .bytes = bytes};
}

TEST_CASE("a table is as wide as its first rows, and goes on from there") {
  const auto format = make_format("table");
  std::string out;
  format->begin({"name", "n"}, out);
  for (int i = 0; i < 999; ++i) format->row({text("é"), {.type = Cell::Type::integer, .integer = i}}, out);
  CHECK(out.empty());
  format->row({text("abcdef"), {}}, out);
  CHECK(out.starts_with("name       n\n------  ----\né          0\n"));
  out.clear();
  format->row({text("wider than that"), {.type = Cell::Type::real, .real = 2}}, out);
  CHECK(out == "wider than that   2.0\n");
}

TEST_CASE("what would harm a terminal is not in a table") {
  const auto format = make_format("table", 8);
  std::string out;
  format->begin({"x"}, out);
  format->row({text("\x1b[2J\a")}, out);
  format->row({text("123456789")}, out);
  format->end(out);
  CHECK(out.find('\x1b') == std::string::npos);
  CHECK(out.find('\a') == std::string::npos);
  CHECK(out.find("123456…\n") != std::string::npos);
}

TEST_CASE("numbers that JSON does not know are null") {
  const auto format = make_format("json");
  std::string out;
  format->begin({"x"}, out);
  format->row({{.type = Cell::Type::real, .real = 1e308 * 10}}, out);
  format->end(out);
  CHECK(out == "[\n{\"x\": null}\n]\n");
  CHECK_THROWS_AS(make_format("xml"), InvalidInput);
}

}  // namespace
}  // namespace fleet_sim::sql_test
