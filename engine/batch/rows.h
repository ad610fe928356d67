// Many readings, in order, as they travel and wait: what every reading has in one array, the values of all of
// them in another, one after the other. Readings of sensors of several types may lie side by side: each has
// the room of the widest so far. How they arrive is in a third array, where it is not when they are due.
// Grows like a vector and keeps its memory when cleared; whoever owns the rows bounds them. One thread at a
// time.
#pragma once

#include <algorithm>
#include <cassert>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <vector>

#include "batch/compact_optional.h"
#include "batch/reading.h"

namespace fleet_sim::batch {

class Rows {
 public:
  // A reading without its values.
  struct Head {
    Timestamp due;
    std::uint32_t sensor;
    CompactOptional<AnomalyType> anomaly;
    std::uint8_t channels = 0;  // set by the rows
    std::uint16_t overlay = 0;
  };
  static_assert(sizeof(Head) == 16);
  class Iterator;
  using value_type = Reading;

  // Makes room for this many readings; for their values, when the first one comes.
  void reserve(std::size_t rows) { heads_.reserve(rows); }

  // Inline although it is long: every reading comes here.
  [[gnu::always_inline]] void push(const Head& head, std::span<const double> values) {
    if (values.size() != width_) [[unlikely]]
      return push_of_other_width(head, values);
    heads_.push_back(
        {head.due, head.sensor, head.anomaly, static_cast<std::uint8_t>(values.size()), head.overlay});
    // One by one: a call to copy so few costs more.
    for (const double value : values) values_.push_back(value);
  }
  // The same of a row that arrives as it may. Either all rows do, or none.
  void push(const Head& head, std::span<const double> values, const Arrival& arrival) {
    assert(arrivals_.size() == heads_.size());
    push(head, values);
    arrivals_.push_back(arrival);
  }
  void push_back(const Row& row) {
    push({row.due, row.sensor, row.anomaly, 0, row.overlay}, row.values);
    if (row.arrival != nullptr) arrivals_.push_back(*row.arrival);
  }
  void push_back(const Reading& reading) { push_back(Row(reading)); }

  // Appends other rows of the same width.
  void append(const Rows& other) {
    if (other.empty()) return;
    if (heads_.empty()) widen(other.width_);
    assert(other.width_ == width_);
    arrivals_.insert(arrivals_.end(), other.arrivals_.begin(), other.arrivals_.end());
    heads_.insert(heads_.end(), other.heads_.begin(), other.heads_.end());
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  }

  // Drops the last `count` rows.
  void forget_newest(std::size_t count) {
    assert(count <= size());
    heads_.resize(size() - count);
    if (!arrivals_.empty()) arrivals_.resize(heads_.size());
    values_.resize(heads_.size() * width_);
  }

  void clear() {
    heads_.clear();
    values_.clear();
    arrivals_.clear();
  }

  [[nodiscard]] std::size_t size() const { return heads_.size(); }
  [[nodiscard]] bool empty() const { return heads_.empty(); }
  [[nodiscard]] std::size_t capacity() const { return heads_.capacity(); }
  [[nodiscard]] std::span<const Head> heads() const { return heads_; }
  // Of all rows, or of none.
  [[nodiscard]] std::span<const Arrival> arrivals() const { return arrivals_; }
  [[nodiscard]] std::span<const double> values(std::size_t i) const {
    assert(i < size());
    return {values_.data() + i * width_, heads_[i].channels};
  }
  [[nodiscard]] Row operator[](std::size_t i) const {
    assert(i < size());
    const Head& head = heads_[i];
    const Arrival* const arrival = arrivals_.empty() ? nullptr : &arrivals_[i];
    return {head.due, values(i), head.sensor, head.anomaly, head.overlay, arrival};
  }
  [[nodiscard]] Row front() const { return (*this)[0]; }
  [[nodiscard]] Row back() const { return (*this)[size() - 1]; }

  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;

 private:
  // Apart, because few rows come here: the first ones, and those of another type beside them.
  [[gnu::noinline]] void push_of_other_width(const Head& head, std::span<const double> values) {
    if (heads_.empty() || values.size() > width_) widen(values.size());
    heads_.push_back(
        {head.due, head.sensor, head.anomaly, static_cast<std::uint8_t>(values.size()), head.overlay});
    values_.insert(values_.end(), values.begin(), values.end());
    values_.resize(heads_.size() * width_);
  }

  // Each row has room for `width` values from now on. Of rows that are there that is at least as many as
  // before.
  void widen(std::size_t width) {
    assert(heads_.empty() || width > width_);
    values_.resize(heads_.size() * width);
    for (std::size_t i = heads_.size(); i-- > 1;)
      std::copy_backward(values_.begin() + static_cast<std::ptrdiff_t>(i * width_),
                         values_.begin() + static_cast<std::ptrdiff_t>((i + 1) * width_),
                         values_.begin() + static_cast<std::ptrdiff_t>(i * width + width_));
    values_.reserve(heads_.capacity() * width);
    width_ = width;
  }

  std::size_t width_ = 0;
  std::vector<Head> heads_;
  std::vector<double> values_;  // width_ for each row, of which the row has its `channels`
  std::vector<Arrival> arrivals_;
};

// Iterates over the rows; each is made when it is accessed.
class Rows::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;  // there is no Row to refer to
  using iterator_concept = std::forward_iterator_tag;
  using value_type = Row;
  using difference_type = std::ptrdiff_t;
  using reference = Row;
  using pointer = void;

  Iterator() = default;
  Iterator(const Rows& rows, std::size_t at) : rows_(&rows), at_(at) {}

  Row operator*() const { return (*rows_)[at_]; }
  Iterator& operator++() {
    ++at_;
    return *this;
  }
  Iterator operator++(int) {
    const Iterator before = *this;
    ++at_;
    return before;
  }
  bool operator==(const Iterator& other) const { return at_ == other.at_; }

 private:
  const Rows* rows_ = nullptr;
  std::size_t at_ = 0;
};

inline Rows::Iterator Rows::begin() const {
  return {*this, 0};
}
inline Rows::Iterator Rows::end() const {
  return {*this, size()};
}

}  // namespace fleet_sim::batch
