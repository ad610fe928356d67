#include "write/found_rows.h"

#include <algorithm>
#include <bit>

#include "base/cadence.h"
#include "base/random.h"

namespace fleet_sim::write {
namespace {

std::uint64_t hash_of(std::span<const double> values, std::string_view anomaly) {
  std::uint64_t hash = hash_text(anomaly);
  for (const double value : values) hash = mix_words(hash, std::bit_cast<std::uint64_t>(value));
  return hash;
}

}  // namespace

std::size_t FoundRows::HashKey::operator()(const Key& key) const {
  return mix_words(key.sensor, static_cast<std::uint64_t>(key.at));
}

std::uint64_t FoundRows::key_of(std::uint32_t sensor, Timestamp started_at, std::string_view name) {
  return mix_words(mix_words(sensor, static_cast<std::uint64_t>(started_at)), hash_text(name));
}

void FoundRows::add(std::uint32_t sensor, Timestamp due, Timestamp arrived_at, std::span<const double> values,
                    std::string_view anomaly) {
  last_ = std::max(last_, arrived_at);
  Found& found = readings_[{sensor, due}];
  found = {hash_of(values, anomaly), arrived_at, found.copies + 1};
}

void FoundRows::add(std::uint32_t sensor, Timestamp due, Timestamp arrived_at) {
  last_ = std::max(last_, arrived_at);
  Found& found = readings_[{sensor, due}];
  found = {std::nullopt, arrived_at, found.copies + 1};
}

void FoundRows::keep_last_second() {
  if (!readings_.empty()) keep_from(last_ - longest_window);
}

void FoundRows::keep_from(Timestamp complete_until) {
  complete_until_ = complete_until;
  last_ = std::max(last_, complete_until);
  std::erase_if(readings_, [this](const auto& entry) { return entry.second.arrived_at < complete_until_; });
}

bool FoundRows::has_reading(std::uint32_t sensor, Timestamp due) const {
  return due < complete_until_ || readings_.contains({sensor, due});
}

FoundRows::Verdict FoundRows::judge(const batch::Row& reading) const {
  const Timestamp arrived_at = reading.arrives_at();
  if (arrived_at < complete_until_) return Verdict::present;
  if (arrived_at > last_) return Verdict::absent;
  const auto found = readings_.find({sensor_of(reading.sensor), reading.due});
  if (found == readings_.end()) return Verdict::absent;
  if (!found->second.hash) return Verdict::present;
  const std::string_view anomaly = reading.anomaly ? name_of(*reading.anomaly) : std::string_view();
  return found->second.hash == hash_of(reading.values, anomaly) ? Verdict::present : Verdict::different;
}

FoundRows::Verdict FoundRows::take(const batch::Row& reading) {
  const Verdict verdict = judge(reading);
  if (verdict == Verdict::absent || reading.arrival == nullptr) return verdict;
  const auto found = readings_.find({sensor_of(reading.sensor), reading.due});
  if (found == readings_.end()) return verdict;  // from before the last second
  return found->second.taken++ < found->second.copies ? verdict : Verdict::absent;
}

bool FoundRows::has_end(const batch::AnomalyEvent& event) const {
  return ends_.contains({sensor_of(event.sensor), event.started_at});
}

bool FoundRows::is_outdated(const batch::AnomalyEvent& event) const {
  return event.kind == batch::AnomalyEvent::Kind::progressed && event.as_of <= last_ &&
         ended_.contains({sensor_of(event.sensor), event.started_at});
}

bool FoundRows::has_event(const batch::AnomalyEvent& event) const {
  return events_.contains({sensor_of(event.sensor), event.started_at});
}

bool FoundRows::has_delivery(const batch::Delivery& delivery) const {
  return deliveries_[index_of(delivery.kind)].contains(
      {sensor_of(delivery.sensor), moment_of(delivery.due, delivery.sequence)});
}

Timestamp FoundRows::moment_of(Timestamp due, std::uint64_t sequence) {
  return static_cast<Timestamp>(mix_words(static_cast<std::uint64_t>(due), sequence));
}

}  // namespace fleet_sim::write
