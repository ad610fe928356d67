#include "zones/zone.h"

#include <algorithm>
#include <utility>

namespace fleet_sim::zones {
namespace {

constexpr int longest_slot_bits = 41;  // 25 days

bool share_a_slot(const std::vector<ZoneChange>& changes, int slot_bits) {
  const auto same_slot = [slot_bits](const ZoneChange& one, const ZoneChange& next) {
    return one.at >> slot_bits == next.at >> slot_bits;
  };
  return std::ranges::adjacent_find(changes, same_slot) != changes.end();
}

int slot_bits_for(const std::vector<ZoneChange>& changes) {
  int bits = longest_slot_bits;
  while (share_a_slot(changes, bits)) --bits;
  return bits;
}

std::int32_t in_seconds(Microseconds offset) {
  return static_cast<std::int32_t>(offset / microseconds_per_second);
}

}  // namespace

ZoneTable::ZoneTable(std::string name, Microseconds first_offset, std::vector<ZoneChange> changes)
    : name_(std::move(name)),
      first_offset_(first_offset),
      changes_(std::move(changes)),
      slot_bits_(slot_bits_for(changes_)) {
  if (changes_.empty()) return;
  slots_.resize(static_cast<std::size_t>(zone_tables_end >> slot_bits_) + 1);
  auto change = changes_.begin();
  std::int32_t offset = in_seconds(first_offset_);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i] = {longest_before_changes, offset, offset};
    if (change == changes_.end() || static_cast<std::size_t>(change->at >> slot_bits_) != i) continue;
    offset = in_seconds(change->offset);
    slots_[i].change = change->at;
    slots_[i].after = offset;
    ++change;
  }
}

std::optional<ZoneChange> Zone::next_change(Timestamp at) const {
  if (table_ == nullptr || table_->changes().empty()) return std::nullopt;
  const Microseconds later = ZoneTable::cycles_before(at) * calendar_cycle;
  const std::vector<ZoneChange>& changes = table_->changes();
  auto next = std::ranges::upper_bound(changes, at - later, {}, &ZoneChange::at);
  if (next != changes.end()) return ZoneChange{next->at + later, next->offset};
  // The table's last change may be followed by the first of the next cycle.
  next = std::ranges::upper_bound(changes, zone_tables_end - calendar_cycle, {}, &ZoneChange::at);
  if (next == changes.end()) return std::nullopt;
  return ZoneChange{next->at + later + calendar_cycle, next->offset};
}

}  // namespace fleet_sim::zones
