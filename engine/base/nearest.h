// The nearest known word to a mistyped one, for error messages that name a remedy. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fleet_sim {

// The candidate with the fewest insertions, deletions, substitutions and swaps of neighbors (optimal string
// alignment distance), if that is at most a third of the word, else an empty view. Words over 64 bytes match
// nothing.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates);

// " (did you mean 'X'?)", or an empty string when nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

// The same; but when nothing is near, "; it takes a, b, c", which there are.
std::string did_you_mean_or_takes(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace fleet_sim
