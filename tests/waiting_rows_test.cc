// The two halves of a writer's memory, at their bounds. What the writer makes of them: backlog_test.
#include <doctest/doctest.h>

#include "write/waiting_rows.h"

namespace fleet_sim::waiting_rows_test {

namespace {

void add(write::WaitingRows& rows, int count, bool in_backlog) {
  for (int i = 0; i < count; ++i) rows.add(in_backlog);
}

}  // namespace

TEST_CASE("each half of the memory is full by itself") {
  write::WaitingRows rows(10);
  add(rows, 4, false);
  CHECK_FALSE(rows.memory_is_full());
  add(rows, 1, false);
  CHECK(rows.memory_is_full());
  add(rows, 4, true);
  CHECK_FALSE(rows.backlog_is_full());
  add(rows, 1, true);
  CHECK(rows.backlog_is_full());
  CHECK(rows.count() == 10);
  rows.remove(1, true);
  CHECK_FALSE(rows.backlog_is_full());
  CHECK(rows.memory_is_full());
  rows.remove(1, false);
  CHECK_FALSE(rows.memory_is_full());
  CHECK(rows.count() == 8);
}

TEST_CASE("rows that become the backlog, or leave it, wait all the while") {
  write::WaitingRows rows(10);
  add(rows, 8, false);
  rows.move_to_backlog(6);
  CHECK(rows.backlog_is_full());
  CHECK_FALSE(rows.memory_is_full());
  rows.take_from_backlog(4);
  CHECK_FALSE(rows.backlog_is_full());
  CHECK(rows.memory_is_full());
  CHECK(rows.count() == 8);
}

TEST_CASE("of the backlog gives way what is beyond its half, and only while others need the room") {
  write::WaitingRows rows(10);
  add(rows, 9, true);
  CHECK(rows.excess() == 0);
  add(rows, 1, false);
  CHECK(rows.excess() == 0);
  add(rows, 2, false);
  CHECK(rows.excess() == 2);
  add(rows, 9, false);
  CHECK(rows.excess() == 4);
  rows.remove(4, true);
  CHECK(rows.excess() == 0);
  rows.remove(1, true);
  CHECK(rows.excess() == 0);
}

}  // namespace fleet_sim::waiting_rows_test
