// The books of one test file: what it compared, against which bound, over how many readings. A Line is one
// promise of engine/model/README.md; it prints itself as one row when it ends: how often it was compared, and
// the comparison that came out farthest from the promise. Used by one thread.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "statistics/bounds.h"
#include "statistics/estimates.h"

namespace fleet_sim::statistics {

class Book {
 public:
  explicit Book(std::string_view file)
      : allotment_(*std::ranges::find(plan, file, [](const Allotment& part) { return part.file; })) {}

  void look_at(std::uint64_t readings) { readings_ += readings; }
  void count_comparison() { ++comparisons_; }

  // The last word of a file: it kept to the plan that the bounds are computed from.
  void close() const {
    std::printf("%s: %zu comparisons over %.1f million readings\n", std::string(allotment_.file).c_str(),
                comparisons_, static_cast<double>(readings_) / 1e6);
    CHECK(comparisons_ <= allotment_.comparisons);
    CHECK(readings_ >= allotment_.readings);
  }

 private:
  Allotment allotment_;
  std::size_t comparisons_ = 0;
  std::uint64_t readings_ = 0;
};

class Line {
 public:
  Line(Book& book, std::string promise) : book_(book), promise_(std::move(promise)) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() {
    if (comparisons_ == 0) return;
    std::printf("  %-72s %4zu  promised %10.6g  measured %10.6g  %+5.2f of %.2f\n", promise_.c_str(),
                comparisons_, promised_, measured_, worst_, standard_errors_allowed());
  }

  // `wrong` are numbers that this measurement must be able to tell from the promised one.
  void compare(const Estimate& measured, double promised, std::initializer_list<double> wrong = {}) {
    const double bound = standard_errors_allowed() * measured.standard_error;
    CAPTURE(promise_);
    CAPTURE(promised);
    CAPTURE(measured.value);
    CAPTURE(bound);
    CHECK(std::abs(measured.value - promised) <= bound);
    for (const double other : wrong) CHECK(std::abs(other - promised) > 2 * bound);
    note((measured.value - promised) / measured.standard_error, promised, measured.value);
  }

  // A quantity that is standard normal when the promise holds.
  void compare_standard(double z) { compare({z, 1}, 0); }

  // A number of rare events. An unlikely count is a failure; so is an expectation too large for this test.
  void compare_rare(std::uint64_t count, double expected) {
    CAPTURE(promise_);
    CAPTURE(expected);
    CAPTURE(count);
    REQUIRE(expected <= 2 * least_expected);
    CHECK(poisson_tail(count, expected) > chance_each / 2);
    const auto seen = static_cast<double>(count);
    note((seen - expected) / std::sqrt(std::max(expected, 1.0)), expected, seen);
  }

  // The largest of `among` standard normal quantities, in size.
  void compare_largest(double z, double among) {
    CAPTURE(promise_);
    const double bound = normal_bound(chance_each / among);
    CHECK(z <= bound);
    note(z / bound * standard_errors_allowed(), 0, z);
  }

  // Values that are uniform in [0, 1) when the promise holds.
  void compare_uniform(std::vector<double> values) {
    CAPTURE(promise_);
    const double distance = test::distance_from_uniform(std::move(values));
    CHECK(distance <= distance_allowed());
    note(distance / distance_allowed() * standard_errors_allowed(), 0, distance);
  }

 private:
  void note(double away, double promised, double measured) {
    book_.count_comparison();
    ++comparisons_;
    if (std::abs(away) < std::abs(worst_)) return;
    worst_ = away;
    promised_ = promised;
    measured_ = measured;
  }

  Book& book_;
  std::string promise_;
  std::size_t comparisons_ = 0;
  double worst_ = 0;
  double promised_ = 0;
  double measured_ = 0;
};

// A promise that holds for every single reading or anomaly, without chance.
inline void check_all(std::string_view promise, std::uint64_t looked_at, std::uint64_t wrong) {
  CAPTURE(promise);
  CHECK(looked_at > 0);
  CHECK(wrong == 0);
  std::printf("  %-72s every one of %llu\n", std::string(promise).c_str(),
              static_cast<unsigned long long>(looked_at));
}

}  // namespace fleet_sim::statistics
