// The events of shards in figures: for each type of anomaly how many there were and why, and how severe the
// graded ones were. Values; one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/anomaly_types.h"

namespace fleet_sim::report {

// One value for each reason why anomalies come, indexed by the enumerators.
template <class T>
using PerAnomalyCause = std::array<T, anomaly_cause_names.size()>;

struct SeverityTally {
  std::uint64_t events = 0;  // that have one
  double sum = 0;
  double least = 0;
  double most = 0;

  void add(double severity) { *this += {1, severity, severity, severity}; }
  SeverityTally& operator+=(const SeverityTally& other);
  // Of at least one event.
  [[nodiscard]] double mean() const { return sum / static_cast<double>(events); }
};

struct TypeEvents {
  PerAnomalyCause<std::uint64_t> by_cause{};
  SeverityTally severity;

  [[nodiscard]] std::uint64_t all() const;
  TypeEvents& operator+=(const TypeEvents& other);
};

class EventTally {
 public:
  void add(AnomalyType type, AnomalyCause cause, const std::optional<double>& severity);
  EventTally& operator+=(const EventTally& other);

  [[nodiscard]] const TypeEvents& operator[](std::size_t type) const { return types_[type]; }
  [[nodiscard]] std::uint64_t count_of(AnomalyCause cause) const;
  // Whether all were drawn and none has a severity: then there is nothing more to say of them than what the
  // readings do.
  [[nodiscard]] bool is_plain() const;

 private:
  PerAnomalyType<TypeEvents> types_{};
};

}  // namespace fleet_sim::report
