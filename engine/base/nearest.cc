#include "base/nearest.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>

namespace fleet_sim {
namespace {

constexpr std::size_t longest_word = 64;

void drop_common_ends(std::string_view& a, std::string_view& b) {
  const auto first = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  a.remove_prefix(static_cast<std::size_t>(first.first - a.begin()));
  b.remove_prefix(static_cast<std::size_t>(first.second - b.begin()));
  const auto last = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  a.remove_suffix(static_cast<std::size_t>(last.first - a.rbegin()));
  b.remove_suffix(static_cast<std::size_t>(last.second - b.rbegin()));
}

// The distance, or `limit` where it is not below that: among a million candidates nearly all are told to be
// too far by their lengths or their first few letters.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  drop_common_ends(a, b);
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= limit) return limit;
  std::array<std::array<std::size_t, longest_word + 1>, 3>
      rows;  // of the table: this, the last, the one before
  std::iota(rows[0].begin(), rows[0].begin() + static_cast<std::ptrdiff_t>(b.size()) + 1, std::size_t{0});
  std::size_t least_of_last = 0;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& last = rows[(i + 2) % 3];
    const auto& before_last = rows[(i + 1) % 3];
    std::size_t least = row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
      least = std::min(least, row[j]);
    }
    if (least >= limit && least_of_last >= limit) return limit;  // what follows comes of these two rows
    least_of_last = least;
  }
  return std::min(limit, rows[a.size() % 3][b.size()]);
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > longest_word) return {};
  std::string_view nearest;
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    if (candidate.size() > longest_word) continue;
    const std::size_t distance = edit_distance(word, candidate, best);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view nearest = nearest_word(word, candidates);
  return nearest.empty() ? std::string() : " (did you mean '" + std::string(nearest) + "'?)";
}

std::string did_you_mean_or_takes(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string meant = did_you_mean(word, candidates);
  if (!meant.empty() || candidates.empty()) return meant;
  std::string all = "; it takes ";
  for (const std::string_view one : candidates) all.append(one).append(", ");
  all.resize(all.size() - 2);
  return all;
}

}  // namespace fleet_sim
