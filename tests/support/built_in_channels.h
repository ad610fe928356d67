// The channels of the built-in type by their places, written down once more for tests.
#pragma once

#include <array>
#include <cstddef>

#include "base/terms.h"

namespace fleet_sim::test {

inline constexpr std::size_t temperature = 0;
inline constexpr std::size_t vibration = 1;
inline constexpr std::size_t voltage = 2;
inline constexpr std::size_t channel_count = 3;

template <class T>
using PerChannel = std::array<T, channel_count>;

}  // namespace fleet_sim::test
