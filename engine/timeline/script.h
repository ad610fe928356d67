// A plan made ready to be carried out: what every timeline of a run needs of it and none changes, so that all
// of them share one. Immutable; any thread. Borrows nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/timestamp.h"
#include "identity/identity.h"
#include "timeline/plan.h"
#include "timeline/reach.h"

namespace fleet_sim::timeline {

// Has the roster know the names and the texts of entries, so that an event, and what is set, is small. Before
// a script is made of them.
void note_texts(identity::Roster& roster, const scenario::Entries& entries);

// Of a scenario with so many entries, it is kept of each whom it has reached; of a longer one, only of
// entries that others refer to.
inline constexpr std::size_t most_remembered = 100;

class Script {
 public:
  Script() = default;  // without an entry
  // For the thread that adds to the roster.
  Script(Plan plan, const identity::Roster& roster, std::uint64_t seed);

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] std::size_t size() const { return plan_.size(); }
  [[nodiscard]] const PlannedEntry& operator[](std::uint32_t entry) const { return plan_[entry]; }
  [[nodiscard]] const Reach& reach(std::uint32_t entry) const { return reaches_[entry]; }
  [[nodiscard]] identity::Text name(std::uint32_t entry) const { return names_[entry]; }
  // What its verb says, as text.
  [[nodiscard]] identity::Text what(std::uint32_t entry) const { return whats_[entry]; }
  // What a `set` sets; nothing for other verbs.
  [[nodiscard]] const identity::Overlay& overlay(std::uint32_t entry) const { return overlays_[entry]; }
  // Whether it is kept whom it has reached: another entry refers to it, or one may do so after a reload.
  [[nodiscard]] bool is_remembered(std::uint32_t entry) const { return is_remembered_[entry]; }

  // The same for a run that has lived by `before` until `moment`: entries that stand there as well go on; of
  // the others, those that begin earlier are ignored.
  [[nodiscard]] Script after(const Script& before, Timestamp moment) const;
  [[nodiscard]] bool is_ignored(std::uint32_t entry) const { return is_ignored_[entry]; }
  // Where an entry stands in a later script, if it is the same there.
  [[nodiscard]] std::optional<std::uint32_t> place_in(const Script& later, std::uint32_t entry) const;

  // Those that are not ignored, as they first begin, and of these the ones that let sensors join or leave.
  [[nodiscard]] std::span<const std::uint32_t> in_order() const { return in_order_; }
  [[nodiscard]] std::span<const std::uint32_t> movers() const { return movers_; }

 private:
  void put_in_order();

  Plan plan_;
  std::vector<Reach> reaches_;
  std::vector<identity::Text> names_;
  std::vector<identity::Text> whats_;
  std::vector<identity::Overlay> overlays_;
  std::vector<bool> is_remembered_;
  std::vector<bool> is_ignored_;
  std::unordered_map<identity::Text, std::uint32_t> entry_of_;  // by name
  std::vector<std::uint32_t> in_order_;
  std::vector<std::uint32_t> movers_;
};

// Whether the entry lets sensors join, or join or leave.
bool joins(const PlannedEntry& planned);
bool moves(const PlannedEntry& planned);

}  // namespace fleet_sim::timeline
