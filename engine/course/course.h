// What happened to the fleets of a report's runs, and when: their scenarios' entries, reloads, injected
// anomalies. Read from all shards before their rows, because the rows are counted by the pieces of time that
// follow: stretches between two changes of the fleet, and slots, into which stretches are cut for a plot.
// A value; made by threads of its own, then only read. Shards that cannot be read are left out.
//
// Bounds: `most_marks` marks, `most_stretches` stretches, and `usual_slots` slots more than these.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/timestamp.h"
#include "data/data_directory.h"
#include "data/run_configs.h"

namespace fleet_sim::course {

// Something that happened. What changes the fleet begins a stretch; injections do not.
struct Mark {
  enum class Kind : std::uint8_t { scenario, reload, injection };

  Timestamp at = 0;
  std::optional<Timestamp> until = {};  // of what ends
  Kind kind = Kind::scenario;
  std::string name = {};    // of the entry
  std::string what = {};    // "set: {firmware_version: 1.4}, wave 1 of 3"; what a reload changed
  std::uint64_t count = 0;  // of anomalies that were injected; of sensors that were reached from then on

  bool operator==(const Mark&) const = default;
};
std::string_view name_of(Mark::Kind kind);

// Which piece of time a moment lies in, by where each begins. The last one that was asked for is looked at
// first, because readings come almost in order.
class PieceOfTime {
 public:
  std::uint32_t of(const std::vector<Timestamp>& begins, Timestamp at) {
    const bool is_the_same = at >= begins[piece_] && (piece_ + 1 == begins.size() || at < begins[piece_ + 1]);
    if (!is_the_same)
      piece_ = static_cast<std::uint32_t>(std::ranges::upper_bound(begins, at) - begins.begin() - 1);
    return piece_;
  }

 private:
  std::uint32_t piece_ = 0;
};

struct Course {
  static constexpr std::size_t most_marks = 1'000;
  static constexpr std::size_t most_stretches = 40;
  static constexpr std::size_t usual_slots = 96;

  std::vector<Mark> marks;         // by time
  std::size_t marks_left_out = 0;  // of more than that
  // Where each begins, rising; the first ones have no beginning.
  std::vector<Timestamp> stretches = {std::numeric_limits<Timestamp>::min()};
  std::vector<Timestamp> slots = {std::numeric_limits<Timestamp>::min()};
};

Course read_course(const data::Sources& sources, data::RunConfigs& configs);

// The marks of a run's scenario between two moments: under `config` from `from` on until the next config.
void add_marks(const config::Config& config, Timestamp start, Timestamp from, Timestamp until,
               std::vector<Mark>& marks);

// Cuts the time from `first` to `last` at what changes the fleet.
void cut(Course& course, Timestamp first, Timestamp last);

}  // namespace fleet_sim::course
