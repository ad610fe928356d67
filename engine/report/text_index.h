// Gives every text a small number, counted from 0: ids of sensors, names of firmware versions, locations.
// A hash table with open addressing, 8 bytes a slot and at most half full, over texts that it owns, because
// a million of them would take 60 MB more in an unordered_map. One thread at a time. Fails only for want of
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

namespace fleet_sim::report {

class TextIndex {
 public:
  // The number of the text, a new one when it was not known.
  std::uint32_t intern(std::string_view text);

  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view text) const;

  [[nodiscard]] std::size_t size() const { return texts_.size(); }
  [[nodiscard]] std::string_view operator[](std::uint32_t number) const { return texts_[number]; }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  struct Slot {
    std::uint32_t number = none;
    std::uint32_t hash = 0;
  };

  // Where the text is, or where it would go.
  [[nodiscard]] std::size_t slot_of(std::string_view text, std::uint32_t hash) const;
  void grow();
  std::string_view keep(std::string_view text);

  std::vector<Slot> slots_;
  std::vector<std::string_view> texts_;
  std::deque<std::vector<char>> arena_;  // blocks that never move: every view points into one
};

}  // namespace fleet_sim::report
