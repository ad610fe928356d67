// A scenario as it happens: the moments at which entries reach sensors, one after the other in the order of
// time, then of entries in the config, then of sensors. What comes out depends on the plan, the seed and the
// identities alone, so a partition has its sensors' part of what the whole fleet has, and a resumed run that
// passes over the past goes on as if it had never stopped.
//
// One thread. Borrows the roster and the members, which stay. An entry is judged when its turn begins; from
// then on until its last moment it takes a bit for each member, and it works its next moments out some
// thousands at a time, so that memory stays bounded however many entries there are. Cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "timeline/plan.h"
#include "timeline/population.h"
#include "timeline/reach.h"
#include "timeline/sensor_set.h"

namespace fleet_sim::timeline {

struct Moment {
  Timestamp at = 0;
  Timestamp until = 0;       // of what lasts; the latest timestamp if the entry names no end
  std::uint32_t entry = 0;   // in the plan
  std::uint32_t sensor = 0;  // its place among the members
  std::uint64_t turn = 0;    // of an entry with `every`, counted from 0
  std::uint32_t wave = 0;
  bool fails = false;  // the sensor is silent, but stays as it was
};

// How many moments are worked out ahead, 16 bytes each: 2 million of all entries, if none needs its least. A
// larger number of one would take longer to sort than a fleet may pause.
struct Ahead {
  std::size_t of_all = std::size_t{1} << 21;
  std::size_t least_of_one = std::size_t{1} << 12;
  std::size_t most_of_one = std::size_t{1} << 17;
};

class Timeline {
 public:
  Timeline(Plan plan, const identity::Roster& roster, std::span<const std::uint32_t> members,
           std::uint64_t seed, Ahead ahead = {});
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  // Nothing happens before this: no moment, and no entry is judged. The latest timestamp when nothing will.
  [[nodiscard]] Timestamp next_at() const;
  // The next moment, if it comes before `until`.
  std::optional<Moment> next(Timestamp until);

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const Reach& reach(std::uint32_t entry) const { return reaches_[entry]; }
  // The sensors as they are after the moments that have been given out.
  [[nodiscard]] const Population& population() const { return population_; }
  // How many sensors the entry met when its last turn began; not all need be reached.
  [[nodiscard]] std::uint64_t met(std::uint32_t entry) const { return turns_[entry].met; }

 private:
  struct Due {
    Timestamp at = 0;
    std::uint32_t entry = 0;

    auto operator<=>(const Due&) const = default;
  };
  struct Hit {
    Timestamp at = 0;
    std::uint32_t sensor = 0;
    std::uint32_t wave = 0;

    auto operator<=>(const Hit&) const = default;
  };
  class Earliest;
  struct Turn {
    std::uint64_t number = 0;
    bool is_under_way = false;
    std::uint64_t met = 0;
    SensorSet sensors;         // that it meets
    std::vector<Hit> ready;    // its next moments
    std::size_t given = 0;     // of these
    bool ready_is_all = true;  // no others come after them
  };

  [[nodiscard]] Timestamp begin_of(std::uint32_t entry) const;
  [[nodiscard]] std::optional<Hit> hit_of(std::uint32_t entry, std::uint32_t sensor) const;
  void begin(std::uint32_t entry);
  void find_more(std::uint32_t entry);
  void end(std::uint32_t entry);
  void put_back(std::uint32_t entry);
  [[nodiscard]] Moment moment_of(std::uint32_t entry, const Hit& hit) const;

  Plan plan_;
  Ahead ahead_;
  std::vector<Reach> reaches_;
  Population population_;
  std::vector<Turn> turns_;   // of each entry
  std::optional<Due> first_;  // before all others
  std::priority_queue<Due, std::vector<Due>, std::greater<>> others_;
  std::size_t waiting_ = 0;  // moments in `ready`
};

}  // namespace fleet_sim::timeline
