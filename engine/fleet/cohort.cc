#include "fleet/cohort.h"

#include <utility>

namespace fleet_sim {
namespace {

bool begins(const Sample& sample) {
  return sample.event == AnomalyEvent::Kind::opened || sample.event == AnomalyEvent::Kind::whole;
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  due += other.due;
  missing += other.missing;
  anomalies += other.anomalies;
  return *this;
}

Cohort::Cohort(std::vector<Sensor> sensors, Cadence cadence, Timestamp start, std::uint64_t seed,
               std::uint32_t writer)
    : sensors_(std::move(sensors)),
      cadence_(cadence),
      start_(start),
      seed_(seed),
      writer_(writer),
      cycle_start_(start),
      next_cycle_start_(start + cadence.offset(1)) {
  for (Sensor& sensor : sensors_) enter_steady_state(sensor, seed, start + sensor.phase, cadence);
}

Tally Cohort::tick(Timestamp until, Batch& batch) {
  Tally tally;
  while (next_due() < until && !batch.full()) {
    Sensor& sensor = sensors_[position_];
    const Due due{next_due(), next_cycle_start_ + sensor.phase};
    const Sample taken = sample(sensor, seed_, due);
    ++tally.due;
    if (taken.missing()) {
      ++tally.missing;
    } else {
      batch.readings.push_back({due.at, taken.values, sensor.identity, taken.anomaly});
    }
    if (taken.event) {
      batch.events.push_back(
          describe_anomaly(sensor.anomaly, *sensor.profile, *taken.event, sensor.identity));
      if (begins(taken)) ++tally.anomalies;
    }
    advance();
  }
  return tally;
}

void Cohort::advance() {
  if (++position_ < sensors_.size()) return;
  position_ = 0;
  ++cycle_;
  cycle_start_ = next_cycle_start_;
  next_cycle_start_ = start_ + cadence_.offset(cycle_ + 1);
}

void Cohort::report_open_anomalies(Batch& batch) const {
  for (std::size_t i = 0; i < sensors_.size(); ++i) {
    const Sensor& sensor = sensors_[i];
    const Timestamp next = (i < position_ ? next_cycle_start_ : cycle_start_) + sensor.phase;
    const bool open =
        sensor.anomaly.active() && sensor.anomaly.readings_affected > 0 && next <= sensor.anomaly.ended_at;
    if (!open) continue;
    batch.events.push_back(
        describe_anomaly(sensor.anomaly, *sensor.profile, AnomalyEvent::Kind::progressed, sensor.identity));
  }
}

double Cohort::readings_per_second() const {
  return static_cast<double>(size()) * 1e6 / static_cast<double>(cadence_.period());
}

std::uint64_t Cohort::due_before(Timestamp until) const {
  std::uint64_t due = 0;
  for (const Sensor& sensor : sensors_) due += cadence_.count_before(until - start_ - sensor.phase);
  return due;
}

}  // namespace fleet_sim
