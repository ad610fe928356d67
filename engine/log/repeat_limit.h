// How often lines of a class may be logged: a few times in ten seconds; further ones are counted. A disk
// that fills up makes 10,000 shards log the same. One thread at a time; time is an argument. Bounded: lines
// of more than `most_classes` classes at a time are logged without counting.
#pragma once

#include <spdlog/common.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/clock.h"

namespace fleet_sim::log {

class RepeatLimit {
 public:
  static constexpr std::chrono::seconds window{10};  // from the first line of a class
  static constexpr unsigned said_at_most = 5;
  static constexpr std::size_t most_classes = 64;

  // Lines that differ only in their fields are one class.
  struct LineClass {
    spdlog::level::level_enum level;
    std::string event;
    std::string message;

    auto operator<=>(const LineClass&) const = default;
  };
  struct Repeat {
    LineClass line;
    std::uint64_t times = 0;
  };

  // Whether a line may be logged; counts it if not.
  bool admit(const LineClass& line, SteadyTime now);

  // The classes that were counted and whose window is over, each once. `at_end`: all of them.
  std::vector<Repeat> over(SteadyTime now, bool at_end = false);

 private:
  struct Count {
    SteadyTime began;
    std::uint64_t lines = 0;
  };
  std::map<LineClass, Count> classes_;
};

}  // namespace fleet_sim::log
