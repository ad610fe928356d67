// Where readings are absent although their sensor should have been read: the events of a shard that take
// rows, which explain most of them, and what is left, the gaps. Values; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/anomaly_types.h"
#include "base/timestamp.h"
#include "report/text_index.h"

namespace fleet_sim::report {

// An event. 32 bytes, because a shard may hold many.
struct EventSpan {
  std::uint32_t sensor;    // number in the shard's EventSpans
  std::uint32_t readings;  // that it affected
  Timestamp from;
  Timestamp until;  // latest_timestamp while it is open
  AnomalyType type;
};
static_assert(sizeof(EventSpan) <= 32);

// Some or all of a shard. Filled, sorted, then only read, by any number of threads.
class EventSpans {
 public:
  void add(std::string_view sensor_id, const EventSpan& span);
  void sort();

  [[nodiscard]] const std::vector<EventSpan>& all() const { return spans_; }
  [[nodiscard]] std::string_view sensor_id(const EventSpan& span) const { return sensors_[span.sensor]; }

  // Of the readings due between two that are there, `spacings` apart, how many lie in a span of an event that
  // takes rows, if these are all that do.
  [[nodiscard]] std::uint64_t count_between(std::string_view sensor_id, Timestamp last, Timestamp next,
                                            std::uint64_t spacings) const;

  // Whether a sensor was in one of them at that moment, if no two of its events overlap.
  [[nodiscard]] bool hold(std::string_view sensor_id, Timestamp at) const;

 private:
  TextIndex sensors_;
  std::vector<EventSpan> spans_;
};

// More than one and a half periods between two readings of a sensor, within one run. Its period is not in the
// files: it is the shortest spacing that the run shows.
struct Gap {
  std::string sensor_id;
  Timestamp from = 0;
  Timestamp until = 0;
  std::uint64_t readings = 0;  // that should have been there, and that no event explains

  [[nodiscard]] Microseconds length() const { return until - from; }
};

struct GapTally {
  static constexpr std::size_t longest_kept = 10;

  std::uint64_t count = 0;
  std::uint64_t readings = 0;
  Microseconds length = 0;         // of all, from reading to reading
  std::uint64_t between_runs = 0;  // times a sensor paused from one run to the next: counted apart
  Microseconds between_runs_length = 0;
  std::vector<Gap> longest;  // the longest first; ties by time, then sensor

  void add(Gap gap);
  GapTally& operator+=(const GapTally& other);

 private:
  void keep_if_long(Gap gap);
};

}  // namespace fleet_sim::report
