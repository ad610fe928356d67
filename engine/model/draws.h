// Which random words decide what at one due time. Each channel of a type has a word of its own, and so have
// its white sources and the onset of an anomaly: the words of a reading are numbered through its blocks, the
// onset takes the last word of the first block, and the channels and then the white sources take the others
// in their order. Pure; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "base/random.h"
#include "batch/values.h"
#include "types/signal_declaration.h"

namespace fleet_sim::model {

inline constexpr std::size_t words_per_block = std::tuple_size_v<RandomBlock>;
inline constexpr std::size_t onset_word = words_per_block - 1;

constexpr std::size_t channel_word(std::size_t channel) {
  return channel < onset_word ? channel : channel + 1;
}

inline constexpr std::size_t most_deviates = types::most_channels + types::most_whites;
inline constexpr std::size_t most_words = channel_word(most_deviates - 1) + 1;
inline constexpr std::size_t most_blocks = (most_words + words_per_block - 1) / words_per_block;

// Whether no word decides two things.
constexpr bool words_are_apart() {
  std::array<int, most_words> uses{};
  ++uses[onset_word];
  for (std::size_t channel = 0; channel < most_deviates; ++channel) ++uses[channel_word(channel)];
  for (const int count : uses) {
    if (count > 1) return false;
  }
  return true;
}
static_assert(words_are_apart());
static_assert(channel_word(0) == 0 && channel_word(1) == 1 && channel_word(2) == 2 && onset_word == 3,
              "recorded data depends on these");

// The words of one due time, for a type of so many channels and white sources together.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t who, Stream stream, std::uint64_t at, std::size_t channels)
      : first_(draw_block(seed, who, stream, at)) {
    if (channels > onset_word) draw_further(seed, who, stream, at, channels);
  }
  // Of a type whose words fit into the first block. Implicit: they are the same words.
  Draws(const RandomBlock& first) : first_(first) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] std::uint64_t channel(std::size_t channel) const {
    const std::size_t word = channel_word(channel);
    return word < words_per_block ? first_[word] : further_[word - words_per_block];
  }
  [[nodiscard]] std::uint64_t onset() const { return first_[onset_word]; }

 private:
  // Apart, because most types never come here and their readings should not pay for it.
  [[gnu::noinline]] void draw_further(std::uint64_t seed, std::uint64_t who, Stream stream, std::uint64_t at,
                                      std::size_t channels) {
    for (std::size_t block = 1; block <= channel_word(channels - 1) / words_per_block; ++block) {
      const RandomBlock words = draw_block(seed, who, stream, at, block);
      std::ranges::copy(words, further_.begin() + static_cast<std::ptrdiff_t>((block - 1) * words_per_block));
    }
  }

  RandomBlock first_;
  std::array<std::uint64_t, (most_blocks - 1) * words_per_block> further_;  // those that are needed
};

}  // namespace fleet_sim::model
