#include "base/normal.h"

#include <cmath>

#include "base/math.h"

namespace fleet_sim {
namespace {

// The coefficients of AS 241 (PPND16): central part, near tail, far tail.
constexpr std::array central_top{2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
                                 4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
                                 1.3314166789178437745e2, 3.3871328727963666080e0};
constexpr std::array central_bottom{
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0};
constexpr std::array near_top{7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
                              1.27045825245236838258e0,  3.64784832476320460504e0,  5.76949722146069140550e0,
                              4.63033784615654529590e0,  1.42343711074968357734e0};
constexpr std::array near_bottom{1.05075007164441684324e-9, 5.47593808499534494600e-4,
                                 1.51986665636164571966e-2, 1.48103976427480074590e-1,
                                 6.89767334985100004550e-1, 1.67638483018380384940e0,
                                 2.05319162663775882187e0,  1.0};
constexpr std::array far_top{2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
                             2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
                             5.46378491116411436990e0,  6.65790464350110377720e0};
constexpr std::array far_bottom{2.04426310338993978564e-15, 1.42151175831644588870e-7,
                                1.84631831751005468180e-5,  7.86869131145613259100e-4,
                                1.48753612908506148525e-2,  1.36929880922735805310e-1,
                                5.99832206555887937690e-1,  1.0};

double lower_tail_of_normal(double share) {
  const double r = std::sqrt(-natural_log(share));
  if (r <= 5.0) return -polynomial(near_top, r - 1.6) / polynomial(near_bottom, r - 1.6);
  return -polynomial(far_top, r - 5.0) / polynomial(far_bottom, r - 5.0);
}

// The normal deviate that `share` of all lie below, for 0 < share < 1/2.
double inverse_normal(double share) {
  const double q = share - 0.5;
  if (q < -0.425) return lower_tail_of_normal(share);
  const double r = 0.180625 - q * q;
  return q * polynomial(central_top, r) / polynomial(central_bottom, r);
}

// Newton's divided differences of f at the points, in place.
template <std::size_t n>
void divide_differences(std::array<double, n>& f, const std::array<double, n>& at) {
  for (std::size_t order = 1; order < n; ++order) {
    for (std::size_t j = n - 1; j >= order; --j) f[j] = (f[j] - f[j - 1]) / (at[j] - at[j - order]);
  }
}

// Newton's form multiplied out, from the innermost bracket; the highest power first.
template <std::size_t n>
std::array<double, n> coefficients_of(const std::array<double, n>& differences,
                                      const std::array<double, n>& at) {
  std::array<double, n> c{};
  for (std::size_t j = n; j-- > 0;) {
    for (std::size_t k = 0; k + 1 < n; ++k) c[k] = c[k + 1] - at[j] * c[k];
    c[n - 1] = differences[j] - at[j] * c[n - 1];
  }
  return c;
}

}  // namespace

const NormalTable normal_table;

NormalTable::NormalTable() {
  for (std::size_t i = 0; i < pieces_.size(); ++i) pieces_[i] = fit(i);
}

NormalTable::Piece NormalTable::fit(std::size_t piece) {
  // Chebyshev's points, cos((2j+1)π/16) / 2.
  constexpr Numbers at{0.49039264020161522,  0.41573480615127262,   0.27778511650980109,
                       0.097545161008064134, -0.097545161008064134, -0.27778511650980109,
                       -0.41573480615127262, -0.49039264020161522};
  const auto low = std::bit_cast<double>((first_piece + piece) << piece_shift);
  const auto high = std::bit_cast<double>((first_piece + piece + 1) << piece_shift);
  Numbers deviates{};
  for (std::size_t j = 0; j < at.size(); ++j) {
    deviates[j] = inverse_normal((low + (high - low) * (at[j] + 0.5)) * 0x1p-52);
  }
  divide_differences(deviates, at);
  return {coefficients_of(deviates, at)};
}

}  // namespace fleet_sim
