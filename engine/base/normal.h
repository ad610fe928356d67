// Standard normal draws by the inverse of their distribution: one word in, one deviate out, with + - * / and
// square root only, so that every machine gives the same bits. Read-only once the process has started; any
// thread.
//
// Wichura's algorithm AS 241 (1988) costs a division or two, and in the tails a logarithm and a square root.
// So it is evaluated once, while starting, at 8 points of each of 832 pieces, and polynomials through these
// points answer every draw, to 1e-14. A piece is a sixteenth of an octave: the deviate is smooth on the scale
// of the share of all that lie below it, so pieces that shrink with the share are equally good down to the
// last. They are numbered by the upper bits of the share as a double.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace fleet_sim {

class NormalTable {
 public:
  static constexpr int slice_bits = 52;  // (0, 1) has 2^52 equal slices

  NormalTable();

  // The deviate that the share in the middle of a slice of the lower half lies below.
  [[nodiscard]] double deviate(std::uint64_t slice) const {
    const auto bits = std::bit_cast<std::uint64_t>(static_cast<double>(slice) + 0.5);
    const double from_middle = std::bit_cast<double>((bits << piece_bits & fraction) | one) - 1.5;
    return value(pieces_[(bits >> piece_shift) - first_piece].coefficients, from_middle);
  }

 private:
  static constexpr int piece_bits = 4;
  static constexpr int piece_shift = 52 - piece_bits;
  static constexpr std::uint64_t fraction = (1ull << 52) - 1;
  static constexpr std::uint64_t one = std::bit_cast<std::uint64_t>(1.0);
  static constexpr std::uint64_t first_piece = std::bit_cast<std::uint64_t>(0.5) >> piece_shift;
  using Numbers = std::array<double, 8>;

  // A cache line: the coefficients, of the highest power first, in the distance from the middle, -1/2 .. 1/2
  // of the piece.
  struct alignas(64) Piece {
    Numbers coefficients;
  };

  // In pairs (Estrin's scheme), which do not wait for each other as the steps of Horner's rule do.
  static double value(const Numbers& c, double x) {
    const double x2 = x * x;
    const double upper = (c[0] * x + c[1]) * x2 + (c[2] * x + c[3]);
    const double lower = (c[4] * x + c[5]) * x2 + (c[6] * x + c[7]);
    return upper * (x2 * x2) + lower;
  }

  static Piece fit(std::size_t piece);

  std::array<Piece, std::size_t{slice_bits} << piece_bits> pieces_;
};

extern const NormalTable normal_table;

// A standard normal draw from one word: its upper 52 bits number a slice, and those of the upper half mirror
// the lower. Without a branch, which would be taken every other time.
inline double standard_normal(std::uint64_t word) {
  constexpr std::uint64_t all = (1ull << NormalTable::slice_bits) - 1;
  constexpr std::uint64_t sign = 1ull << 63;
  const std::uint64_t upper = word >> 63;
  const std::uint64_t slice = word >> (64 - NormalTable::slice_bits) ^ (all & (0 - upper));
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(normal_table.deviate(slice)) ^ (word & sign));
}

}  // namespace fleet_sim
