// Which random words decide what at one due time. Each channel of a type has a word of its own, and so has
// the onset of an anomaly: the words of a reading are numbered through its blocks, the onset takes the last
// word of the first block, and the channels take the others in their order. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "base/random.h"
#include "batch/values.h"

namespace fleet_sim::model {

inline constexpr std::size_t words_per_block = std::tuple_size_v<RandomBlock>;
inline constexpr std::size_t onset_word = words_per_block - 1;

constexpr std::size_t channel_word(std::size_t channel) {
  return channel < onset_word ? channel : channel + 1;
}

inline constexpr std::size_t most_words = channel_word(batch::most_channels - 1) + 1;
inline constexpr std::size_t most_blocks = (most_words + words_per_block - 1) / words_per_block;

// Whether no word decides two things.
constexpr bool words_are_apart() {
  std::array<int, most_words> uses{};
  ++uses[onset_word];
  for (std::size_t channel = 0; channel < batch::most_channels; ++channel) ++uses[channel_word(channel)];
  for (const int count : uses) {
    if (count > 1) return false;
  }
  return true;
}
static_assert(words_are_apart());
static_assert(channel_word(0) == 0 && channel_word(1) == 1 && channel_word(2) == 2 && onset_word == 3,
              "recorded data depends on these");

// The words of one due time, for a type of so many channels.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t who, Stream stream, std::uint64_t at, std::size_t channels) {
    put(0, draw_block(seed, who, stream, at));
    for (std::size_t block = 1; block < blocks_for(channels); ++block) {
      put(block, draw_block(seed, who, stream, at, block));
    }
  }
  // Of a type whose words fit into the first block. Implicit: they are the same words.
  Draws(const RandomBlock& first) { put(0, first); }  // NOLINT(google-explicit-constructor)

  [[nodiscard]] std::uint64_t channel(std::size_t channel) const { return words_[channel_word(channel)]; }
  [[nodiscard]] std::uint64_t onset() const { return words_[onset_word]; }

 private:
  static constexpr std::size_t blocks_for(std::size_t channels) {
    return channels == 0 ? 1 : channel_word(channels - 1) / words_per_block + 1;
  }
  void put(std::size_t block, const RandomBlock& words) {
    for (std::size_t i = 0; i < words_per_block; ++i) words_[block * words_per_block + i] = words[i];
  }

  std::array<std::uint64_t, most_blocks * words_per_block> words_;  // of the blocks that are needed
};

}  // namespace fleet_sim::model
