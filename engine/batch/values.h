// The values of one reading: one number per channel of the sensor's type, in the type's order. They lie in
// place, so that computing a reading allocates nothing; those of many readings lie in Rows. A plain value;
// any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <compare>
#include <cstddef>
#include <initializer_list>
#include <span>

#include "types/schema.h"

namespace fleet_sim::batch {

class Values {
 public:
  Values() = default;
  // One for each channel of a type; the caller sets each.
  explicit Values(std::size_t count) : count_(count) { assert(count <= types::most_channels); }
  Values(std::initializer_list<double> values) : Values(std::span(values.begin(), values.size())) {}
  explicit Values(std::span<const double> values) : Values(values.size()) {
    std::ranges::copy(values, values_.begin());
  }

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] double* begin() { return values_.data(); }
  [[nodiscard]] double* end() { return values_.data() + count_; }
  [[nodiscard]] const double* begin() const { return values_.data(); }
  [[nodiscard]] const double* end() const { return values_.data() + count_; }

  double& operator[](std::size_t channel) {
    assert(channel < count_);
    return values_[channel];
  }
  double operator[](std::size_t channel) const {
    assert(channel < count_);
    return values_[channel];
  }

  bool operator==(const Values& other) const { return std::ranges::equal(*this, other); }
  std::partial_ordering operator<=>(const Values& other) const {
    return std::lexicographical_compare_three_way(begin(), end(), other.begin(), other.end());
  }

 private:
  std::size_t count_ = 0;
  std::array<double, types::most_channels> values_;  // the first count_ count
};

}  // namespace fleet_sim::batch
