#include "report/event_tally.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fleet_sim::report {

SeverityTally& SeverityTally::operator+=(const SeverityTally& other) {
  if (other.events == 0) return *this;
  least = events == 0 ? other.least : std::min(least, other.least);
  most = events == 0 ? other.most : std::max(most, other.most);
  events += other.events;
  sum += other.sum;
  return *this;
}

std::uint64_t TypeEvents::all() const {
  return std::accumulate(by_cause.begin(), by_cause.end(), std::uint64_t{0});
}

TypeEvents& TypeEvents::operator+=(const TypeEvents& other) {
  for (std::size_t i = 0; i < by_cause.size(); ++i) by_cause[i] += other.by_cause[i];
  severity += other.severity;
  return *this;
}

void EventTally::add(AnomalyType type, AnomalyCause cause, const std::optional<double>& severity) {
  TypeEvents& events = types_[fleet_sim::index_of(type)];
  ++events.by_cause[static_cast<std::size_t>(cause)];
  if (severity && std::isfinite(*severity)) events.severity.add(*severity);
}

EventTally& EventTally::operator+=(const EventTally& other) {
  for (std::size_t k = 0; k < types_.size(); ++k) types_[k] += other.types_[k];
  return *this;
}

std::uint64_t EventTally::count_of(AnomalyCause cause) const {
  std::uint64_t count = 0;
  for (const TypeEvents& events : types_) count += events.by_cause[static_cast<std::size_t>(cause)];
  return count;
}

bool EventTally::is_plain() const {
  return std::ranges::all_of(types_, [](const TypeEvents& events) {
    return events.severity.events == 0 &&
           events.all() == events.by_cause[static_cast<std::size_t>(AnomalyCause::drawn)];
  });
}

}  // namespace fleet_sim::report
