// The state of a run at one moment, as plain numbers: what the progress line, the summary and later the
// status API show. Taken by the simulator; a value that any thread may keep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.h"
#include "base/ledger.h"
#include "base/timestamp.h"

namespace fleet_sim::status {

// What a rate is taken over: the commits of a paced run come in beats of the flush interval.
inline constexpr double rate_span_seconds = 3;

// A reload that was carried out or refused.
struct ReloadRecord {
  Timestamp at = 0;  // wall clock
  bool accepted = false;
  std::string what;                           // "config", "identities" or "scenario"
  std::string detail;                         // what changed from what to what, or why it was refused
  std::string entry = {};                     // that was to be added to the scenario …
  std::optional<std::uint64_t> sensors = {};  // … and how many sensors it meets, as far as that is known
};

struct ReloadHistory {
  static constexpr std::size_t kept = 20;

  std::vector<ReloadRecord> last;  // oldest first
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::uint64_t turned_away = 0;     // entries for the scenario, because too many were waiting
  std::size_t refused_files = 0;     // of identities, in which something is wrong now
  std::vector<std::string> refused;  // the first of them, each with the reason
};

struct Snapshot {
  double elapsed_seconds = 0;               // real time since the first reading could be due
  std::optional<double> simulated_seconds;  // simulated time that has been covered
  Timestamp reached = 0;                    // simulated
  std::optional<double> simulated_total;    // none: runs until stopped
  std::optional<double> speed = 1;          // of the clock; none: as fast as it goes
  // Simulated time by which the fleet is behind its clock, while it fills history to catch up with it.
  std::optional<double> history_left;
  std::optional<std::uint64_t> counted;  // the count of readings that the run has come to and ends with

  bool cut_short = false;  // of a run that has ended: a signal stopped it before its end

  Books books;
  std::size_t sensors = 0;
  std::size_t shards = 0;
  std::size_t writers = 0;
  unsigned cores = 0;  // that the process may use
  std::uint64_t files_written = 0;
  PerErrorClass errors{};
  std::uint64_t readings_deleted = 0;  // by database.retention
  std::uint64_t events_deleted = 0;

  // From due to commit, real time; of nothing that was history.
  Microseconds lag_p50 = 0;
  Microseconds lag_p99 = 0;
  Microseconds lag_max = 0;

  ReloadHistory reloads;

  double writer_busy_share = 0;        // of the busiest writer
  double furthest_behind_seconds = 0;  // the fleet behind its clock, at most, while it was paced
  std::uint64_t peak_memory_bytes = 0;

  // Whether what it reads may be late.
  [[nodiscard]] bool keeps_pace() const { return speed && !history_left; }
};

inline constexpr std::string_view filling_history = "filling history";

// Real time until the run ends or, while it fills history, until that is filled, judged by its pace; none if
// it cannot be judged.
std::optional<double> seconds_left(const Snapshot& now);

}  // namespace fleet_sim::status
