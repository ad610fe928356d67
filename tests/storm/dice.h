// Everything that is random in a storm, drawn one after the other from its seed. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/random.h"

namespace fleet_sim::test {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}

  std::uint64_t word() { return mix_words(seed_, ++drawn_); }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + uniform_below(word(), most - least + 1);
  }
  bool chance(double p) { return uniform(word()) < p; }
  double real(double low, double high) { return uniform(word(), low, high); }

  template <class T>
  T one_of(const std::vector<T>& values) {
    return values[between(0, values.size() - 1)];
  }
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[between(0, i - 1)]);
  }

 private:
  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
};

}  // namespace fleet_sim::test
