// When an entry of a scenario reaches a sensor: a function of the seed, the entry's name, the sensor's id and
// the turn alone, so that threads, partitions and resumed runs agree, and nothing is stored. Immutable; any
// thread.
//
// U(name, id), uniform, decides in which wave a sensor is: the first whose share exceeds it. It stays from
// turn to turn, so that those that come first always do. U₂, of each turn, is the sensor's own delay as a
// part of `spread`; U₃ says whether the entry fails at it. All come from mixed words rather than from blocks
// of the generator, which take ten times as long: whom an entry reaches is asked of every sensor at once.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/timestamp.h"
#include "scenario/entry.h"

namespace fleet_sim::timeline {

class Reach {
 public:
  Reach(const scenario::Entry& entry, std::uint64_t seed);

  struct Hit {
    Microseconds after = 0;  // the beginning of the turn
    std::uint32_t wave = 0;  // in a ramp, of two waves the later one
  };
  // `sensor` is the hash of its id. Nothing: the entry never reaches it.
  [[nodiscard]] std::optional<Hit> hit(std::uint64_t sensor, std::uint64_t turn) const;
  [[nodiscard]] bool fails(std::uint64_t sensor, std::uint64_t turn) const;

  // Whether all sensors are reached at one time.
  [[nodiscard]] bool is_at_once() const { return waves_.size() == 1 && spread_ == 0; }

  // What a turn's waves are, at least one.
  [[nodiscard]] const std::vector<scenario::Wave>& waves() const { return waves_; }

 private:
  [[nodiscard]] std::optional<Hit> wave_of(std::uint64_t sensor) const;
  // The word of U₂ in a turn. That of U₃ is mixed once more.
  [[nodiscard]] std::uint64_t word_of(std::uint64_t sensor, std::uint64_t turn) const;

  std::vector<scenario::Wave> waves_;
  bool is_ramp_;
  Microseconds spread_;
  double fails_;
  std::uint64_t key_;  // of the seed and the name
};

}  // namespace fleet_sim::timeline
