#include "model/duration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/math.h"
#include "base/normal.h"
#include "base/random.h"

namespace fleet_sim::model {
namespace {

// W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23
// (1969), as in his ANORM (Algorithm 715, 1993): the middle, the tails, the far tails.
constexpr std::array middle_top{0.065682337918207449113, 2.2352520354606839287, 161.02823106855587881,
                                1067.6894854603709582, 18154.981253343561249};
constexpr std::array middle_bottom{1.0, 47.20258190468824187, 976.09855173777669322, 10260.932208618978205,
                                   45507.789335026729956};
constexpr std::array tail_top{1.0765576773720192317e-8, 0.39894151208813466764, 8.8831497943883759412,
                              93.506656132177855979,    597.27027639480026226,  2494.5375852903726711,
                              6848.1904505362823326,    11602.651437647350124,  9842.7148383839780218};
constexpr std::array tail_bottom{1.0,
                                 22.266688044328115691,
                                 235.38790178262499861,
                                 1519.377599407554805,
                                 6485.558298266760755,
                                 18615.571640885098091,
                                 34900.952721145977266,
                                 38912.003286093271411,
                                 19685.429676859990727};
constexpr std::array far_tail_top{0.02307344176494017303, 0.21589853405795699,     0.1274011611602473639,
                                  0.022235277870649807,   0.001421619193227893466, 2.9112874951168792e-5};
constexpr std::array far_tail_bottom{1.0,
                                     1.28426009614491121,
                                     0.468238212480865118,
                                     0.0659881378689285515,
                                     0.00378239633202758244,
                                     7.29751555083966205e-5};
constexpr double root_of_32 = 5.656854249492380195;
constexpr double density_at_0 = 0.39894228040143267794;  // 1/√(2π)

// The share beyond a deviate above 0.67.
double tail(double deviate) {
  const double square = deviate * deviate;
  const double decay = exponential(-0.5 * square);
  if (deviate <= root_of_32) {
    return decay * polynomial(tail_top, deviate) / polynomial(tail_bottom, deviate);
  }
  const double inverse = 1 / square;
  const double rest = inverse * polynomial(far_tail_top, inverse) / polynomial(far_tail_bottom, inverse);
  return decay * (density_at_0 - rest) / deviate;
}

// Readings are due at 0, 1, 2 … periods from the onset. The small allowance keeps 30 s at 0.1/s at three
// readings although 30 · 0.1 is a little over 3.
constexpr double allowance = 1 - 1e-12;

}  // namespace

double normal_share_below(double deviate) {
  const double distance = std::fabs(deviate);
  if (distance <= 0.67448975) {
    const double square = deviate * deviate;
    return 0.5 + deviate * polynomial(middle_top, square) / polynomial(middle_bottom, square);
  }
  return deviate < 0 ? tail(distance) : 1 - tail(distance);
}

Duration::Duration(double seconds) : Duration(seconds, seconds, seconds) {}

Duration::Duration(double median, double min, double max)
    : median_(median * 1e6), max_(max * 1e6), sigma_(natural_log(max_ / median_) / 3) {
  min_ = sigma_ > 0 ? min * 1e6 : max_;
  if (sigma_ == 0) return;
  any_ = law(0);
  lasting_ = law(sigma_ * sigma_);
}

Duration::Law Duration::law(double shift) const {
  return {shift, normal_share_below(deviate(min_, shift)), normal_share_below(deviate(max_, shift))};
}

double Duration::deviate(double microseconds, double shift) const {
  return (natural_log(microseconds / median_) - shift) / sigma_;
}

Microseconds Duration::drawn(const Law& law, std::uint64_t word) const {
  double duration = max_;
  if (sigma_ > 0) {
    const double share = uniform(word, law.below_min, law.below_max);
    const double deviate = standard_normal(static_cast<std::uint64_t>(share * 0x1p64));
    duration = std::clamp(median_ * exponential(law.shift + sigma_ * deviate), min_, max_);
  }
  return std::max<Microseconds>(1, static_cast<Microseconds>(duration));
}

// The share of durations above one.
double Duration::share_longer(double microseconds) const {
  const double at = std::clamp(microseconds, min_, max_);
  const double longer = any_.below_max - normal_share_below(deviate(at, any_.shift));
  return longer / (any_.below_max - any_.below_min);
}

// The mean of what durations last beyond one.
double Duration::mean_excess(double microseconds) const {
  const double at = std::clamp(microseconds, min_, max_);
  const double longer = lasting_.below_max - normal_share_below(deviate(at, lasting_.shift));
  const double mean = median_ * exponential(0.5 * sigma_ * sigma_);  // of the law before it is cut off
  return mean * longer / (any_.below_max - any_.below_min) - microseconds * share_longer(microseconds);
}

// The mean of n is the sum of the shares of faults with more than 0, 1, 2 … readings. All have at least one,
// and more than `sure`. The shares of the rest are summed one by one while they may jump from one to the
// next, and then by their integral.
double Duration::expected_readings(double rate) const {
  const double per_microsecond = rate * 1e-6 * allowance;
  const double sure = std::floor(min_ * per_microsecond);
  if (sigma_ == 0) return std::max(1.0, std::ceil(max_ * per_microsecond));
  const double smooth = std::clamp(std::ceil(8 / sigma_), 256.0, 8192.0);
  const double most = std::ceil(max_ * per_microsecond) - 1;
  double readings = 1 + sure;
  double n = sure;
  while (n < std::min(most, smooth)) readings += share_longer(++n / per_microsecond);
  if (n < most) readings += mean_excess((n + 0.5) / per_microsecond) * per_microsecond;
  return readings;
}

}  // namespace fleet_sim::model
