#include "report/text_index.h"

#include <algorithm>
#include <utility>

#include "base/random.h"

namespace fleet_sim::report {
namespace {

constexpr std::size_t fewest_slots = 64;  // always a power of two
constexpr std::size_t smallest_block_bytes = 1 << 10;
constexpr std::size_t largest_block_bytes = 64 << 10;  // from the seventh on

std::uint32_t hash_of(std::string_view text) {
  return static_cast<std::uint32_t>(hash_text(text));
}

}  // namespace

std::uint32_t TextIndex::intern(std::string_view text) {
  if (2 * (texts_.size() + 1) > slots_.size()) grow();
  const std::uint32_t hash = hash_of(text);
  Slot& slot = slots_[slot_of(text, hash)];
  if (slot.number == none) {
    slot = {static_cast<std::uint32_t>(texts_.size()), hash};
    texts_.push_back(keep(text));
  }
  return slot.number;
}

std::optional<std::uint32_t> TextIndex::find(std::string_view text) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(text, hash_of(text))];
  return slot.number == none ? std::nullopt : std::optional(slot.number);
}

std::size_t TextIndex::slot_of(std::string_view text, std::uint32_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].number != none && (slots_[at].hash != hash || texts_[slots_[at].number] != text)) {
    at = (at + 1) & mask;
  }
  return at;
}

void TextIndex::grow() {
  const auto old = std::exchange(slots_, std::vector<Slot>(std::max(fewest_slots, 2 * slots_.size())));
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.number == none) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].number != none) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

std::string_view TextIndex::keep(std::string_view text) {
  const bool fits = !arena_.empty() && arena_.back().capacity() - arena_.back().size() >= text.size();
  if (!fits) {
    const std::size_t block_bytes =
        arena_.size() < 6 ? smallest_block_bytes << arena_.size() : largest_block_bytes;
    arena_.emplace_back().reserve(std::max(block_bytes, text.size()));
  }
  // Never grows past what was reserved, so the bytes already handed out stay where they are.
  std::vector<char>& block = arena_.back();
  const std::size_t offset = block.size();
  block.insert(block.end(), text.begin(), text.end());
  return {block.data() + offset, text.size()};
}

}  // namespace fleet_sim::report
