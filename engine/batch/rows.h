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
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
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

  Rows() = default;
  Rows(const Rows&) = default;
  Rows& operator=(const Rows&) = default;
  // What was moved from is empty.
  Rows(Rows&& other) noexcept { swap(other); }
  Rows& operator=(Rows&& other) noexcept {
    Rows taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Rows() = default;

  // Makes room for this many readings; for their values, when the first one comes.
  void reserve(std::size_t rows) {
    if (rows <= room_) return;
    heads_.resize(rows);
    if (has_arrivals_) arrivals_.resize(rows);
    room_ = rows;
  }

  // Inline although it is long: every reading comes here.
  [[gnu::always_inline]] void push(const Head& head, std::span<const double> values) {
    if (size_ == room_ || values.size() > width_) [[unlikely]]
      make_room(size_ + 1, values.size());
    heads_[size_] = {head.due, head.sensor, head.anomaly, static_cast<std::uint8_t>(values.size()),
                     head.overlay};
    // One by one: a call to copy so few costs more.
    double* const to = values_.data() + size_ * width_;
    for (std::size_t channel = 0; channel < values.size(); ++channel) to[channel] = values[channel];
    ++size_;
  }
  // The same of a row that arrives as it may. Either all rows do, or none.
  [[gnu::always_inline]] void push(const Head& head, std::span<const double> values, const Arrival& arrival) {
    assert(has_arrivals_ || empty());
    push(head, values);
    note_arrival(arrival);
  }
  void push_back(const Row& row) {
    push({row.due, row.sensor, row.anomaly, 0, row.overlay}, row.values);
    if (row.arrival != nullptr) note_arrival(*row.arrival);
  }
  void push_back(const Reading& reading) { push_back(Row(reading)); }

  // Appends other rows of the same width.
  void append(const Rows& other) {
    if (other.empty()) return;
    if (empty()) clear();
    assert(empty() || (other.width_ == width_ && other.has_arrivals_ == has_arrivals_));
    make_room(size_ + other.size_, other.width_);
    std::ranges::copy(other.heads(), heads_.begin() + at(size_));
    std::ranges::copy(std::span(other.values_).first(other.size_ * width_),
                      values_.begin() + at(size_ * width_));
    if (other.has_arrivals_) {
      expect_arrivals();
      std::ranges::copy(other.arrivals(), arrivals_.begin() + at(size_));
    }
    size_ += other.size_;
  }

  // Drops the last `count` rows.
  void forget_newest(std::size_t count) {
    assert(count <= size());
    size_ -= count;
    if (empty()) clear();
  }

  void clear() {
    size_ = 0;
    width_ = 0;
    has_arrivals_ = false;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t capacity() const { return room_; }
  [[nodiscard]] std::span<const Head> heads() const { return std::span(heads_).first(size_); }
  // Of all rows, or of none.
  [[nodiscard]] std::span<const Arrival> arrivals() const {
    return std::span(arrivals_).first(has_arrivals_ ? size_ : 0);
  }
  [[nodiscard]] std::span<const double> values(std::size_t i) const {
    assert(i < size());
    return {values_.data() + i * width_, heads_[i].channels};
  }
  [[nodiscard]] Row operator[](std::size_t i) const {
    assert(i < size());
    const Head& head = heads_[i];
    const Arrival* const arrival = has_arrivals_ ? &arrivals_[i] : nullptr;
    return {head.due, values(i), head.sensor, head.anomaly, head.overlay, arrival};
  }
  [[nodiscard]] Row front() const { return (*this)[0]; }
  [[nodiscard]] Row back() const { return (*this)[size() - 1]; }

  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;

 private:
  // Elements are set when they are needed: until then, room for them costs nothing.
  template <class T>
  struct Unset : std::allocator<T> {
    static_assert(std::is_trivially_copyable_v<T>);
    template <class U>
    struct rebind {
      using other = Unset<U>;
    };
    template <class U, class... Arguments>
    void construct(U* element, Arguments&&... arguments) {
      if constexpr (sizeof...(arguments) > 0)
        std::construct_at(element, std::forward<Arguments>(arguments)...);
    }
  };

  void swap(Rows& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
    std::swap(width_, other.width_);
    std::swap(has_arrivals_, other.has_arrivals_);
    heads_.swap(other.heads_);
    values_.swap(other.values_);
    arrivals_.swap(other.arrivals_);
  }

  static std::ptrdiff_t at(std::size_t place) { return static_cast<std::ptrdiff_t>(place); }

  [[gnu::always_inline]] void note_arrival(const Arrival& arrival) {
    if (!has_arrivals_) [[unlikely]]
      expect_arrivals();
    arrivals_[size_ - 1] = arrival;
  }

  [[gnu::noinline]] void expect_arrivals() {
    arrivals_.resize(room_);
    has_arrivals_ = true;
  }

  // For that many rows with up to so many values. Apart, because few rows come here: the first one, and later
  // ones that are wider or find no room.
  [[gnu::noinline]] void make_room(std::size_t rows, std::size_t width) {
    if (rows > room_) reserve(std::max(rows, 2 * room_));
    const std::size_t new_width = std::max(width, width_);
    values_.resize(room_ * new_width);
    const std::size_t old_width = std::exchange(width_, new_width);
    if (old_width == width_) return;
    for (std::size_t i = size_; i-- > 1;)
      std::copy_backward(values_.begin() + at(i * old_width), values_.begin() + at((i + 1) * old_width),
                         values_.begin() + at(i * width_ + old_width));
  }

  std::size_t size_ = 0;
  std::size_t room_ = 0;
  std::size_t width_ = 0;  // most values of a row
  bool has_arrivals_ = false;
  // With room for room_ rows; of arrivals, once there is one.
  std::vector<Head, Unset<Head>> heads_;
  std::vector<double, Unset<double>> values_;  // width_ for each row, of which the row has its `channels`
  std::vector<Arrival, Unset<Arrival>> arrivals_;
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
