// An optional value that takes no more room than the value: one of those that a T never is stands for none,
// the last code of an enumeration, or not-a-number. For what a million sensors carry; elsewhere std::optional
// says the same. A value; any thread.
#pragma once

#include <cassert>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

namespace fleet_sim::batch {

template <class T>
struct Absence;

// An enumeration of one byte has fewer than 255 values.
template <class Enum>
requires std::is_enum_v<Enum> &&(sizeof(Enum) == 1) struct Absence<Enum> {
  static constexpr Enum value = static_cast<Enum>(0xFF);
  static constexpr bool is(Enum other) { return other == value; }
};

template <>
struct Absence<double> {
  static constexpr double value = std::numeric_limits<double>::quiet_NaN();
  static constexpr bool is(double other) { return other != other; }
};

template <class T>
class CompactOptional {
 public:
  constexpr CompactOptional() = default;
  constexpr CompactOptional(std::nullopt_t) {}              // NOLINT(google-explicit-constructor)
  constexpr CompactOptional(T value) : value_(value) {}     // NOLINT(google-explicit-constructor)
  constexpr CompactOptional(const std::optional<T>& value)  // NOLINT(google-explicit-constructor)
      : value_(value.value_or(Absence<T>::value)) {}

  [[nodiscard]] constexpr bool has_value() const { return !Absence<T>::is(value_); }
  constexpr explicit operator bool() const { return has_value(); }
  constexpr T operator*() const {
    assert(has_value());
    return value_;
  }
  constexpr operator std::optional<T>() const {  // NOLINT(google-explicit-constructor): it is one
    return has_value() ? std::optional<T>(value_) : std::nullopt;
  }
  constexpr bool operator==(const CompactOptional& other) const {
    return has_value() == other.has_value() && (!has_value() || value_ == other.value_);
  }

 private:
  T value_ = Absence<T>::value;
};

}  // namespace fleet_sim::batch
