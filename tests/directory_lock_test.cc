// Who may write to a data directory beside whom.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include <sys/wait.h>

#include "data/directory_lock.h"
#include "fleet/fleet.h"
#include "support/temporary_folder.h"

namespace fleet_sim::directory_lock_test {

using namespace fleet_sim::test;

namespace {

bool overlap(config::Partition a, config::Partition b) {
  const data::LockedBytes of_a = data::bytes_of(a);
  const data::LockedBytes of_b = data::bytes_of(b);
  return of_a.begin < of_b.end && of_b.begin < of_a.end;
}

// Whether `judge` holds in another process.
bool holds_in_child(const std::function<bool()>& judge) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(judge() ? 0 : 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status == 0;
}

}  // namespace

TEST_CASE("partitions lock a byte in common exactly when they may have a sensor in common") {
  for (std::uint32_t n = 1; n <= 12; ++n) {
    for (std::uint32_t m = 1; m <= 12; ++m) {
      for (std::uint32_t k = 1; k <= n; ++k) {
        for (std::uint32_t l = 1; l <= m; ++l) {
          // The stretches [k-1, k) / n and [l-1, l) / m of the hashes.
          const bool shared = (k - 1) * m < l * n && (l - 1) * n < k * m;
          if (overlap({k, n}, {l, m}) != shared) FAIL(k << '/' << n << " and " << l << '/' << m);
        }
      }
    }
  }
  for (int i = 0; i < 2'000; ++i) {
    const std::string id = "sensor-" + std::to_string(i);
    for (std::uint32_t n = 1; n <= 9; ++n)
      CHECK(overlap({fleet::partition_of(id, n), n}, {fleet::partition_of(id, 7), 7}));
  }
  const data::LockedBytes smallest = data::bytes_of({1'000'000, 1'000'000});
  CHECK(smallest.begin < smallest.end);
}

TEST_CASE("a directory that is locked is refused to another process, which learns by whom") {
  const TemporaryFolder folder;
  const pid_t we = ::getpid();
  {
    data::DirectoryLock lock;
    REQUIRE(lock.take(folder.path(), {1, 2}) == data::DirectoryLock::Verdict::taken);
    CHECK(holds_in_child([&] {
      data::DirectoryLock second;
      return second.take(folder.path(), {1, 1}) == data::DirectoryLock::Verdict::held &&
             second.holder() == we;
    }));
    CHECK(holds_in_child([&] {
      data::DirectoryLock second;
      return second.take(folder.path(), {2, 2}) == data::DirectoryLock::Verdict::taken;
    }));
  }
  CHECK(holds_in_child([&] {
    data::DirectoryLock second;
    return second.take(folder.path(), {1, 1}) == data::DirectoryLock::Verdict::taken;
  }));
}

TEST_CASE("where no lock can be had it says why, and keeps nobody out") {
  data::DirectoryLock lock;
  CHECK(lock.take("/proc/is/not/there", {1, 1}) == data::DirectoryLock::Verdict::unavailable);
  CHECK(lock.reason() == "No such file or directory");
}

}  // namespace fleet_sim::directory_lock_test
