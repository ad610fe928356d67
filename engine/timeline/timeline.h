// A scenario as it happens: the moments at which entries reach sensors, one after the other in the order of
// time, then of entries in the config, then of sensors. What comes out depends on the plan, the seed and the
// identities alone, so a partition has its sensors' part of what the whole fleet has, and a resumed run that
// passes over the past goes on as if it had never stopped.
//
// One thread. Shares the script; borrows the roster, which stays. An entry is judged when its turn begins;
// from then on until its last moment it takes some 200 bytes, a bit for each sensor, and 4 bytes for each
// moment that has been worked out. These come some at a time, so that memory stays bounded however many
// entries there are; of entries whose turn is not under way nothing is kept. Cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <unordered_map>
#include <vector>

#include "timeline/population.h"
#include "timeline/script.h"
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

// How many moments are worked out ahead, 4 bytes each: 2 million of all entries, if none needs its least. A
// larger number of one would take longer to sort than a fleet may pause. Fewer have the sensors that are
// still to come looked at again more often.
struct Ahead {
  std::size_t of_all = std::size_t{1} << 21;
  std::size_t least_of_one = std::size_t{1} << 12;
  std::size_t most_of_one = std::size_t{1} << 17;
};

// Of a timeline of about a thousand sensors, of which there may be a thousand.
inline constexpr Ahead little_ahead{std::size_t{1} << 15, 32, 1'024};

class Timeline {
 public:
  Timeline(std::shared_ptr<const Script> script, const identity::Roster& roster,
           std::span<const std::uint32_t> members, Ahead ahead = {});
  // Goes on at `moment`, before which everything has happened, with sensors as other timelines have left
  // them.
  Timeline(std::shared_ptr<const Script> script, const identity::Roster& roster,
           std::span<const std::uint32_t> members, Timestamp moment, const Pasts& pasts, Ahead ahead = {});
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  // Is told, from now on, how many sensors an entry meets when a turn of it begins; not all need be reached.
  using Met = std::function<void(std::uint32_t entry, std::uint64_t sensors)>;
  void tell(Met met) { met_ = std::move(met); }

  // Nothing happens before this: no moment, and no entry is judged. The latest timestamp when nothing will.
  [[nodiscard]] Timestamp next_at() const { return next_at_; }
  // The next moment, if it comes before `until`.
  std::optional<Moment> next(Timestamp until);

  [[nodiscard]] const Script& script() const { return *script_; }
  // The sensors as they are after the moments that have been given out.
  [[nodiscard]] const Population& population() const { return population_; }
  [[nodiscard]] Past past_of(std::uint32_t sensor) const;
  void rename(std::uint32_t sensor, std::uint32_t member) { population_.rename(sensor, member); }

 private:
  // The next moment of a turn that is under way, or else its beginning.
  struct Due {
    Timestamp at = 0;
    std::uint32_t entry = 0;
    std::uint64_t turn = 0;

    auto operator<=>(const Due&) const = default;
  };
  struct Hit {
    Timestamp at = 0;
    std::uint32_t sensor = 0;
    std::uint32_t wave = 0;

    auto operator<=>(const Hit&) const = default;
  };
  class Earliest;
  // One that is under way.
  struct Turn {
    std::uint64_t number = 0;
    SensorSet sensors;                   // that it meets, without those that are known to come no more
    std::vector<std::uint32_t> ready;    // of these, the next ones in the order of their moments …
    std::size_t given = 0;               // … of which so many have been given out
    bool ready_is_all = true;            // no others come after them
    Hit last{earliest_timestamp, 0, 0};  // all before it, and it, have been given out
  };

  Due take_first();
  void find_next_at();
  [[nodiscard]] Timestamp begin_of(std::uint32_t entry, std::uint64_t turn) const;
  [[nodiscard]] std::optional<Hit> hit_of(std::uint32_t entry, std::uint64_t turn,
                                          std::uint32_t sensor) const;
  void begin(const Due& due);
  void go_on(std::uint32_t entry, Timestamp moment, SensorSet met);
  void find_more(std::uint32_t entry, Turn& turn);
  void put_back(std::uint32_t entry, Turn& turn);
  void put(Due due);
  [[nodiscard]] Moment moment_of(std::uint32_t entry, std::uint64_t turn, const Hit& hit) const;

  std::shared_ptr<const Script> script_;
  Ahead ahead_;
  Population population_;
  std::size_t begun_ = 0;                          // of Script::in_order
  std::unordered_map<std::uint32_t, Turn> turns_;  // by entry
  std::optional<Due> first_;                       // before all in `others_`
  std::priority_queue<Due, std::vector<Due>, std::greater<>> others_;
  Timestamp next_at_ = latest_timestamp;
  std::size_t waiting_ = 0;  // moments in `ready`
  Met met_;
};

}  // namespace fleet_sim::timeline
