#include "audit/expectation.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "audit/walk.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "scenario/entry.h"

namespace fleet_sim::audit {

Expectation::Expectation(std::vector<history::RunPart> parts, const Progress& progress) {
  parts_.reserve(parts.size());
  std::uint64_t before = 0;
  for (history::RunPart& part : parts) {
    std::uint64_t most = 0;
    add(std::move(part), [&](std::uint64_t readings) {
      if (progress) progress(before + readings);
    });
    for (const Track& track : tracks_) most += track.readings;
    before = most;
  }
  for (Track& track : tracks_) {
    track.first_bit = bits_;
    bits_ += track.readings;
  }
  for (const auto& run : runs_) knot_words_ = std::max(knot_words_, run->most_knot_words());
}

void Expectation::add(history::RunPart part, const Progress& progress) {
  const auto number = static_cast<std::uint32_t>(parts_.size());
  parts_.push_back(std::move(part));
  const history::RunPart& added = parts_.back();
  runs_.push_back(std::make_unique<const history::RebuiltRun>(added.record, added.run, added.until));
  const history::RebuiltRun& run = *runs_.back();
  note_jitter(run);
  std::vector<Track> tracks = begin_tracks(added, number, run);
  const fleet::Tally tally = walk(added, run, tracks, progress);
  if (added.judged_until < added.until) {
    for (Track& track : tracks) track.cut(added.judged_until);
    count_absences(tracks);
  } else {
    not_produced_.silent += tally.silent;
    not_produced_.missing += tally.missing;
    not_produced_.dropped += tally.dropped;
    not_produced_.undelivered += static_cast<std::uint64_t>(std::max<std::int64_t>(0, tally.undelivered));
  }
  const history::History& history = run.history();
  catalogs_.push_back(fleet::types_under(*history.config_after(history.reloads().size()), run.types()));
  for (const Track& track : tracks) {
    const auto index = static_cast<std::uint32_t>(number_of_.size());
    if (!number_of_.try_emplace(track.id, index).second)
      throw InvalidInput(fmt::format("sensor '{}' is in two of the runs: {} and {}", printable(track.id),
                                     parts_[tracks_[number_of_[track.id]].part].name, added.name));
    const std::uint32_t identity = track.life->stretches.back().identity;
    schemas_.push_back(&(*catalogs_.back())[run.roster().text(run.roster()[identity].type)].schema);
  }
  std::ranges::move(tracks, std::back_inserter(tracks_));
}

// Of a part of a run, only who drops a reading is known without asking for each.
void Expectation::count_absences(const std::vector<Track>& tracks) {
  for (const Track& track : tracks) {
    for (const Absence& absence : track.absences)
      (absence.is_dropped ? not_produced_.dropped : not_produced_.otherwise) += absence.count;
  }
}

void Expectation::note_jitter(const history::RebuiltRun& run) {
  const history::History& history = run.history();
  for (std::size_t i = 0; i <= history.reloads().size(); ++i) {
    const config::Config& config = *history.config_after(i);
    jitter_ = std::max(jitter_, config.delivery.jitter);
    for (const scenario::Entry& entry : config.scenario) {
      if (const auto* how = std::get_if<scenario::Deliver>(&entry.verb))
        jitter_ = std::max(jitter_, how->jitter.value_or(0));
    }
  }
}

std::string_view Expectation::location_of(std::uint32_t track) const {
  const Track& one = tracks_[track];
  const identity::Roster& roster = roster_of(track);
  return roster.text(roster[one.life->stretches.front().identity].location);
}

}  // namespace fleet_sim::audit
