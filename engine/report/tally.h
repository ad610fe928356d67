// What one pass over the rows of a shard counts, per sensor and combination of firmware, model, manufacturer
// and location, so that every grouping can be made from it afterwards. Fed with rows in the order of their
// ids; a tally of later rows can be appended, so parts of a shard may be counted at the same time. One thread
// at a time. About 140 bytes per sensor.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/terms.h"
#include "base/timestamp.h"
#include "config/config.h"
#include "course/course.h"
#include "data/run_configs.h"
#include "report/gaps.h"
#include "report/text_index.h"
#include "types/schema.h"
#include "zones/hour_of_day.h"

namespace fleet_sim::report {

using data::Trait;
using data::trait_count;
using data::Traits;

// One row of sensor_readings. The views belong to the reader of the row.
struct StoredReading {
  Timestamp at = 0;
  std::string_view sensor_id;
  std::optional<double> daily_value;  // of the channel of which daily curves are
  std::optional<AnomalyType> anomaly;
  Traits traits;
  bool synced = false;
};

// What is known of a shard before its rows are read. Outlives its tallies and is not changed meanwhile.
struct TallyContext {
  std::vector<Timestamp> run_starts;  // ascending
  EventSpans missing;                 // events that take rows
  EventSpans undelivered;             // readings that delivery dropped, or that are late
  EventSpans injected;                // that somebody injected, or a scenario began; sorted, as `missing` is
  std::vector<Timestamp> eras = {std::numeric_limits<Timestamp>::min()};  // where another config begins
  std::vector<Timestamp> slots = {
      std::numeric_limits<Timestamp>::min()};  // pieces of time, by where they begin
  const config::Config* config = nullptr;  // of the run: what a location's class is, and when its day begins
};

struct HourMean {
  double sum = 0;
  std::uint64_t readings = 0;

  [[nodiscard]] double mean() const { return sum / static_cast<double>(readings); }
};
using DailyCurve = std::array<HourMean, zones::hours_per_day>;

// The channel of which there are daily curves: the first whose values are measured. None where all are
// counted or codes, whose means say nothing.
const types::ChannelColumn* daily_channel_of(const types::Schema& schema);

// Normal values of that channel by the local hour, for each location class (empty: no class).
using DailyCurves = std::map<std::string, DailyCurve, std::less<>>;
void add_curves(DailyCurves& to, const DailyCurves& more);

// Rows of one piece of time, and of one strand: sensors of which the same is expected.
struct SlotCount {
  std::uint64_t readings = 0;
  std::uint64_t anomalous = 0;
};

// The readings of one sensor with one combination of traits. A sensor that was given another firmware has
// several cells.
struct Cell {
  std::uint32_t sensor = 0;
  std::uint32_t combination = 0;
  std::uint64_t readings = 0;
  std::uint64_t synced = 0;
  PerAnomalyType<std::uint32_t> anomalous{};  // of a single sensor: 32 bits last for 136 years at 1 Hz
  std::uint32_t left = 0;                     // of these, what injected ones that take some rows have left
  Timestamp first = 0;
  Timestamp last = 0;
};

class ReadingTally {
 public:
  static constexpr Timestamp confirmed = std::numeric_limits<Timestamp>::min();
  struct Sensor {
    Timestamp first = 0;
    Timestamp last = 0;
    Microseconds period = 0;  // the shortest spacing of its readings in a run; 0: not known yet
    // Ends the spacing that `period` is, until another one confirms it: it may be a gap itself.
    Timestamp unconfirmed = confirmed;
    std::uint32_t run = 0;   // that `period` is of
    std::uint32_t cell = 0;  // of a recent reading
    std::uint32_t next = 0;  // the sensor of the reading behind a recent one: they mostly take turns
  };

  explicit ReadingTally(const TallyContext& context) : context_(&context), slots_(context.slots.size()) {}

  void add(const StoredReading& reading);

  // Takes over a tally of rows that follow ours.
  void append(const ReadingTally& later);

  [[nodiscard]] const std::vector<Cell>& cells() const { return cells_; }
  [[nodiscard]] const std::vector<Sensor>& sensors() const { return sensors_; }
  [[nodiscard]] std::string_view sensor_id(std::uint32_t sensor) const { return ids_[sensor]; }
  [[nodiscard]] std::optional<std::uint32_t> find_sensor(std::string_view id) const { return ids_.find(id); }
  [[nodiscard]] std::uint32_t combinations() const {
    return static_cast<std::uint32_t>(combinations_.size());
  }
  [[nodiscard]] const Traits& traits(std::uint32_t combination) const {
    return combinations_[combination].traits;
  }

  // The number of its config among the eras.
  [[nodiscard]] std::uint32_t era(std::uint32_t combination) const { return combinations_[combination].era; }
  // Combinations that differ in nothing that decides what is expected are one strand.
  [[nodiscard]] std::uint32_t strand(std::uint32_t combination) const {
    return combinations_[combination].strand;
  }
  [[nodiscard]] std::uint32_t strands() const { return static_cast<std::uint32_t>(strand_of_key_.size()); }
  // By slot, then by strand; those at the end may be left out.
  [[nodiscard]] const std::vector<std::vector<SlotCount>>& slots() const { return slots_; }

  [[nodiscard]] const GapTally& gaps() const { return gaps_; }
  // Whether a sensor has a reading that is not later than the one before it.
  [[nodiscard]] bool goes_back() const { return goes_back_; }
  [[nodiscard]] DailyCurves curves() const;
  [[nodiscard]] std::optional<Timestamp> oldest_unsynced() const;

 private:
  struct Combination {
    Traits traits;
    std::uint32_t location_class;
    std::uint32_t era;
    std::uint32_t strand;
  };

  std::uint32_t number_of(std::string_view id);
  Cell& cell_of(std::uint32_t sensor, const Traits& traits, std::uint32_t era, bool is_new);
  std::uint32_t intern(const Traits& traits, std::uint32_t era);
  SlotCount& count_of(std::size_t slot, std::uint32_t strand);
  void follow(std::uint32_t sensor, Timestamp next);
  void follow(std::uint32_t sensor, const Sensor& theirs);
  void learn(std::uint32_t sensor, Microseconds period, Timestamp end);
  void judge_spacing(std::uint32_t sensor, Timestamp last, Timestamp next, Microseconds period);
  [[nodiscard]] std::uint32_t run_at(Timestamp at) const;
  [[nodiscard]] Microseconds usual_period() const;  // of sensors without a rate of their own

  const TallyContext* context_;
  TextIndex ids_;
  std::vector<Sensor> sensors_;
  std::uint32_t previous_ = 0;  // the sensor of the latest reading
  std::vector<Cell> cells_;
  std::unordered_map<std::uint64_t, std::uint32_t> cell_by_key_;  // of sensors that have had several
  TextIndex texts_;
  using Key = std::array<std::uint32_t, trait_count + 1>;  // with the era; of a strand, with the class
  std::map<Key, std::uint32_t> number_of_combination_;
  std::map<Key, std::uint32_t> strand_of_key_;
  std::vector<Combination> combinations_;
  TextIndex classes_;
  std::vector<DailyCurve> curves_;  // by class
  course::PieceOfTime era_;
  course::PieceOfTime slot_;
  zones::HourOfDay hour_;
  std::vector<std::vector<SlotCount>> slots_;
  GapTally gaps_;
  bool goes_back_ = false;
  Timestamp oldest_unsynced_ = std::numeric_limits<Timestamp>::max();
};

}  // namespace fleet_sim::report
