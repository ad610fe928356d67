#include "base/ledger.h"

#include <fmt/format.h>

#include <numeric>

namespace fleet_sim {

std::uint64_t Books::lost() const {
  return std::accumulate(lost_by_reason.begin(), lost_by_reason.end(), std::uint64_t{0});
}

std::string Books::imbalance(std::uint64_t expected_due, std::uint64_t held) const {
  if (due != expected_due) return fmt::format("due {}, but by arithmetic {}", due, expected_due);
  if (due != generated + skipped + silent) {
    return fmt::format("due {} != generated {} + skipped {} + silent {}", due, generated, skipped, silent);
  }
  const std::uint64_t accounted =
      written + missing + dropped + undelivered + held + lost() + rejected + unconfirmed + found;
  if (generated + duplicates != accounted) {
    const bool is_delivered = dropped + undelivered + duplicates > 0;
    const std::string delivery =
        is_delivered ? fmt::format(" + dropped {} + undelivered {}", dropped, undelivered) : std::string();
    const std::string answers = rejected + unconfirmed > 0
                                    ? fmt::format(" + rejected {} + unconfirmed {}", rejected, unconfirmed)
                                    : std::string();
    return fmt::format("generated {}{} != written {} + missing {}{} + pending {} + lost {}{} + found {}",
                       generated, is_delivered ? fmt::format(" + duplicates {}", duplicates) : "", written,
                       missing, delivery, held, lost(), answers, found);
  }
  return {};
}

Books Ledger::books() const {
  Books books;
  for (std::size_t i = 0; i < lost_.size(); ++i)
    books.lost_by_reason[i] = lost_[i].load(std::memory_order_relaxed);
  books.written = written_.load(std::memory_order_relaxed);
  books.found = found_.load(std::memory_order_relaxed);
  books.rejected = rejected_.load(std::memory_order_relaxed);
  books.unconfirmed = unconfirmed_.load(std::memory_order_relaxed);
  books.resent = resent_.load(std::memory_order_relaxed);
  books.missing = missing_.load(std::memory_order_relaxed);
  books.dropped = dropped_.load(std::memory_order_relaxed);
  books.undelivered = undelivered_.load(std::memory_order_relaxed);
  books.generated = generated_.load(std::memory_order_relaxed);
  books.silent = silent_.load(std::memory_order_relaxed);
  books.duplicates = duplicates_.load(std::memory_order_relaxed);
  books.skipped = skipped_.load(std::memory_order_relaxed);
  books.due = due_.load(std::memory_order_relaxed);
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    books.anomalies_by_type[k] = anomalies_[k].load(std::memory_order_relaxed);
    books.anomalies += books.anomalies_by_type[k];
  }
  for (std::size_t i = 0; i < most_firmwares; ++i) books.by_firmware[i] = firmwares_[i].counts();
  books.events_lost = events_lost_.load(std::memory_order_relaxed);
  books.events_unconfirmed = events_unconfirmed_.load(std::memory_order_relaxed);
  return books;
}

void Ledger::FirmwareCounters::add(const FirmwareCounts& more) {
  readings.fetch_add(more.readings, std::memory_order_relaxed);
  anomalous.fetch_add(more.anomalous, std::memory_order_relaxed);
  injected.fetch_add(more.injected, std::memory_order_relaxed);
  expected.fetch_add(more.expected, std::memory_order_relaxed);
}

FirmwareCounts Ledger::FirmwareCounters::counts() const {
  return {readings.load(std::memory_order_relaxed), anomalous.load(std::memory_order_relaxed),
          injected.load(std::memory_order_relaxed), expected.load(std::memory_order_relaxed)};
}

// The end first: whoever sees that something has been skipped sees until when.
void Ledger::skips(Timestamp since, Timestamp until) {
  Timestamp latest = skipped_until_.load(std::memory_order_relaxed);
  while (until > latest && !skipped_until_.compare_exchange_weak(latest, until, std::memory_order_relaxed)) {
  }
  Timestamp earliest = skipped_since_.load(std::memory_order_relaxed);
  while (since < earliest &&
         !skipped_since_.compare_exchange_weak(earliest, since, std::memory_order_release)) {
  }
}

std::optional<Loss> Ledger::skips() const {
  const Timestamp since = skipped_since_.load(std::memory_order_acquire);
  if (since == latest_timestamp) return std::nullopt;
  return Loss{"skipped", since, skipped_until_.load(std::memory_order_relaxed)};
}

}  // namespace fleet_sim
