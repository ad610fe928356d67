// Values as PostgreSQL's binary formats have them: fields of a row of COPY, elements of an array, parameters.
// Each is its width in bytes and then its bytes, in network order; none at all is the width -1. A buffer that
// grows like a vector and keeps its memory when cleared; whoever owns it bounds it. One thread at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/timestamp.h"

namespace fleet_sim::postgresql {

// PostgreSQL counts the microseconds since 2000.
inline constexpr Timestamp epoch = 946'684'800 * microseconds_per_second;

template <class Integer>
constexpr Integer in_network_order(Integer value) {
  static_assert(std::endian::native == std::endian::little || std::endian::native == std::endian::big);
  if constexpr (std::endian::native == std::endian::big) return value;
  auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  std::make_unsigned_t<Integer> turned = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    turned = static_cast<std::make_unsigned_t<Integer>>((turned << 8) | (bits & 0xFF));
    bits = static_cast<std::make_unsigned_t<Integer>>(bits >> 8);
  }
  return static_cast<Integer>(turned);
}

class Fields {
 public:
  // A number without its width, as headers have them.
  template <class Integer>
  void number(Integer value) {
    const Integer turned = in_network_order(value);
    append(&turned, sizeof turned);
  }
  void bytes(std::string_view text) { append(text.data(), text.size()); }

  void null() { number(std::int32_t{-1}); }
  void integer(std::int32_t value) { sized(value); }
  void long_integer(std::int64_t value) { sized(value); }
  void real(double value) { sized(std::bit_cast<std::int64_t>(value)); }
  void moment(Timestamp at) { sized(at - epoch); }
  void text(std::string_view value) {
    number(static_cast<std::int32_t>(value.size()));
    bytes(value);
  }

  void real(const std::optional<double>& value) { value ? real(*value) : null(); }
  void moment(const std::optional<Timestamp>& at) { at ? moment(*at) : null(); }
  // NULL for an empty one.
  void text_or_null(std::string_view value) { value.empty() ? null() : text(value); }

  [[nodiscard]] std::string_view view() const { return {data_.data(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() { size_ = 0; }

 private:
  template <class Integer>
  void sized(Integer value) {
    number(static_cast<std::int32_t>(sizeof value));
    number(value);
  }
  void append(const void* from, std::size_t count) {
    if (data_.size() - size_ < count) data_.resize(2 * data_.size() + count);
    if (count > 0) std::memcpy(data_.data() + size_, from, count);
    size_ += count;
  }

  std::vector<char> data_;
  std::size_t size_ = 0;  // of it in use
};

}  // namespace fleet_sim::postgresql
