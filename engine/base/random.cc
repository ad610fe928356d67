#include "base/random.h"

#include <cmath>
#include <cstddef>

#include "base/math.h"

namespace fleet_sim {
namespace {

__extension__ using Wide = unsigned __int128;

struct Product {
  std::uint64_t high;
  std::uint64_t low;
};

Product multiply(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
}

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

double tail_of_normal(double share) {
  const double r = std::sqrt(-natural_log(share));
  if (r <= 5.0) return polynomial(near_top, r - 1.6) / polynomial(near_bottom, r - 1.6);
  return polynomial(far_top, r - 5.0) / polynomial(far_bottom, r - 5.0);
}

}  // namespace

RandomBlock draw_block(std::uint64_t seed, std::uint64_t who, Stream stream, std::uint64_t counter) {
  constexpr std::uint64_t multiplier_0 = 0xD2E7470EE14C6C93;
  constexpr std::uint64_t multiplier_1 = 0xCA5A826395121157;
  constexpr std::uint64_t weyl_0 = 0x9E3779B97F4A7C15;
  constexpr std::uint64_t weyl_1 = 0xBB67AE8584CAA73B;
  RandomBlock x{counter, static_cast<std::uint64_t>(stream), 0, 0};
  for (int round = 0; round < 10; ++round) {
    const Product a = multiply(multiplier_0, x[0]);
    const Product b = multiply(multiplier_1, x[2]);
    x = {b.high ^ x[1] ^ seed, b.low, a.high ^ x[3] ^ who, a.low};
    seed += weyl_0;
    who += weyl_1;
  }
  return x;
}

std::uint64_t uniform_below(std::uint64_t word, std::uint64_t bound) {
  return multiply(word, bound).high;
}

double standard_normal(std::uint64_t word) {
  // The middle of one of 2^52 equal slices of (0, 1): never 0 or 1, and symmetric around a half.
  const double share = (static_cast<double>(word >> 12) + 0.5) * 0x1p-52;
  const double q = share - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(central_top, r) / polynomial(central_bottom, r);
  }
  return q < 0 ? -tail_of_normal(share) : tail_of_normal(1.0 - share);
}

std::uint64_t mix_words(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9E3779B97F4A7C15 ^ b;
  x = (x ^ x >> 33) * 0xFF51AFD7ED558CCD;
  x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53;
  return x ^ x >> 33;
}

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return mix_words(hash, text.size());
}

}  // namespace fleet_sim
