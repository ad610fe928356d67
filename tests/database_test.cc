// Queries whose rows are visited without leaving SQLite.
#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "tables/database.h"

namespace fleet_sim::database_test {

using namespace fleet_sim::test;

namespace {

tables::Database filled(const std::string& path) {
  tables::Database database = opened(path);
  REQUIRE(database
              .execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, level REAL);"
                       "INSERT INTO t VALUES (1, 'a', 0.5), (2, NULL, 7), (3, 'Ünye', NULL), (4, '', -1e300)")
              .ok());
  return database;
}

}  // namespace

TEST_CASE("visited rows are those that a query returns, in its order") {
  const TemporaryFolder folder;
  tables::Database database = filled(folder / "a.db");
  for (const char* from : {"FROM t WHERE id BETWEEN ?1 AND ?2",
                           "FROM (SELECT * FROM t WHERE id BETWEEN ?1 AND ?2 ORDER BY level)"}) {
    const auto told = [](const auto& row) {
      return std::to_string(row.integer(0)) + "|" + std::string(row.text(1)) + "|" +
             std::to_string(row.real(2)) + "|" + std::to_string(row.type(1)) + std::to_string(row.type(2));
    };
    std::vector<std::string> visited;
    std::vector<std::string> returned;
    const auto visit = [&](const tables::VisitedRow& row) { visited.push_back(told(row)); };
    const auto take = [&](const tables::Statement& row) { returned.push_back(told(row)); };
    REQUIRE(database.visit("id, name, level", from, visit, std::int64_t{2}, std::int64_t{4}).ok());
    REQUIRE(
        database.query(std::string("SELECT id, name, level ") + from, take, std::int64_t{2}, std::int64_t{4})
            .ok());
    CHECK(visited.size() == 3);
    CHECK(visited == returned);
  }
}

TEST_CASE("a visit that throws ends the query, and the connection goes on") {
  const TemporaryFolder folder;
  tables::Database database = filled(folder / "a.db");
  int visits = 0;
  const auto refuse_second = [&](const tables::VisitedRow& row) {
    ++visits;
    if (row.integer(0) == 2) throw std::runtime_error("no twos");
  };
  CHECK_THROWS_WITH_AS(static_cast<void>(database.visit("id", "FROM t", refuse_second)), "no twos",
                       std::runtime_error);
  CHECK(visits == 2);
  CHECK(database.visit("id", "FROM t WHERE id > 2", refuse_second).ok());
  CHECK(visits == 4);
}

TEST_CASE("a visit that has had enough ends the query, which is no error") {
  const TemporaryFolder folder;
  tables::Database database = filled(folder / "a.db");
  int visits = 0;
  const auto take_two = [&](const tables::VisitedRow&) { return ++visits < 2; };
  CHECK(database.visit("id", "FROM t", take_two).ok());
  CHECK(visits == 2);
  visits = 0;
  CHECK(database.visit("id", "FROM t WHERE id = 1", take_two).ok());
  CHECK(visits == 1);
}

TEST_CASE("a visit of what is not there is an error, and of no rows none") {
  const TemporaryFolder folder;
  tables::Database database = filled(folder / "a.db");
  int visits = 0;
  const auto count = [&](const tables::VisitedRow&) { ++visits; };
  CHECK(database.visit("id", "FROM nowhere", count).message.find("nowhere") != std::string::npos);
  CHECK(database.visit("id", "FROM t WHERE id > 9", count).ok());
  CHECK(visits == 0);
}

}  // namespace fleet_sim::database_test
