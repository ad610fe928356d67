// A set of sensors, by their places among the members of a process: a bit for each. A value.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fleet_sim::timeline {

class SensorSet {
 public:
  SensorSet() = default;  // of no members: holds nothing
  explicit SensorSet(std::size_t members) : words_((members + bits - 1) / bits) {}

  [[nodiscard]] bool contains(std::uint32_t sensor) const {
    return sensor / bits < words_.size() && (words_[sensor / bits] >> sensor % bits & 1) != 0;
  }
  void insert(std::uint32_t sensor) { words_[sensor / bits] |= std::uint64_t{1} << sensor % bits; }
  void erase(std::uint32_t sensor) { words_[sensor / bits] &= ~(std::uint64_t{1} << sensor % bits); }

  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t sensors = 0;
    for (const std::uint64_t word : words_) sensors += static_cast<std::uint64_t>(std::popcount(word));
    return sensors;
  }

  // Visits the sensors from `first` on, rising, until `visit` returns false.
  template <class Visit>
  void for_each_from(std::uint64_t first, Visit visit) const {
    for (std::size_t i = first / bits; i < words_.size(); ++i) {
      std::uint64_t word = words_[i];
      if (i == first / bits) word &= ~std::uint64_t{0} << first % bits;
      for (; word != 0; word &= word - 1) {
        if (!visit(static_cast<std::uint32_t>(i * bits + static_cast<std::size_t>(std::countr_zero(word)))))
          return;
      }
    }
  }

 private:
  static constexpr std::size_t bits = 64;
  std::vector<std::uint64_t> words_;
};

}  // namespace fleet_sim::timeline
