// What is remembered of each sensor from one reading to the next while a run is made again, so that a reading
// of a declared type takes less time (sources/signal.h). Readings are the same without. One thread at a time
// for each sensor; owns 4 bytes a word and sensor; nothing fails.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "history/rebuilt_run.h"
#include "model/sensor.h"
#include "sources/signal.h"

namespace fleet_sim::history {

class Memories {
 public:
  // Of so many sensors, whose signals remember at most so many words.
  Memories(std::size_t sensors, std::size_t words) : words_(words), were_(words == 0 ? 0 : sensors) {
    knots_.assign(sensors * words, sources::no_knot);
  }

  // Of one of them.
  struct Memory {
    const RebuiltRun::Stretch** was = nullptr;  // none: nothing is remembered
    sources::KnotWords words = {};

    [[nodiscard]] sources::KnotWords knots(const RebuiltRun::Stretch& is) const {
      if (was == nullptr) return {};
      if (*was != &is) std::ranges::fill(words, sources::no_knot);
      *was = &is;
      return words.first(model::knot_words(*is.profile));
    }
  };
  Memory of(std::size_t sensor) {
    if (words_ == 0) return {};
    return {&were_[sensor], std::span(knots_).subspan(sensor * words_, words_)};
  }

 private:
  std::size_t words_;
  std::vector<const RebuiltRun::Stretch*> were_;  // what each was at its last reading
  std::vector<std::uint32_t> knots_;
};

}  // namespace fleet_sim::history
