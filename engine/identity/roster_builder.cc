#include "identity/roster_builder.h"

#include <fmt/format.h>

#include <utility>

#include "identity/json_value.h"

namespace fleet_sim::identity {

void RosterBuilder::add(Parcel& parcel) {
  for (FileFindings& file : parcel.found) {
    if (!full_) add(file);
  }
}

LoadedIdentities RosterBuilder::take() {
  loaded_.unknown_keys.assign(unknown_keys_.begin(), unknown_keys_.end());
  return std::move(loaded_);
}

void RosterBuilder::add(FileFindings& file) {
  if (file.long_document) {
    parse_long_document(files_[file.file].path, type_, file, [&](IdentityFindings& findings) {
      add(file.file, std::exchange(findings, {}));
      return !full_;
    });
  }
  add(file.file, file.findings);
  if (!file.failure.empty()) refuse({file.file}, file.failure);
  if (!file.ends) return;
  if (file.failure.empty()) ++loaded_.files;
  if (found_nothing_)
    refuse({file.file}, "has no identity: write one per line, such as {\"id\": \"SENSOR_001\"}");
  found_nothing_ = true;
}

void RosterBuilder::add(std::uint32_t file, const IdentityFindings& findings) {
  if (!findings.identities.empty() || findings.invalid > 0) found_nothing_ = false;
  loaded_.invalid += findings.invalid;
  for (const std::string& key : findings.unknown_keys) {
    if (unknown_keys_.size() < IdentityFindings::most_unknown_keys) unknown_keys_.insert(key);
  }
  auto mistake = findings.mistakes.begin();
  const auto report_those_before = [&](std::size_t identity) {
    for (; mistake != findings.mistakes.end() && mistake->found_before <= identity; ++mistake) {
      problems_.add(shown({file, mistake->line}), mistake->text);
    }
  };
  for (std::size_t i = 0; i < findings.identities.size() && !full_; ++i) {
    report_those_before(i);
    add(findings.identities[i], {file, findings.identities[i].line});
  }
  report_those_before(SIZE_MAX);
  // Only counted: the texts that may be shown are all taken by those above.
  for (std::size_t i = 0; i < findings.further_mistakes; ++i) problems_.add({}, {});
}

void RosterBuilder::add(const FoundIdentity& found, Place place) {
  Roster& roster = loaded_.roster;
  if (roster.size() == most_identities) {
    full_ = true;
    return problems_.add(
        shown(place), fmt::format("more than {} identities: split them across processes", most_identities));
  }
  const std::uint32_t same = ids_.find_or_claim(roster, found.record.id);
  if (same != IdIndex::none) {
    return refuse(place, fmt::format("id '{}' is already used in {}", short_name(found.record.id),
                                     shown(places_[same])));
  }
  roster.add(found.record);
  places_.push_back(place);
}

void RosterBuilder::refuse(Place place, const std::string& why) {
  found_nothing_ = false;
  ++loaded_.invalid;
  problems_.add(shown(place), why);
}

std::string RosterBuilder::shown(Place place) const {
  return place_in(files_[place.file].path, place.line);
}

}  // namespace fleet_sim::identity
