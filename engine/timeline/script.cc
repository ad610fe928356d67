#include "timeline/script.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "scenario/fields.h"

namespace fleet_sim::timeline {
namespace {

std::string what_of(const scenario::Entry& entry) {
  return scenario::verb_of(entry).text(entry.verb);
}

}  // namespace

void note_texts(identity::Roster& roster, const scenario::Entries& entries) {
  for (const scenario::Entry& entry : entries) {
    roster.intern(entry.name);
    roster.intern(what_of(entry));
    const auto* set = std::get_if<scenario::Set>(&entry.verb);
    if (set == nullptr) continue;
    for (const std::string* text : {&set->location, &set->manufacturer, &set->model, &set->firmware_version})
      roster.intern(*text);
    if (!set->firmware_version.empty()) roster.note_firmware(roster.intern(set->firmware_version));
  }
}

Script::Script(Plan plan, const identity::Roster& roster, std::uint64_t seed)
    : plan_(std::move(plan)),
      is_remembered_(plan_.size(), plan_.size() <= most_remembered),
      is_ignored_(plan_.size()) {
  reaches_.reserve(plan_.size());
  for (const PlannedEntry& planned : plan_) {
    reaches_.emplace_back(planned.entry, seed);
    names_.push_back(roster.find_text(planned.entry.name));
    whats_.push_back(roster.find_text(what_of(planned.entry)));
    const auto* set = std::get_if<scenario::Set>(&planned.entry.verb);
    overlays_.push_back(
        set == nullptr
            ? identity::Overlay{}
            : identity::Overlay{roster.find_text(set->location), roster.find_text(set->manufacturer),
                                roster.find_text(set->model), roster.find_text(set->firmware_version)});
    if (planned.follows) is_remembered_[*planned.follows] = true;
  }
  for (std::uint32_t entry = 0; entry < size(); ++entry) entry_of_.emplace(names_[entry], entry);
  put_in_order();
}

void Script::put_in_order() {
  in_order_.clear();
  movers_.clear();
  for (std::uint32_t entry = 0; entry < size(); ++entry) {
    if (!is_ignored_[entry]) in_order_.push_back(entry);
  }
  std::ranges::stable_sort(in_order_, {}, [&](std::uint32_t entry) { return plan_[entry].at; });
  std::ranges::copy_if(in_order_, std::back_inserter(movers_),
                       [&](std::uint32_t entry) { return moves(plan_[entry]); });
}

Script Script::after(const Script& before, Timestamp moment) const {
  std::vector<bool> goes_on(size());
  for (std::uint32_t entry = 0; entry < before.size(); ++entry) {
    const auto here = before.place_in(*this, entry);
    if (here && !before.is_ignored(entry)) goes_on[*here] = true;
  }
  Script script = *this;
  for (std::uint32_t entry = 0; entry < size(); ++entry)
    script.is_ignored_[entry] = !goes_on[entry] && plan_[entry].at < moment;
  script.put_in_order();
  return script;
}

std::optional<std::uint32_t> Script::place_in(const Script& later, std::uint32_t entry) const {
  const auto found = later.entry_of_.find(names_[entry]);
  if (found == later.entry_of_.end() || later[found->second].entry != plan_[entry].entry) return std::nullopt;
  return found->second;
}

bool joins(const PlannedEntry& planned) {
  return std::holds_alternative<scenario::Join>(planned.entry.verb);
}

bool moves(const PlannedEntry& planned) {
  return joins(planned) || std::holds_alternative<scenario::Leave>(planned.entry.verb);
}

}  // namespace fleet_sim::timeline
