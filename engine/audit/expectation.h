// What there is to be delivered of a run: every reading of its sensors that has a row, and what is in it.
// Made by one thread (walk.h); afterwards any thread asks. Owns all that it takes to make the readings again:
// as much memory as the run took, and that of the tracks. Several parts are one fleet: no sensor is in two.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/remake.h"
#include "audit/track.h"
#include "history/rebuilt_run.h"
#include "history/run_part.h"
#include "types/sensor_type.h"

namespace fleet_sim::audit {

// Readings that the run did not write, by reason.
struct NotProduced {
  std::uint64_t silent = 0;
  std::uint64_t missing = 0;
  std::uint64_t dropped = 0;
  std::uint64_t undelivered = 0;
  std::uint64_t otherwise = 0;  // silent, missing or undelivered
};

class Expectation {
 public:
  // Is told how many readings have been made.
  using Progress = std::function<void(std::uint64_t readings)>;

  Expectation(std::vector<history::RunPart> parts, const Progress& progress);

  [[nodiscard]] const std::vector<history::RunPart>& parts() const { return parts_; }
  [[nodiscard]] const std::vector<Track>& tracks() const { return tracks_; }
  [[nodiscard]] const NotProduced& not_produced() const { return not_produced_; }
  // Of all readings that are due: bits that their presence takes.
  [[nodiscard]] std::uint64_t bits() const { return bits_; }
  // No timestamp of a row is off by more.
  [[nodiscard]] Microseconds jitter() const { return jitter_; }

  // The track of a sensor.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view sensor) const {
    const auto known = number_of_.find(sensor);
    return known == number_of_.end() ? std::nullopt : std::optional(known->second);
  }

  [[nodiscard]] Remade reading(std::uint32_t track, std::uint64_t number,
                               const history::Memories::Memory& memory = {}) const {
    const Track& one = tracks_[track];
    return reading_of(*runs_[one.part], one, number, memory);
  }
  // For those who ask for the readings of each sensor in order; each has its own.
  [[nodiscard]] history::Memories memories() const { return {tracks_.size(), knot_words_}; }
  [[nodiscard]] const identity::Roster& roster_of(std::uint32_t track) const {
    return runs_[tracks_[track].part]->roster();
  }
  // The columns of a sensor's readings.
  [[nodiscard]] const types::Schema& schema_of(std::uint32_t track) const { return *schemas_[track]; }
  [[nodiscard]] std::string_view location_of(std::uint32_t track) const;

 private:
  void add(history::RunPart part, const Progress& progress);
  void count_absences(const std::vector<Track>& tracks);
  void note_jitter(const history::RebuiltRun& run);

  std::vector<history::RunPart> parts_;
  std::vector<std::unique_ptr<const history::RebuiltRun>> runs_;
  std::vector<Track> tracks_;
  std::vector<const types::Schema*> schemas_;  // by track
  std::vector<std::shared_ptr<const types::Catalog>> catalogs_;
  std::unordered_map<std::string_view, std::uint32_t> number_of_;
  NotProduced not_produced_;
  std::uint64_t bits_ = 0;
  std::size_t knot_words_ = 0;
  Microseconds jitter_ = 0;
};

}  // namespace fleet_sim::audit
