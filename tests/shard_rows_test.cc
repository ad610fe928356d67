// The rows that wait for a destination, and the lots they are offered as.
#include <doctest/doctest.h>

#include <cstdint>

#include "write/shard_rows.h"
#include "write/waiting_rows.h"

namespace fleet_sim::shard_rows_test {

using namespace fleet_sim::write;

namespace {

batch::Reading reading(Timestamp due) {
  return {due, {1, 2, 3}, 0, std::nullopt};
}

batch::AnomalyEvent event(Timestamp started_at) {
  return {started_at, started_at, {}, 0, 1, AnomalyType::noise, batch::AnomalyEvent::Kind::opened, {}, 0};
}

SteadyTime at(int seconds) {
  return SteadyTime(std::chrono::seconds(seconds));
}

ShardRows rows_due(Timestamp from, Timestamp to, SteadyTime now = {}) {
  ShardRows rows;
  for (Timestamp due = from; due < to; ++due) rows.stage(reading(due), now);
  return rows;
}

}  // namespace

TEST_CASE("rows wait since the oldest came") {
  ShardRows rows;
  rows.stage(reading(1), at(5));
  rows.stage(event(1), at(6));
  CHECK(rows.since() == at(5));
  rows.settle();
  rows.stage(event(2), at(7));
  CHECK(rows.since() == at(7));
}

TEST_CASE("a lot keeps its number until it is settled") {
  ShardRows rows = rows_due(0, 3);
  CHECK(rows.lot(1).number == 0);
  rows.keep_offered();
  rows.stage(reading(3), {});
  CHECK(rows.lot(2).number == 0);
  CHECK(rows.lot(2).attempt == 2);
  rows.settle();
  CHECK(rows.lot(3).number == 1);
}

TEST_CASE("a later attempt offers the same rows first, and says how many those are") {
  ShardRows rows = rows_due(0, 3);
  rows.stage(event(0), {});
  CHECK(rows.lot().offered == Share{0, 0});
  rows.keep_offered();
  rows.stage(reading(3), {});
  const Lot lot = rows.lot(2);
  CHECK(lot.offered == Share{3, 1});
  CHECK(lot.readings.size() == 4);
  CHECK(lot.readings[2].due == 2);
  rows.settle();
  CHECK(rows.lot(3).offered == Share{0, 0});
}

TEST_CASE("rows that are dropped were never offered, and others in their places are others") {
  ShardRows rows = rows_due(0, 10);
  rows.keep_offered();
  CHECK(rows.forget_newest(6) == Share{6, 0});
  rows.stage(reading(20), {});
  const Lot lot = rows.lot(2);
  CHECK(lot.offered == Share{4, 0});
  CHECK(lot.readings.back().due == 20);
  CHECK(lot.lost == Loss{"backlog_full", 4, 9, 6});
}

TEST_CASE("the newest are dropped, and readings before events") {
  ShardRows rows = rows_due(0, 2);
  rows.stage(event(0), {});
  rows.stage(event(1), {});
  CHECK(rows.forget_newest(3) == Share{2, 1});
  CHECK(rows.events().size() == 1);
  CHECK(rows.events()[0].started_at == 0);
  CHECK(rows.forget_newest(9) == Share{0, 1});
}

TEST_CASE("what came meanwhile stands behind what was there, with its gap") {
  ShardRows rows = rows_due(0, 2, at(1));
  ShardRows meanwhile = rows_due(2, 5, at(2));
  meanwhile.lose_reading(3);
  meanwhile.lose_truth(5);
  rows.append(meanwhile);
  CHECK(rows.since() == at(1));
  CHECK(rows.readings().size() == 5);
  CHECK(rows.readings()[4].due == 4);
  CHECK(rows.lot().lost == Loss{"backlog_full", 3, 5, 1});
  CHECK(meanwhile.empty());
  CHECK_FALSE(meanwhile.lot().lost);
  ShardRows none;
  ShardRows later = rows_due(9, 10, at(4));
  none.append(later);
  CHECK(none.since() == at(4));
}

TEST_CASE("a gap is reported from its first moment on, until rows behind it have been taken") {
  ShardRows rows;
  rows.lose_reading(7);
  rows.lose_reading(9);
  rows.settle();  // nothing was taken
  rows.stage(reading(20), {});
  CHECK(rows.lot().lost == Loss{"backlog_full", 7, 9, 2});
  rows.settle();
  CHECK_FALSE(rows.lot().lost);
}

}  // namespace fleet_sim::shard_rows_test
