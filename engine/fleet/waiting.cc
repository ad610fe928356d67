#include "fleet/waiting.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <utility>

namespace fleet_sim::fleet {

void Hold::add(std::uint64_t number, const model::Sensor& before, const model::Sensor& after,
               const delivery::How& how, std::uint16_t overlay, const Then& then) {
  const auto goes_on = [&](const Span& span) {
    return span.next + span.readings == number && span.how == &how && span.overlay == overlay &&
           left_ == state_of(before) && span.then == then;
  };
  if (front() != nullptr && goes_on(spans_.back())) {
    ++spans_.back().readings;
  } else {
    spans_.push_back({number, 1, before, &how, overlay, then});
  }
  left_ = state_of(after);
  ++readings_;
}

void Hold::take_front() {
  Span& span = spans_[taken_];
  ++span.next;
  if (--span.readings == 0) ++taken_;
}

Timestamp OfSensor::earliest_due(Timestamp at) const {
  for (const LateReading& one : late) {
    if (one.reading) at = std::min(at, one.reading->due);
  }
  return at;
}

Timestamp OfSensor::quiet_until() const {
  if (how != nullptr || hold) return earliest_timestamp;
  Timestamp first = latest_timestamp;
  for (const LateReading& one : late) first = std::min(first, one.arrives_at);
  return first;
}

std::optional<LateReading> OfSensor::take_late(Timestamp slot) {
  const auto first = std::ranges::min_element(late, {}, &LateReading::arrives_at);
  if (first == late.end() || first->arrives_at > slot) return std::nullopt;
  LateReading taken = std::move(*first);
  late.erase(first);
  return taken;
}

OfSensor& Waiting::of(std::size_t place, std::uint64_t key) {
  std::unique_ptr<OfSensor>& sensor = sensors_[place];
  if (!sensor && spare_.empty()) {
    sensor = std::make_unique<OfSensor>(key);
    sensor->late.reserve(OfSensor::most_late);
  } else if (!sensor) {
    sensor = std::move(spare_.back());
    spare_.pop_back();
    sensor->key = key;
  }
  assert(sensor->key == key);
  return *sensor;
}

void Waiting::forget(std::size_t place) {
  std::unique_ptr<OfSensor> sensor = std::move(sensors_[place]);
  if (!sensor) return;
  sensor->late.clear();
  sensor->hold.reset();
  sensor->how = nullptr;
  sensor->until = latest_timestamp;
  spare_.push_back(std::move(sensor));
}

void Waiting::forget_rows(std::size_t place) {
  if (!sensors_[place]) return;
  sensors_[place]->late.clear();
  sensors_[place]->hold.reset();
  forget_if_empty(place);
}

const delivery::How& Waiting::intern(const scenario::Deliver& said) {
  const delivery::How how(usual_, said);
  const auto known = std::ranges::find(hows_, how);
  return known != hows_.end() ? *known : hows_.emplace_back(how);
}

bool Waiting::holds_any() const {
  return std::ranges::any_of(sensors_, [](const auto& sensor) { return sensor && sensor->hold; });
}

void Waiting::seat(const std::vector<model::Sensor>& sensors) {
  std::unordered_map<std::uint64_t, std::unique_ptr<OfSensor>> known;
  for (std::unique_ptr<OfSensor>& sensor : sensors_) {
    if (sensor) known.emplace(sensor->key, std::move(sensor));
  }
  sensors_.clear();
  sensors_.resize(sensors.size());
  if (known.empty()) return;
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    if (const auto found = known.find(sensors[i].key); found != known.end())
      sensors_[i] = std::move(found->second);
  }
}

}  // namespace fleet_sim::fleet
