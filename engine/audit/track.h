// What is known of a sensor of a run: when its readings are due, which of them the run did not write, and the
// anomalies it was in. Readings of a sensor are numbered from 0 on, those that are due without a break
// between them, whatever its rate was. Plain values, made by one walk over the run (walk.h); any thread reads
// them afterwards. 24 bytes for each stretch of readings without a row, 80 for each anomaly.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cadence.h"
#include "base/timestamp.h"
#include "batch/values.h"
#include "history/rebuilt_run.h"
#include "model/anomaly.h"

namespace fleet_sim::audit {

// Readings in a row that are due at one cadence.
struct Segment {
  Timestamp first_due;    // of the cadence, in the run, and …
  std::uint64_t skipped;  // … how many are due before those of the segment
  std::uint64_t first;    // number of the first reading
  std::uint64_t count;
  Cadence cadence;

  [[nodiscard]] Timestamp due(std::uint64_t number) const {
    return first_due + cadence.offset(number - first + skipped);
  }
};

// Readings in a row that have no row.
struct Absence {
  std::uint64_t first;
  std::uint64_t count;
  bool is_dropped = false;  // by delivery

  [[nodiscard]] std::uint64_t end() const { return first + count; }
};

// From when to when a sensor was in an anomaly.
struct KeptAnomaly {
  model::Anomaly anomaly;
  Timestamp until;  // inclusive
};

struct Track {
  std::string_view id;
  std::uint64_t key = 0;
  std::uint32_t part = 0;
  const history::RebuiltRun::Life* life = nullptr;
  std::vector<Segment> segments;
  std::uint64_t readings = 0;        // due in all
  std::uint64_t next = 0;            // of the walk
  std::uint64_t rows_until = 0;      // behind the latest that has a row; later ones may have been dropped
  std::vector<Absence> absences;     // in order, none touches another of its kind
  std::vector<KeptAnomaly> kept;     // in order
  std::vector<std::uint64_t> twice;  // readings that delivery brought once more; sorted after the walk
  std::vector<std::pair<std::uint64_t, batch::Values>> odd;  // readings that are not what is worked out
  // When readings were due that the run, which broke off or goes on, may not have written; apart from each
  // other.
  struct Unsure {
    Timestamp from;
    Timestamp to;

    auto operator<=>(const Unsure&) const = default;
  };
  std::vector<Unsure> unsure;
  std::uint64_t out_of_order = 0;  // rows that the run itself wrote after a later one
  std::uint64_t first_bit = 0;     // of its presence

  [[nodiscard]] Timestamp due(std::uint64_t number) const;
  // Numbers of the readings due from `from` to before `to`: the first, and the one after the last.
  struct Span {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
  };
  [[nodiscard]] Span due_between(Timestamp from, Timestamp to) const;
  [[nodiscard]] std::optional<std::uint64_t> find(Timestamp due) const;

  [[nodiscard]] const Absence* absence_of(std::uint64_t number) const;
  [[nodiscard]] const model::Anomaly* anomaly_at(Timestamp at) const;
  [[nodiscard]] bool is_twice(std::uint64_t number) const;

  // In the walk: the reading has its row, has it once more, or was dropped.
  void note_row(std::uint64_t number);
  void note_drop(std::uint64_t number);
  // A row that arrived so late may not have been written.
  void note_late(Timestamp due, Timestamp arrived);
  // Every other reading has none.
  void finish();
  // Forgets all readings due at `until` or later.
  void cut(Timestamp until);

 private:
  void skip_to(std::uint64_t number);
  void fill(std::uint64_t number);
};

}  // namespace fleet_sim::audit
