#include "fleet/waiting.h"

#include <algorithm>
#include <utility>

#include "delivery/fate.h"

namespace fleet_sim::fleet {
namespace {

// Whether a sensor was left as it is, so that it goes on from there.
bool is_same(const model::Sensor& was, const model::Sensor& is) {
  return was.identity == is.identity && was.profile == is.profile && was.shared == is.shared &&
         was.anomaly.started_at == is.anomaly.started_at && was.anomaly.ended_at == is.anomaly.ended_at &&
         was.anomaly.active() == is.anomaly.active();
}

}  // namespace

void Hold::add(std::uint64_t number, const model::Sensor& before, const model::Sensor& after,
               const scenario::Deliver& how, std::uint16_t overlay, Then then) {
  const auto goes_on = [&](const Span& span) {
    return span.next + span.readings == number && span.how == &how && span.overlay == overlay &&
           span.then == then && is_same(after_, before);
  };
  if (front() != nullptr && goes_on(spans_.back())) {
    ++spans_.back().readings;
  } else {
    spans_.push_back({number, 1, before, &how, overlay, std::move(then)});
  }
  after_ = after;
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

std::optional<LateReading> OfSensor::take_late(Timestamp slot) {
  const auto first = std::ranges::min_element(late, {}, &LateReading::arrives_at);
  if (first == late.end() || first->arrives_at > slot) return std::nullopt;
  LateReading taken = std::move(*first);
  late.erase(first);
  return taken;
}

void Waiting::forget_if_empty(std::size_t place, std::uint64_t key) {
  const auto known = sensors_.find(key);
  if (known != sensors_.end() && known->second.is_empty()) forget(place, key);
}

void Waiting::forget(std::size_t place, std::uint64_t key) {
  sensors_.erase(key);
  is_known_[place] = 0;
}

void Waiting::forget_rows(std::size_t place, std::uint64_t key) {
  OfSensor* const waits = find(place, key);
  if (waits == nullptr) return;
  waits->late.clear();
  waits->hold.reset();
  forget_if_empty(place, key);
}

const scenario::Deliver& Waiting::intern(const scenario::Deliver& said) {
  const scenario::Deliver how = delivery::overlaid(usual_, said);
  const auto known = std::ranges::find(hows_, how);
  return known != hows_.end() ? *known : hows_.emplace_back(how);
}

bool Waiting::holds_any() const {
  return std::ranges::any_of(sensors_, [](const auto& entry) { return entry.second.hold != nullptr; });
}

void Waiting::seat(const std::vector<model::Sensor>& sensors) {
  is_known_.clear();
  for (const model::Sensor& sensor : sensors) is_known_.push_back(sensors_.contains(sensor.key) ? 1 : 0);
}

}  // namespace fleet_sim::fleet
