#include "sqlite/open_shards.h"

#include <doctest/doctest.h>

using fleet_sim::sqlite::OpenShards;

TEST_CASE("files that others have in use take the places of those that nobody uses") {
  OpenShards open(3);
  for (const std::uint32_t index : {0u, 1u, 2u}) open.used(index);
  CHECK(open.leave_no_room_for(1));
  open.used(0);
  CHECK(open.longest_unused() == 1);
  open.closed(1);
  CHECK_FALSE(open.leave_no_room_for(1));
  CHECK(open.leave_no_room_for(2));
  open.closed(2);
  open.closed(0);
  CHECK_FALSE(open.leave_no_room_for(100));
}
