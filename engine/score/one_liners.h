// Detectors of one line each, which look at the readings of one channel of one sensor and know nothing else.
// Pure; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

namespace fleet_sim::score {

using Readings = std::vector<double>;
using Scores = std::vector<float>;  // one for each reading: the higher, the more suspicious; none below 0

inline double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Mean and variance of the last `size` values that were added.
template <std::size_t size>
class Window {
 public:
  explicit Window(double origin) : origin_(origin) {}

  void add(const Readings& x, std::size_t i) {
    const double in = x[i] - origin_;
    sum_ += in;
    squares_ += in * in;
    if (i < size) return;
    const double out = x[i - size] - origin_;
    sum_ -= out;
    squares_ -= out * out;
  }
  [[nodiscard]] double mean() const { return origin_ + sum_ / count; }
  [[nodiscard]] double variance() const {
    const double mean = sum_ / count;
    return std::max(0.0, squares_ / count - mean * mean);
  }

 private:
  static constexpr auto count = static_cast<double>(size);

  double origin_;  // from which is summed, so that no digits are lost
  double sum_ = 0;
  double squares_ = 0;
};

// Differences below this are rounding.
inline constexpr double nothing = 1e-6;

inline Scores distance_from_median(const Readings& x) {
  const double median = median_of(x);
  Scores scores(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) scores[i] = static_cast<float>(std::fabs(x[i] - median));
  return scores;
}

inline Scores largest_step(const Readings& x) {
  Scores scores(x.size());
  double before = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double after = i + 1 < x.size() ? std::fabs(x[i + 1] - x[i]) : 0;
    scores[i] = static_cast<float>(std::max(before, after));
    before = after;
  }
  return scores;
}

// How many standard deviations of the readings before from their mean.
template <std::size_t size>
Scores moving_z(const Readings& x) {
  Window<size> before(x.front());
  Scores scores(x.size(), 0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i >= size) {
      const double deviation = std::sqrt(before.variance()) + nothing;
      scores[i] = static_cast<float>(std::fabs(x[i] - before.mean()) / deviation);
    }
    before.add(x, i);
  }
  return scores;
}

// How unusual the variance of the last 32 steps is: too high or too low.
inline Scores change_of_variance(const Readings& x) {
  constexpr std::size_t size = 32;
  Readings steps(x.size(), 0);
  for (std::size_t i = 1; i < x.size(); ++i) steps[i] = x[i] - x[i - 1];
  Window<size> last(0);
  Readings logarithms;
  logarithms.reserve(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    last.add(steps, i);
    logarithms.push_back(std::log(last.variance() + nothing * nothing));
  }
  return distance_from_median(logarithms);
}

inline Scores run_length(const Readings& x) {
  Scores scores(x.size(), 1);
  for (std::size_t i = 1; i < x.size(); ++i) {
    if (x[i] == x[i - 1]) scores[i] = scores[i - 1] + 1;
  }
  return scores;
}

struct Detector {
  std::string_view name;
  Scores (*scores)(const Readings&);
};
inline constexpr std::array<Detector, 7> detectors{{{"distance", distance_from_median},
                                                    {"step", largest_step},
                                                    {"z32", moving_z<32>},
                                                    {"z256", moving_z<256>},
                                                    {"z2048", moving_z<2048>},
                                                    {"variance", change_of_variance},
                                                    {"run", run_length}}};
inline constexpr std::size_t longest_history = 2048;

}  // namespace fleet_sim::score
