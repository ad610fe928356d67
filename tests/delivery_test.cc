// How rows arrive where delivery is imperfect: what becomes of each reading, that rows and deliveries
// together are the undisturbed run, and that nothing depends on how the run is cut.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.h"
#include "config/load_config.h"
#include "delivery/fate.h"
#include "fleet/fleet.h"
#include "support/rosters.h"

namespace fleet_sim::delivery_test {

using namespace fleet_sim::test;

namespace {

using Kind = batch::Delivery::Kind;

constexpr Timestamp start = 1'767'225'600'123'456;
constexpr std::uint64_t seed = 4711;
constexpr Microseconds second = 1'000'000;
constexpr std::size_t sensors = 200;

scenario::Delivery usual_delivery() {
  return {.drop = 0.05, .late = {0.2, 4 * second}, .duplicate = 0.03, .jitter = 20'000};
}

config::Config config_with(const scenario::Delivery& delivery) {
  config::Config config;
  config.anomalies.probability = 0.3;
  config.anomalies.types[index_of(AnomalyType::missing_data)].duration_seconds = 3;
  config.delivery = delivery;
  return config;
}

fleet::Fleet fleet_of(const identity::Roster& roster, const config::Config& config) {
  const std::vector<std::uint32_t> members = all_of(roster);
  return fleet::build_fleet(roster, members, std::vector<std::uint32_t>(members.size(), 0), config, seed,
                            start);
}

struct Taken {
  std::vector<batch::Reading> rows;
  std::vector<batch::Delivery> deliveries;
  fleet::Tally tally;
};

// Ticks every cohort up to `until`, in windows and batches as they come.
void tick(fleet::Fleet& fleet, Timestamp from, Timestamp until, Microseconds window, Taken& taken) {
  batch::Batch batch;
  for (Timestamp to = from; to < until;) {
    to = std::min(to + window, until);
    for (fleet::Cohort& cohort : fleet.cohorts()) {
      while (cohort.next_due() < to) {
        taken.tally += cohort.tick(to, batch);
        taken.rows.insert(taken.rows.end(), batch.readings.begin(), batch.readings.end());
        taken.deliveries.insert(taken.deliveries.end(), batch.deliveries.begin(), batch.deliveries.end());
        batch.clear();
      }
    }
  }
}

Taken run(const scenario::Delivery& delivery, Microseconds length, Microseconds window = second) {
  const identity::Roster roster = roster_of(sensors);
  fleet::Fleet fleet = fleet_of(roster, config_with(delivery));
  Taken taken;
  tick(fleet, start, start + length, window, taken);
  return taken;
}

using Key = std::pair<std::uint32_t, Timestamp>;  // a sensor, and when its reading was due
using Readings = std::map<Key, batch::Reading>;

Readings by_key(const Taken& taken) {
  Readings readings;
  for (const batch::Reading& row : taken.rows) readings.emplace(Key(row.sensor, row.due), row);
  return readings;
}

std::set<Key> keys_of(const Taken& taken, Kind kind) {
  std::set<Key> keys;
  for (const batch::Delivery& one : taken.deliveries) {
    if (one.kind == kind) keys.emplace(one.sensor, one.due);
  }
  return keys;
}

using RowKey = std::tuple<std::uint32_t, Timestamp, Timestamp, Timestamp, std::uint64_t>;

RowKey row_key(const batch::Reading& row) {
  return {row.sensor, row.due, row.arrival->stamp, row.arrival->at, row.arrival->sequence};
}

std::vector<RowKey> sorted(const std::vector<batch::Reading>& rows) {
  std::vector<RowKey> keys;
  for (const batch::Reading& row : rows) keys.push_back(row_key(row));
  std::ranges::sort(keys);
  return keys;
}

bool balances(const Taken& taken) {
  const fleet::Tally& tally = taken.tally;
  return tally.due + tally.duplicates ==
         taken.rows.size() + tally.missing + tally.dropped + static_cast<std::uint64_t>(tally.undelivered);
}

// A hold of one sensor from `from` on, for so long.
struct Held {
  Timestamp from;
  Timestamp until;
};

Taken run_with_hold(std::uint64_t drain, const Held& held, Microseconds length) {
  const identity::Roster roster = roster_of(sensors);
  config::Config config = config_with({.duplicate = 0.05});
  fleet::Fleet fleet = fleet_of(roster, config);
  Taken taken;
  tick(fleet, start, held.from, second, taken);
  for (fleet::Cohort& cohort : fleet.cohorts())
    cohort.deliver(hash_text(roster[7].id), {.hold = true, .drain = drain}, held.until);
  tick(fleet, held.from, start + length, second, taken);
  return taken;
}

}  // namespace

TEST_CASE("each fate has the share that was asked for, and a lateness of that median") {
  const scenario::Delivery how = usual_delivery();
  const delivery::Odds odds(how);
  constexpr int n = 200'000;
  int dropped = 0, late = 0, below_median = 0, duplicated = 0, late_and_duplicated = 0, again_late = 0;
  bool was_late = false;
  Microseconds farthest = 0, latest = 0;
  double jitter = 0, jitter_of_late = 0, jitter_with_next = 0, last_jitter = 0;
  bool is_pure = true;
  for (int i = 0; i < n; ++i) {
    const delivery::Fate fate = odds.fate(seed, 1'000 + i % 17, start + i * second);
    is_pure = is_pure && fate == odds.fate(seed, 1'000 + i % 17, start + i * second);
    dropped += fate.is_dropped;
    duplicated += fate.is_duplicated;
    late += fate.late > 0;
    below_median += fate.late > 0 && fate.late < how.late.median;
    late_and_duplicated += fate.late > 0 && fate.is_duplicated;
    again_late += was_late && fate.late > 0;
    was_late = fate.late > 0;
    farthest = std::max(farthest, std::abs(fate.jitter));
    const double share = static_cast<double>(fate.jitter) / static_cast<double>(how.jitter);
    jitter += share;
    jitter_of_late += fate.late > 0 ? share : 0;
    jitter_with_next += share * std::exchange(last_jitter, share);
    latest = std::max(latest, fate.late);
  }
  CHECK(is_pure);
  CHECK(farthest <= how.jitter);
  CHECK(farthest > how.jitter * 99 / 100);
  CHECK(latest <= delivery::latest_in_medians * how.late.median);
  const auto is_near = [](double count, double of, double share) {
    return std::abs(count - of * share) < 6 * std::sqrt(of * share * (1 - share));
  };
  CHECK(is_near(dropped, n, how.drop));
  CHECK(is_near(late, n, how.late.share));
  CHECK(is_near(duplicated, n, how.duplicate));
  CHECK(is_near(below_median, late, 0.5));
  CHECK(is_near(late_and_duplicated, n, how.late.share * how.duplicate));
  CHECK(is_near(again_late, n - 1, how.late.share * how.late.share));
  // A uniform number between -1 and 1 has the variance 1/3, the product of two such 1/9.
  CHECK(std::abs(jitter) < 6 * std::sqrt(n / 3.0));
  CHECK(std::abs(jitter_of_late) < 6 * std::sqrt(late / 3.0));
  CHECK(std::abs(jitter_with_next) < 6 * std::sqrt(n / 9.0));
}

TEST_CASE("what arrives at once is not disturbed, and a larger share leaves the others as they were") {
  const scenario::Delivery how = usual_delivery();
  scenario::Delivery more = how;
  more.drop = 0.5;
  const delivery::Odds odds(how), others(more);
  int at_once = 0, disturbed = 0, dropped_now = 0;
  bool is_right = true;
  for (int i = 0; i < 20'000; ++i) {
    const Timestamp due = start + i * second;
    const delivery::Fate fate = odds.fate(seed, 7, due), other = others.fate(seed, 7, due);
    const bool is_disturbed = fate.is_dropped || fate.is_duplicated || fate.late > 0;
    const std::uint64_t draw = delivery::Odds::draw(seed, 7, due);
    if (odds.arrives_at_once(draw)) {
      is_right = is_right && !is_disturbed;
      ++at_once;
    }
    disturbed += is_disturbed;
    dropped_now += other.is_dropped && !fate.is_dropped;
    is_right = is_right && (other.is_dropped || !fate.is_dropped) && other.late == fate.late &&
               other.is_duplicated == fate.is_duplicated && other.jitter == fate.jitter &&
               fate.jitter == odds.jitter(draw);
  }
  CHECK(is_right);
  CHECK(at_once + disturbed == 20'000);  // the first bits settled all of these
  CHECK(dropped_now > 8'000);
}

TEST_CASE("nothing that is disturbed arrives at once, whatever the shares") {
  const std::vector<double> shares{0, 1e-9, 1e-6, 0.001, 0.25, 0.5, 0.999999, 1};
  for (const double drop : shares) {
    for (const double late : shares) {
      for (const double duplicate : shares) {
        const delivery::Odds odds({.drop = drop, .late = {late, second}, .duplicate = duplicate});
        int doubtful = 0;
        bool is_right = true;
        for (int i = 0; i < 200; ++i) {
          const delivery::Fate fate = odds.fate(seed, 7, start + i);
          const bool is_disturbed = fate.is_dropped || fate.is_duplicated || fate.late > 0;
          const bool at_once = odds.arrives_at_once(delivery::Odds::draw(seed, 7, start + i));
          is_right = is_right && !(at_once && is_disturbed);
          doubtful += !at_once && !is_disturbed;
        }
        CAPTURE(drop);
        CAPTURE(late);
        CAPTURE(duplicate);
        CHECK(is_right);
        CHECK(doubtful == 0);  // as are about three draws in a million
      }
    }
  }
}

TEST_CASE("a share of one lets nothing arrive at once, whatever is drawn") {
  constexpr std::uint64_t all_bits = ~std::uint64_t{0};
  const delivery::Odds drop({.drop = 1}), late({.late = {1, second}}), duplicate({.duplicate = 1});
  for (int shift = 0; shift < 64; ++shift) {
    for (const std::uint64_t draw : {std::uint64_t{1} << shift, ~(std::uint64_t{1} << shift),
                                     all_bits >> shift, all_bits << shift, ~(all_bits << shift)}) {
      CAPTURE(draw);
      CHECK_FALSE(drop.arrives_at_once(draw));
      CHECK_FALSE(late.arrives_at_once(draw));
      CHECK_FALSE(duplicate.arrives_at_once(draw));
    }
  }
  for (const std::uint64_t draw : {0x7FFFFFFFFFEull, 0xFFFFF800003FFFFEull, 0xFFFFFFFFFFC00000ull, 0ull}) {
    CHECK_FALSE(drop.arrives_at_once(draw));
    CHECK_FALSE(late.arrives_at_once(draw));
    CHECK_FALSE(duplicate.arrives_at_once(draw));
  }
}

TEST_CASE("a share of one disturbs every reading, and a share of none none") {
  const delivery::Odds all({.drop = 1, .late = {1, second}, .duplicate = 1}), none({.jitter = 1});
  for (int i = 0; i < 20'000; ++i) {
    const delivery::Fate fate = all.fate(seed, 7, start + i), other = none.fate(seed, 7, start + i);
    REQUIRE((fate.is_dropped && fate.is_duplicated && fate.late > 0));
    REQUIRE((!other.is_dropped && !other.is_duplicated && other.late == 0));
  }
}

TEST_CASE("no reading is later than a hundred medians") {
  const delivery::Odds odds({.late = {1, 4 * second}});
  // Found by looking: it would be 264 medians late.
  CHECK(odds.fate(seed, 1'001, start + 279'744 * second).late == 400 * second);
}

TEST_CASE("what an entry says replaces what the config says, and nothing else") {
  const scenario::Delivery usual = usual_delivery();
  const delivery::How how(usual, {.drop = 0.5, .duplicate = 0, .hold = true, .drain = 3});
  CHECK(how.odds ==
        delivery::Odds({.drop = 0.5, .late = usual.late, .duplicate = 0, .jitter = usual.jitter}));
  CHECK(how.hold);
  CHECK(how.drain == 3);
  CHECK(delivery::How(usual).odds == delivery::Odds(usual));
}

TEST_CASE("rows, drops and what still waits are the undisturbed run") {
  const Taken off = run({}, 300 * second);
  const Taken on = run(usual_delivery(), 300 * second);
  CHECK(off.deliveries.empty());
  CHECK(!off.rows.front().arrival);
  CHECK(balances(on));
  CHECK(on.tally.due == off.tally.due);
  CHECK(on.tally.missing == off.tally.missing);
  const Readings undisturbed = by_key(off);
  const Readings arrived = by_key(on);
  const std::set<Key> dropped = keys_of(on, Kind::drop);
  const std::set<Key> late = keys_of(on, Kind::late);
  std::uint64_t waiting = 0;
  for (const auto& [key, reading] : undisturbed) {
    const auto there = arrived.find(key);
    CHECK((there != arrived.end()) + dropped.contains(key) <= 1);
    if (there == arrived.end() && !dropped.contains(key)) {
      CHECK(late.contains(key));
      ++waiting;
    } else if (there != arrived.end()) {
      CHECK(there->second.values == reading.values);
      CHECK(there->second.anomaly == reading.anomaly);
    }
  }
  CHECK(arrived.size() + dropped.size() + waiting == undisturbed.size());
  CHECK(waiting == static_cast<std::uint64_t>(on.tally.undelivered));
  CHECK(waiting > 0);
  CHECK(on.tally.dropped == dropped.size());
  CHECK(on.tally.duplicates == keys_of(on, Kind::duplicate).size());
  CHECK(on.rows.size() == arrived.size() + on.tally.duplicates);
}

TEST_CASE("a late reading arrives in its sensor's first slot at its time, and at most two wait") {
  const Taken on = run(usual_delivery(), 300 * second);
  std::map<Key, batch::Delivery> late;
  for (const batch::Delivery& one : on.deliveries) {
    if (one.kind == Kind::late) late.emplace(Key(one.sensor, one.due), one);
  }
  std::size_t came = 0;
  for (const batch::Reading& row : on.rows) {
    const auto found = late.find({row.sensor, row.due});
    const Timestamp expected = found == late.end() ? row.due : *found->second.arrived_at;
    CHECK(row.arrival->at == expected);
    CHECK((row.arrival->at - row.due) % second == 0);
    CHECK(row.arrival->sequence == static_cast<std::uint64_t>((row.due - start) / second) + 1);
    came += found != late.end();
  }
  CHECK(came > 1'000);
  std::map<std::uint32_t, std::vector<std::pair<Timestamp, int>>> steps;
  for (const auto& [key, one] : late) {
    steps[one.sensor].push_back({one.due, 1});
    steps[one.sensor].push_back({*one.arrived_at, -1});
  }
  int most = 0;
  for (auto& [sensor, changes] : steps) {
    std::ranges::sort(changes);
    int waiting = 0;
    for (const auto& [at, change] : changes) most = std::max(most, waiting += change);
  }
  CHECK(most == 2);
}

TEST_CASE("rows and deliveries do not depend on windows") {
  const Taken whole = run(usual_delivery(), 60 * second, 60 * second);
  const Taken cut = run(usual_delivery(), 60 * second, 70'000);
  CHECK(sorted(whole.rows) == sorted(cut.rows));
  CHECK(whole.deliveries.size() == cut.deliveries.size());
}

TEST_CASE("a held sensor reads afterwards, first in first out, a few with each new reading") {
  const Held held{start + 100 * second, start + 160 * second};
  const Taken off = run({}, 300 * second);
  const Taken on = run_with_hold(4, held, 300 * second);
  CHECK(balances(on));
  CHECK(on.tally.undelivered == 0);
  std::map<Timestamp, int> in_slot;
  Timestamp last_due = 0;
  for (const batch::Reading& row : on.rows) {
    if (row.sensor != 7) {
      CHECK(row.arrival->at == row.due);
      continue;
    }
    CHECK((row.arrival->at < held.from || row.arrival->at >= held.until));
    CHECK(row.due >= last_due);
    last_due = row.due;
    ++in_slot[row.arrival->at];
  }
  const Readings undisturbed = by_key(off);
  for (const auto& [key, row] : by_key(on)) {
    const auto same = undisturbed.find(key);
    REQUIRE(same != undisturbed.end());
    CHECK(row.values == same->second.values);
  }
  CHECK(by_key(on).size() == undisturbed.size());
  const auto first_slot = in_slot.lower_bound(held.until)->first;
  int most = 0;
  for (const auto& [slot, rows] : in_slot) most = std::max(most, rows);
  CHECK(most >= 3);
  CHECK(most <= 2 * 5);
  // Sixty were held, and each slot gains four.
  const std::vector<batch::Delivery>& noted = on.deliveries;
  const auto hold = std::ranges::find(noted, Kind::hold, &batch::Delivery::kind);
  const auto drained = std::ranges::find(noted, Kind::drained, &batch::Delivery::kind);
  REQUIRE(hold != noted.end());
  REQUIRE(drained != noted.end());
  CHECK(hold->due >= held.from);
  CHECK(hold->due < held.from + second);
  CHECK(drained->due == hold->due);
  CHECK(drained->readings == 60 + 15);
  CHECK(*drained->arrived_at == first_slot + 14 * second);
}

TEST_CASE("a drain larger than a batch goes on in the next one") {
  const Held held{start + second, start + 2'500 * second};
  const Taken on = run_with_hold(1'000'000, held, 2'510 * second);
  CHECK(balances(on));
  CHECK(on.tally.undelivered == 0);
  CHECK(by_key(on).size() == by_key(run({}, 2'510 * second)).size());
}

TEST_CASE("skipped slots leave what is held for later") {
  const identity::Roster roster = roster_of(1);
  fleet::Fleet fleet = fleet_of(roster, config_with({.duplicate = 1e-9}));
  fleet::Cohort& cohort = fleet.cohorts().front();
  Taken taken;
  cohort.deliver(hash_text(roster[0].id), {.hold = true, .drain = 5}, start + 10 * second);
  fleet::Tally skipped;
  CHECK(cohort.skip(start + 10 * second, skipped));
  CHECK(skipped.due == 10);
  CHECK(skipped.skipped == 0);
  CHECK(static_cast<std::uint64_t>(skipped.undelivered) + skipped.missing == 10);
  taken.tally += skipped;
  tick(fleet, start, start + 20 * second, second, taken);
  CHECK(balances(taken));
  CHECK(taken.tally.undelivered == 0);
  fleet::Tally again;
  CHECK(cohort.skip(start + 30 * second, again));
  CHECK(again.skipped + again.missing == 10);
}

TEST_CASE("a fleet that is resumed where nothing waited goes on the same") {
  const identity::Roster roster = roster_of(sensors);
  config::Config config = config_with(usual_delivery());
  config.anomalies.enabled = false;
  fleet::Fleet whole = fleet_of(roster, config);
  Taken all;
  tick(whole, start, start + 200 * second, second, all);
  const Timestamp moment = start + 80 * second;
  fleet::LateSeats seats;
  for (const batch::Delivery& one : all.deliveries) {
    if (one.kind == Kind::late && one.due < moment && *one.arrived_at >= moment)
      seats.emplace_back(hash_text(roster[one.sensor].id), *one.arrived_at);
  }
  CHECK(!seats.empty());
  fleet::Fleet resumed = fleet_of(roster, config);
  resumed.resume_at(moment, {});
  resumed.resume_delivery(seats);
  Taken rest;
  tick(resumed, moment, start + 200 * second, second, rest);
  std::vector<batch::Reading> expected;
  for (const batch::Reading& row : all.rows) {
    if (row.due >= moment) expected.push_back(row);
  }
  CHECK(sorted(rest.rows) == sorted(expected));
}

TEST_CASE("the config's section says how rows arrive") {
  const auto read = [](std::string_view text) {
    Problems problems;
    const config::Config config = config::read_config(text, "test", problems);
    return std::pair(config, problems.text());
  };
  const auto [config, problems] =
      read("delivery: {drop: 0.1%, late: {share: 1%, median: 8s}, duplicate: 0.03%, jitter: 20ms}\n");
  CHECK(problems == "");
  CHECK(config.delivery ==
        scenario::Delivery{.drop = 0.001, .late = {0.01, 8 * second}, .duplicate = 0.0003, .jitter = 20'000});
  CHECK(config::delivers(config));
  CHECK(!config::delivers(config::Config()));
  const auto refuses = [&](std::string_view text, std::string_view why) {
    return read(text).second.find(why) != std::string::npos;
  };
  CHECK(refuses("delivery: {late: {share: 1%}}\n", "delivery.late.median must be too"));
  CHECK(refuses("delivery: {drop: 2}\n", "delivery.drop must be a share"));
  CHECK(refuses("delivery: {lose: 2%}\n", "unknown key 'delivery.lose'"));
  const auto [with_entry, none] =
      read("scenario:\n  - {name: cut, at: +1h, for: 1h, deliver: {hold: true}}\n");
  CHECK(none == "");
  CHECK(config::delivers(with_entry));
}

}  // namespace fleet_sim::delivery_test
