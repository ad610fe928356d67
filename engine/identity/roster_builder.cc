#include "identity/roster_builder.h"

#include <fmt/format.h>

#include <utility>

#include "identity/json_value.h"

namespace fleet_sim::identity {

RosterBuilder::RosterBuilder(const std::vector<IdentityFile>& files, const types::Catalog& types,
                             RepeatedIds repeated, Problems& problems)
    : files_(files), types_(types), repeated_(repeated), problems_(problems), loaded_{} {
  loaded_.sources.reserve(files.size());
  for (const IdentityFile& file : files) loaded_.sources.push_back({.path = file.path});
}

void RosterBuilder::add(Parcel& parcel) {
  for (FileFindings& file : parcel.found) {
    if (!full_) add(file);
  }
}

LoadedIdentities RosterBuilder::take() {
  loaded_.full = full_;
  loaded_.unknown_keys.assign(unknown_keys_.begin(), unknown_keys_.end());
  if (repeated_ == RepeatedIds::kept) {
    for (const Place& place : places_) loaded_.lines.push_back(place.line);
  }
  return std::move(loaded_);
}

void RosterBuilder::add(FileFindings& file) {
  if (file.long_document) {
    parse_long_document(files_[file.file].path, types_, file, [&](IdentityFindings& findings) {
      add(file.file, std::exchange(findings, {}));
      return !full_;
    });
  }
  add(file.file, file.findings);
  if (!file.failure.empty()) {
    loaded_.sources[file.file].readable = false;
    refuse({file.file}, file.failure);
  }
  if (!file.ends) return;
  if (file.failure.empty()) ++loaded_.files;
  if (found_nothing_)
    refuse({file.file}, "has no identity: write one per line, such as {\"id\": \"SENSOR_001\"}");
  found_nothing_ = true;
}

void RosterBuilder::add(std::uint32_t file, const IdentityFindings& findings) {
  if (!findings.identities.empty() || findings.invalid > 0) found_nothing_ = false;
  loaded_.invalid += findings.invalid;
  loaded_.sources[file].invalid += static_cast<std::uint32_t>(findings.invalid);
  for (const std::string& key : findings.unknown_keys) {
    if (unknown_keys_.size() < IdentityFindings::most_unknown_keys) unknown_keys_.insert(key);
  }
  auto mistake = findings.mistakes.begin();
  const auto report_those_before = [&](std::size_t identity) {
    for (; mistake != findings.mistakes.end() && mistake->found_before <= identity; ++mistake) {
      report({file, mistake->line}, mistake->text);
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
    ++loaded_.sources[place.file].invalid;
    return report(place,
                  fmt::format("more than {} identities: split them across processes", most_identities));
  }
  const std::uint32_t first = ids_.find_or_claim(roster, found.record.id);
  if (first != IdIndex::none) {
    const Place other = places_[latest_with_id_of(first)];
    if (repeated_ == RepeatedIds::refused || other.file == place.file) {
      return refuse(place,
                    fmt::format("id '{}' is already used in {}", short_name(found.record.id), shown(other)));
    }
    const auto index = static_cast<std::uint32_t>(roster.size());
    loaded_.repeated.push_back({index, first});
    latest_[first] = index;
  }
  LoadedFile& source = loaded_.sources[place.file];
  const std::uint32_t index = roster.add(found.record);
  if (source.identities++ == 0) source.first = index;
  places_.push_back(place);
}

std::uint32_t RosterBuilder::latest_with_id_of(std::uint32_t first) const {
  const auto latest = latest_.find(first);
  return latest == latest_.end() ? first : latest->second;
}

void RosterBuilder::report(Place place, const std::string& text) {
  std::string& problem = loaded_.sources[place.file].problem;
  if (problem.empty() && files_with_problems_ < Problems::shown_at_most) {
    problem = fmt::format("{}: {}", shown(place), text);
    ++files_with_problems_;
  }
  problems_.add(shown(place), text);
}

void RosterBuilder::refuse(Place place, const std::string& why) {
  found_nothing_ = false;
  ++loaded_.invalid;
  ++loaded_.sources[place.file].invalid;
  report(place, why);
}

std::string RosterBuilder::shown(Place place) const {
  return place_in(files_[place.file].path, place.line);
}

}  // namespace fleet_sim::identity
