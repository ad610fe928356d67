// A histogram of durations with buckets that grow with the value (log-linear, as in HdrHistogram): any
// percentile within 1/32 of the true value, from 1 µs to 71 minutes, in 7 KB. One thread records; any thread
// may read, and sees a slightly older picture. Values beyond the end count as the longest.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>

#include "base/timestamp.h"

namespace fleet_sim {

class Histogram {
 public:
  void record(Microseconds value, std::uint64_t times = 1);

  // Adds what `other` has counted.
  void merge(const Histogram& other);

  // Subtracts what an earlier copy of this histogram had counted. The longest value is then only as exact as
  // a percentile, unless it came later. Only while no thread records.
  void subtract(const Histogram& earlier);

  [[nodiscard]] std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  [[nodiscard]] Microseconds sum() const { return sum_.load(std::memory_order_relaxed); }
  [[nodiscard]] Microseconds max() const { return max_.load(std::memory_order_relaxed); }

  // The value that `share` (0 .. 1) of the recorded ones do not exceed; the upper end of its bucket, 0 when
  // empty.
  [[nodiscard]] Microseconds percentile(double share) const;

  // How many recorded values are at most `limit`; those of the bucket it falls into count when the whole
  // bucket does.
  [[nodiscard]] std::uint64_t count_up_to(Microseconds limit) const;

 private:
  static constexpr unsigned linear_bits = 5;  // 32 buckets per power of two
  static constexpr unsigned powers = 32;
  static constexpr std::size_t bucket_count = (powers - linear_bits + 1) << linear_bits;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_end(std::size_t bucket);

  std::array<std::atomic<std::uint64_t>, bucket_count> buckets_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<Microseconds> sum_{0};
  std::atomic<Microseconds> max_{0};
};

// What a growing histogram has counted recently: keeps a copy each second, and subtracts the oldest copy from
// the present one. Eleven histograms of 7 KB; one thread.
class RecentHistogram {
 public:
  static constexpr double span_seconds = 10;
  static constexpr double step_seconds = 1;

  // `whole` is a copy of the histogram at `now`, seconds that never go back. Leaves in it what was counted in
  // about the last span_seconds, or everything while less time has passed, and returns how many seconds that
  // covers.
  double keep_recent(double now, Histogram& whole);

 private:
  struct Memory {
    double at = 0;
    Histogram counted;
  };
  std::deque<Memory> memories_;  // oldest first; histograms do not move
};

}  // namespace fleet_sim
