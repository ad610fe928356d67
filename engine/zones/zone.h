// A time zone: how far a sensor's own clock is ahead of UTC at any moment. A fixed offset is a zone without
// changes. Which changes a zone has is found out while config and identities are read (zone_data.h); from
// then on, an offset is a matter of one comparison: no search, no file, no clock. An immutable value of the
// size of three numbers; the table behind it lives as long as the process. Any thread.
//
// The table divides time into equal slots, so short that at most one change falls into each. It reaches to
// the year 2500; later years are those 400 years earlier, because the calendar repeats itself.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/timestamp.h"

namespace fleet_sim::zones {

// From this moment on, the clock is this far ahead of UTC.
struct ZoneChange {
  Timestamp at = 0;
  Microseconds offset = 0;

  bool operator==(const ZoneChange&) const = default;
};

inline constexpr Microseconds calendar_cycle = 146'097 * microseconds_per_day;              // 400 years
inline constexpr Timestamp zone_tables_end = 193'579 * microseconds_per_day;                // 2500-01-01
inline constexpr Timestamp longest_before_changes = std::numeric_limits<Timestamp>::max();  // for ever

class ZoneTable {
 public:
  // `changes` are from 1970 to zone_tables_end, in order, each to another offset than the one before.
  ZoneTable(std::string name, Microseconds first_offset, std::vector<ZoneChange> changes);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Microseconds first_offset() const { return first_offset_; }
  [[nodiscard]] const std::vector<ZoneChange>& changes() const { return changes_; }

  // From 1970 on.
  [[nodiscard]] Microseconds offset_at(Timestamp at) const {
    if (at >= zone_tables_end) at -= cycles_before(at) * calendar_cycle;
    const Slot& slot = slots_[static_cast<std::size_t>(at >> slot_bits_)];
    return (at < slot.change ? slot.before : slot.after) * microseconds_per_second;
  }

  // How many cycles lie between a moment and one of the same date within the table.
  [[nodiscard]] static std::int64_t cycles_before(Timestamp at) {
    return at < zone_tables_end ? 0 : (at - zone_tables_end) / calendar_cycle + 1;
  }

 private:
  struct Slot {
    Timestamp change = longest_before_changes;
    std::int32_t before = 0;  // seconds
    std::int32_t after = 0;
  };

  std::string name_;
  Microseconds first_offset_;
  std::vector<ZoneChange> changes_;
  int slot_bits_;
  std::vector<Slot> slots_;
};

class Zone {
 public:
  constexpr Zone() = default;  // UTC
  // Always this far ahead of UTC.
  constexpr explicit Zone(Microseconds offset) : offset_(offset) {}
  // Borrows the table forever.
  explicit Zone(const ZoneTable& table)
      : offset_(table.first_offset()),
        until_(table.changes().empty() ? longest_before_changes : table.changes().front().at),
        table_(&table) {}

  // "Europe/Berlin"; empty: a fixed offset.
  [[nodiscard]] std::string_view name() const {
    return table_ == nullptr ? std::string_view() : table_->name();
  }
  [[nodiscard]] bool is_named() const { return table_ != nullptr; }

  [[nodiscard]] Microseconds offset_at(Timestamp at) const {
    return at < until_ ? offset_ : table_->offset_at(at);
  }

  // The first one after `at`; none if there are no more.
  [[nodiscard]] std::optional<ZoneChange> next_change(Timestamp at) const;

  bool operator==(const Zone&) const = default;

 private:
  Microseconds offset_ = 0;  // up to the first change
  Timestamp until_ = longest_before_changes;
  const ZoneTable* table_ = nullptr;
};

}  // namespace fleet_sim::zones
