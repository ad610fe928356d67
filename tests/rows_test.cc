// Rows against a list of readings to which the same happens, for random sequences of everything that can
// happen to them.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "batch/rows.h"

namespace fleet_sim::rows_test {

namespace {

using batch::Reading;
using batch::Rows;

class Both {
 public:
  explicit Both(unsigned seed) : dice_(seed) {}

  void change() {
    switch (roll(9)) {
      case 0:
        if (roll(5) == 0) clear();
        return;
      case 1:
        return forget();
      case 2:
        return append();
      case 3:
        return move();
      default:
        return push(reading());
    }
  }

  void check() const {
    REQUIRE(rows_.size() == readings_.size());
    REQUIRE(rows_.empty() == readings_.empty());
    REQUIRE(rows_.heads().size() == readings_.size());
    REQUIRE(rows_.arrivals().size() == (arrive_ ? readings_.size() : 0));
    std::size_t i = 0;
    for (const batch::Row& row : rows_) {
      const Reading& is = readings_[i++];
      REQUIRE(row.due == is.due);
      REQUIRE(row.sensor == is.sensor);
      REQUIRE(row.anomaly == is.anomaly);
      REQUIRE(row.overlay == is.overlay);
      REQUIRE(std::ranges::equal(row.values, is.values));
      REQUIRE((row.arrival != nullptr) == is.arrival.has_value());
      if (row.arrival != nullptr) REQUIRE(*row.arrival == *is.arrival);
    }
    REQUIRE(i == readings_.size());
  }

 private:
  std::size_t roll(std::size_t sides) { return dice_() % sides; }

  // Wide ones among narrow ones; all arrive, or none.
  Reading reading() {
    if (readings_.empty()) {
      arrive_ = roll(2) == 0;
      usual_width_ = roll(4);
    }
    Reading reading{static_cast<Timestamp>(roll(1'000)),
                    batch::Values(roll(6) == 0 ? roll(17) : usual_width_),
                    static_cast<std::uint32_t>(roll(100)), std::nullopt};
    for (double& value : reading.values) value = static_cast<double>(roll(1'000));
    if (roll(3) == 0) reading.anomaly = static_cast<AnomalyType>(roll(anomaly_type_count));
    reading.overlay = static_cast<std::uint16_t>(roll(5));
    if (arrive_) reading.arrival = batch::Arrival{reading.due + 1, reading.due + 2, roll(1'000)};
    return reading;
  }

  void push(const Reading& reading) {
    rows_.push_back(reading);
    readings_.push_back(reading);
  }

  void clear() {
    rows_.clear();
    readings_.clear();
    arrive_ = false;
  }

  void forget() {
    const std::size_t count = roll(4) == 0 ? rows_.size() : std::min(rows_.size(), roll(5));
    rows_.forget_newest(count);
    readings_.resize(readings_.size() - count);
    if (readings_.empty()) arrive_ = false;
  }

  // Of the same width: a copy of themselves, to what they are or to none.
  void append() {
    const Rows others = rows_;
    const std::vector<Reading> same = readings_;
    if (roll(2) == 0) {
      const bool arrived = arrive_;
      clear();
      arrive_ = arrived && !same.empty();
    } else if (rows_.size() > 2'000) {
      return;
    }
    rows_.append(others);
    readings_.insert(readings_.end(), same.begin(), same.end());
  }

  void move() {
    Rows taken = std::move(rows_);
    REQUIRE(rows_.empty());  // NOLINT(bugprone-use-after-move): that is what is promised
    REQUIRE(rows_.arrivals().empty());
    rows_.push_back(Reading{1, {1, 2}, 3, std::nullopt});
    rows_ = std::move(taken);
  }

  std::mt19937 dice_;
  Rows rows_;
  std::vector<Reading> readings_;
  bool arrive_ = false;
  std::size_t usual_width_ = 0;
};

}  // namespace

TEST_CASE("rows are what was put into them, whatever happened to them before") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Both both(seed);
    for (int change = 0; change < 300; ++change) {
      both.change();
      both.check();
    }
  }
}

TEST_CASE("rows that are cleared keep their memory, also for arrivals") {
  Rows rows;
  const Reading reading{0, {1, 2, 3}, 0, std::nullopt, 0, batch::Arrival{1, 2, 3}};
  for (int i = 0; i < 100; ++i) rows.push_back(reading);
  const auto* heads = rows.heads().data();
  const auto* arrivals = rows.arrivals().data();
  const double* values = rows.values(0).data();
  rows.clear();
  CHECK(rows.arrivals().empty());
  for (int i = 0; i < 100; ++i) rows.push_back(reading);
  CHECK(rows.heads().data() == heads);
  CHECK(rows.arrivals().data() == arrivals);
  CHECK(rows.values(0).data() == values);
}

}  // namespace fleet_sim::rows_test
