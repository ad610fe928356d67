// The books of a run: every reading that was due is accounted for, so a loss cannot be silent.
//
//   due                    = generated + skipped + silent
//   generated + duplicates = written + missing + dropped + undelivered + pending + lost + rejected
//                            + unconfirmed + found
//
// Any thread adds, with relaxed atomics; the totals are exact once the threads that add have stopped.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/terms.h"
#include "base/timestamp.h"

namespace fleet_sim {

enum class LossReason : std::uint8_t { backlog_full, storage_failed_at_stop, rows_differ, reader_left };
inline constexpr std::array<std::string_view, 4> loss_reason_names{"backlog_full", "storage_failed_at_stop",
                                                                   "rows_differ", "reader_left"};

// Versions of firmware that are counted one by one. The last stands for all others.
inline constexpr std::size_t most_firmwares = 12;
template <class T>
using PerFirmware = std::array<T, most_firmwares>;

// Readings that were taken of sensors with one firmware, whether there is a row or not.
struct FirmwareCounts {
  std::uint64_t readings = 0;
  std::uint64_t anomalous = 0;
  std::uint64_t injected = 0;  // of these, in anomalies that somebody injected or a scenario began
  double expected = 0;         // how many of the readings should be in one of the others

  FirmwareCounts& operator+=(const FirmwareCounts& other) {
    readings += other.readings;
    anomalous += other.anomalous;
    injected += other.injected;
    expected += other.expected;
    return *this;
  }
};

// Rows that a file lacks although it has later ones.
struct Loss {
  std::string_view reason;                 // by the name that it has in the books
  Timestamp since;                         // due time of the first, and …
  Timestamp until;                         // … of the last, at the latest
  std::optional<std::uint64_t> rows = {};  // none: nobody knows how many would have been in the file

  bool operator==(const Loss&) const = default;
};

// The totals at one moment.
struct Books {
  std::uint64_t due = 0;
  std::uint64_t skipped = 0;  // due because the writers could not keep up, and left out
  std::uint64_t silent = 0;   // due of sensors that a scenario keeps silent, or away
  std::uint64_t generated = 0;
  std::uint64_t missing = 0;      // due, and left out by an anomaly that takes rows
  std::uint64_t dropped = 0;      // by delivery
  std::uint64_t undelivered = 0;  // late or held, and not there yet
  std::uint64_t duplicates = 0;   // rows that delivery brings once more
  std::uint64_t written = 0;      // committed
  std::uint64_t found = 0;        // already in the files, from before the run was resumed
  std::uint64_t rejected = 0;     // the target takes the others, but not these
  std::uint64_t unconfirmed = 0;  // sent and never answered, as the run ended: they may be there
  std::array<std::uint64_t, loss_reason_names.size()> lost_by_reason{};

  // Not part of the equations, which are about readings.
  std::uint64_t anomalies = 0;  // begun
  PerAnomalyType<std::uint64_t> anomalies_by_type{};
  std::uint64_t events_lost = 0;              // of their records, those that no file has …
  std::uint64_t events_unconfirmed = 0;       // … and those that were sent and never answered
  std::uint64_t resent = 0;                   // readings sent once more, because an answer was lost
  PerFirmware<FirmwareCounts> by_firmware{};  // by its number in the Roster

  [[nodiscard]] std::uint64_t lost() const;
  // Readings that are not there, or perhaps not, although somebody wants them.
  [[nodiscard]] std::uint64_t not_written() const { return lost() + rejected + unconfirmed - unwanted(); }
  // Behind all that was written.
  [[nodiscard]] std::uint64_t lost_at_stop() const {
    return lost_by_reason[static_cast<std::size_t>(LossReason::storage_failed_at_stop)];
  }
  // By a reader who has had enough.
  [[nodiscard]] std::uint64_t unwanted() const {
    return lost_by_reason[static_cast<std::size_t>(LossReason::reader_left)];
  }
  // Never below zero, although the counters are read one after the other while they move.
  [[nodiscard]] std::uint64_t pending() const {
    const std::uint64_t settled =
        written + missing + dropped + undelivered + lost() + rejected + unconfirmed + found;
    return generated + duplicates > settled ? generated + duplicates - settled : 0;
  }

  // Which equation does not hold at a stop, where nothing may be pending; empty when all do. `expected_due`
  // is the number of readings that were due by arithmetic alone, `held` the rows still held in memory.
  [[nodiscard]] std::string imbalance(std::uint64_t expected_due, std::uint64_t held) const;
};

// Why a reading that was due has no row: one list, from which summaries, the manifest and the page about the
// data are made.
struct RowAbsence {
  std::string_view name;  // in the books, in summaries and in the figures of a run
  std::uint64_t (*count)(const Books&);
  std::string_view why;
  std::string_view truth;    // table
  std::string_view briefly;  // behind the count; none: what happened says more
};

inline constexpr std::array<RowAbsence, 8> row_absences{{
    {"skipped", [](const Books& books) { return books.skipped; },
     "the writers could not keep up, with `simulation.overload: skip`", "run_losses",
     "because the writers could not keep up"},
    {"silent", [](const Books& books) { return books.silent; },
     "a scenario keeps the sensor silent, has yet to bring it, or has taken it away", "fleet_events",
     "kept back by the scenario"},
    {"missing", [](const Books& books) { return books.missing; },
     "a `missing_data`, `dropout` or `aging` anomaly takes it", "anomaly_events", ""},
    {"dropped", [](const Books& books) { return books.dropped; }, "delivery drops it", "deliveries",
     "by delivery"},
    {"undelivered", [](const Books& books) { return books.undelivered; },
     "it is late or held, and had not arrived when the run ended", "deliveries", "late or held"},
    {"lost", [](const Books& books) { return books.lost(); }, "storage gave up", "run_losses", ""},
    {"rejected", [](const Books& books) { return books.rejected; },
     "a server does not take it, however often it is offered", "run.json", "by the server"},
    {"unconfirmed", [](const Books& books) { return books.unconfirmed; },
     "it was sent and not answered before the run ended, so it may be there all the same", "run.json",
     "sent and never answered"},
}};

class Ledger {
 public:
  void due(std::uint64_t n) { add(due_, n); }
  void generated(std::uint64_t n) { add(generated_, n); }
  void skipped(std::uint64_t n) { add(skipped_, n); }
  void silent(std::uint64_t n) { add(silent_, n); }
  void missing(std::uint64_t n) { add(missing_, n); }
  void dropped(std::uint64_t n) { add(dropped_, n); }
  void duplicates(std::uint64_t n) { add(duplicates_, n); }
  // So many more wait to be delivered, or fewer.
  void undelivered(std::int64_t more) { add(undelivered_, static_cast<std::uint64_t>(more)); }
  void written(std::uint64_t n) { add(written_, n); }
  void found(std::uint64_t n) { add(found_, n); }
  void anomalies(const PerAnomalyType<std::uint64_t>& begun) {
    for (std::size_t k = 0; k < anomaly_type_count; ++k) {
      if (begun[k] > 0) add(anomalies_[k], begun[k]);
    }
  }
  void taken(const PerFirmware<FirmwareCounts>& by_firmware) {
    for (std::size_t i = 0; i < most_firmwares; ++i) {
      if (by_firmware[i].readings > 0) firmwares_[i].add(by_firmware[i]);
    }
  }
  void rejected(std::uint64_t n) { add(rejected_, n); }
  void unconfirmed(std::uint64_t n) { add(unconfirmed_, n); }
  void resent(std::uint64_t n) { add(resent_, n); }
  void events_lost(std::uint64_t n) { add(events_lost_, n); }
  void events_unconfirmed(std::uint64_t n) { add(events_unconfirmed_, n); }
  void lost(LossReason reason, std::uint64_t n) { add(lost_[static_cast<std::size_t>(reason)], n); }

  [[nodiscard]] Books books() const;

  // Notes that readings due from `since` to `until` have been skipped; called before any later row is handed
  // over.
  void skips(Timestamp since, Timestamp until);
  // All of that in one; none: nothing has been skipped.
  [[nodiscard]] std::optional<Loss> skips() const;

 private:
  using Counter = std::atomic<std::uint64_t>;
  static void add(Counter& counter, std::uint64_t n) { counter.fetch_add(n, std::memory_order_relaxed); }
  struct FirmwareCounters {
    Counter readings{0};
    Counter anomalous{0};
    Counter injected{0};
    std::atomic<double> expected{0};

    void add(const FirmwareCounts& more);
    [[nodiscard]] FirmwareCounts counts() const;
  };

  Counter due_{0};
  Counter generated_{0};
  Counter skipped_{0};
  Counter silent_{0};
  Counter missing_{0};
  Counter dropped_{0};
  Counter undelivered_{0};
  Counter duplicates_{0};
  Counter written_{0};
  Counter found_{0};
  Counter rejected_{0};
  Counter unconfirmed_{0};
  Counter resent_{0};
  PerAnomalyType<Counter> anomalies_{};
  PerFirmware<FirmwareCounters> firmwares_{};
  Counter events_lost_{0};
  Counter events_unconfirmed_{0};
  std::array<Counter, loss_reason_names.size()> lost_{};
  std::atomic<Timestamp> skipped_since_{latest_timestamp};
  std::atomic<Timestamp> skipped_until_{earliest_timestamp};
};

}  // namespace fleet_sim
