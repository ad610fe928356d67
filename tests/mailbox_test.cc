// A mailbox, from which everything that is posted is taken once, in order.
#include <doctest/doctest.h>

#include <atomic>
#include <barrier>
#include <string>
#include <thread>
#include <vector>

#include "base/mailbox.h"

namespace fleet_sim::mailbox_test {

TEST_CASE("what was posted is taken in order, once") {
  Mailbox<std::string> mailbox;
  CHECK(mailbox.take().empty());
  mailbox.post("first");
  mailbox.post("second");
  CHECK(mailbox.take() == std::vector<std::string>{"first", "second"});
  CHECK(mailbox.take().empty());
  mailbox.post("third");
  CHECK(mailbox.take() == std::vector<std::string>{"third"});
}

TEST_CASE("whatever is posted while somebody takes is in this hand or in the next") {
  constexpr int rounds = 3'000;
  Mailbox<int> mailbox;
  std::barrier round_begins(3);
  std::atomic<int> posted = 0;
  const auto post_one_a_round = [&] {
    for (int round = 0; round < rounds; ++round) {
      round_begins.arrive_and_wait();
      mailbox.post(round);
      ++posted;
    }
  };
  std::thread one(post_one_a_round);
  std::thread other(post_one_a_round);
  int lost = 0;
  for (int round = 0; round < rounds; ++round) {
    round_begins.arrive_and_wait();
    std::vector<int> taken;
    for (bool more = true; more;) {
      more = posted < 2 * (round + 1);  // before taking: what has been posted by then is taken
      for (const int letter : mailbox.take()) taken.push_back(letter);
    }
    lost += taken != std::vector<int>{round, round};
  }
  one.join();
  other.join();
  CHECK(lost == 0);
}

}  // namespace fleet_sim::mailbox_test
