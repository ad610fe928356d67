#include "base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fleet_sim {
namespace {

// One writer: a plain load and store, no locked instruction.
template <class T>
void add(std::atomic<T>& counter, T amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace

std::size_t Histogram::bucket_of(std::uint64_t value) {
  value = std::min<std::uint64_t>(value, (1ull << powers) - 1);
  const auto width = static_cast<unsigned>(std::bit_width(value));
  if (width <= linear_bits) return value;
  // The top linear_bits+1 bits of the value name the bucket within its power of two.
  const unsigned shift = width - linear_bits - 1;
  return (static_cast<std::size_t>(shift) << linear_bits) + (value >> shift);
}

std::uint64_t Histogram::upper_end(std::size_t bucket) {
  if (bucket < (2u << linear_bits)) return bucket;
  const std::size_t shift = (bucket >> linear_bits) - 1;
  const std::uint64_t top = (bucket & ((1u << linear_bits) - 1)) + (1u << linear_bits);
  return ((top + 1) << shift) - 1;
}

void Histogram::record(Microseconds value, std::uint64_t times) {
  value = std::max<Microseconds>(value, 0);
  add(buckets_[bucket_of(static_cast<std::uint64_t>(value))], times);
  add(count_, times);
  add(sum_, value * static_cast<Microseconds>(times));
  if (value > max()) max_.store(value, std::memory_order_relaxed);
}

void Histogram::merge(const Histogram& other) {
  std::uint64_t count = 0;  // of what is in the buckets, while `other` may be recording the next value
  for (std::size_t i = 0; i < bucket_count; ++i) {
    const std::uint64_t in_bucket = other.buckets_[i].load(std::memory_order_relaxed);
    add(buckets_[i], in_bucket);
    count += in_bucket;
  }
  add(count_, count);
  add(sum_, other.sum());
  max_.store(std::max(max(), other.max()), std::memory_order_relaxed);
}

void Histogram::subtract(const Histogram& earlier) {
  for (std::size_t i = 0; i < bucket_count; ++i) {
    add(buckets_[i], 0 - earlier.buckets_[i].load(std::memory_order_relaxed));
  }
  add(count_, 0 - earlier.count());
  add(sum_, -earlier.sum());
  if (count() == 0) {
    max_.store(0, std::memory_order_relaxed);
  } else if (earlier.max() >= max()) {
    max_.store(percentile(1), std::memory_order_relaxed);
  }
}

Microseconds Histogram::percentile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count())));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen >= wanted && seen > 0) return std::min(static_cast<Microseconds>(upper_end(i)), max());
  }
  return max();
}

std::uint64_t Histogram::count_up_to(Microseconds limit) const {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < bucket_count && static_cast<Microseconds>(upper_end(i)) <= limit; ++i) {
    count += buckets_[i].load(std::memory_order_relaxed);
  }
  return count;
}

double RecentHistogram::keep_recent(double now, Histogram& whole) {
  if (memories_.empty()) memories_.emplace_back();  // of the beginning, when nothing was counted
  if (now - memories_.back().at >= step_seconds) {
    Memory& memory = memories_.emplace_back();
    memory.at = now;
    memory.counted.merge(whole);
  }
  while (memories_.size() > 1 && now - memories_[1].at >= span_seconds) memories_.pop_front();
  whole.subtract(memories_.front().counted);
  return now - memories_.front().at;
}

}  // namespace fleet_sim
