// A scenario as the sensors of a cohort live through it: which of them are there, which are silent, and what
// is said of each. Every cohort has its own, over its own sensors, because when an entry reaches a sensor
// depends on that sensor alone: nothing has to happen to the whole fleet at once. Touched by the cohort's
// thread; owns a timeline, 8 bytes a sensor once one has been silent, as many once readings of one have
// changed, some 100 for each sensor to which something is being added, of which a part has been replaced, or
// whose rows have arrived in a way of their own, and 32 for each entry that adds to one. Sensors are their
// positions in the cohort.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "fleet/added.h"
#include "fleet/profile_table.h"
#include "fleet/sensor_state.h"
#include "model/sensor.h"
#include "timeline/timeline.h"
#include "types/schema.h"

namespace fleet_sim::fleet {

// What stories are made of; no script: there is none.
struct StoryOf {
  std::shared_ptr<const timeline::Script> script;
  std::shared_ptr<ProfileTable> profiles;
};

// How a sensor's rows arrive instead of as usual, and until when.
struct OwnDelivery {
  scenario::Deliver how{};
  Timestamp until = earliest_timestamp;
};

// What a scenario has made of a sensor, from where the next cohort continues.
struct PastStory {
  timeline::Past past{};
  Timestamp touched = earliest_timestamp;
  Timestamp silent_until = earliest_timestamp;
  std::vector<Added> added{};
  std::optional<Serviced> serviced{};
  identity::Text fault{};  // the entry that caused its last anomaly of this cause
  std::vector<OwnDelivery> deliveries{};
};
using PastStories = std::unordered_map<std::uint64_t, PastStory>;  // by the key of the sensor

// Of one that a reload took out of the fleet and another brought back: entries meet it like a new one, but it
// has been there.
inline PastStory past_of_returned() {
  return {.past = {.has_left = true, .comes_back = true}};
}

class Story {
 public:
  // `members` are the cohort's sensors as indices into the roster of the profiles.
  Story(const StoryOf& of, std::span<const std::uint32_t> members);
  // Goes on at `moment`, before which everything has happened. Sensors without a past are new.
  Story(const StoryOf& of, std::span<const std::uint32_t> members, Timestamp moment,
        const PastStories& pasts);

  // What happens next to a sensor before `until`, if anything. Whether it is there, and silent, and what is
  // said of it, is then as it is afterwards.
  [[nodiscard]] Timestamp next_at() const { return timeline_.next_at(); }
  std::optional<timeline::Moment> next(Timestamp until);

  [[nodiscard]] batch::FleetEvent describe(const timeline::Moment& moment, std::uint32_t identity) const;
  // Whether it follows that script.
  [[nodiscard]] bool is_of(const StoryOf& story) const { return story.script.get() == &timeline_.script(); }
  [[nodiscard]] const scenario::Entry& entry(const timeline::Moment& moment) const {
    return timeline_.script()[moment.entry].entry;
  }
  [[nodiscard]] bool is_there(std::size_t sensor) const {
    return timeline_.population().is_there(place_of(sensor));
  }
  // Whether it has left at some time, even if it has joined again.
  [[nodiscard]] bool has_left(std::size_t sensor) const {
    return timeline_.population().has_left(place_of(sensor));
  }
  [[nodiscard]] bool is_silent(std::size_t sensor, Timestamp at) const {
    return !silent_until_.empty() && at < silent_until_[place_of(sensor)];
  }
  // Whether it has a reading then.
  [[nodiscard]] bool is_heard(std::size_t sensor, Timestamp at) const {
    return is_there(sensor) && !is_silent(sensor, at);
  }
  [[nodiscard]] bool changes_any() const { return !changed_.empty(); }
  // Whether its readings may be other ones for what has happened to it, whatever it is made with.
  [[nodiscard]] bool changes(std::size_t sensor) const {
    return !changed_.empty() && changed_[place_of(sensor)] != nullptr;
  }
  // What a sensor's reading depends on, if it does. Valid until the next call, before which nobody may ask
  // about an earlier time: what is over is forgotten.
  [[nodiscard]] model::Circumstances circumstances(std::size_t sensor, Timestamp at, std::size_t channels) {
    if (!changes(sensor)) [[likely]]
      return {};
    return find_circumstances(sensor, at, channels);
  }
  // The same for somebody who looks at it, and may look ahead.
  [[nodiscard]] model::Circumstances look_at(std::size_t sensor, Timestamp at, std::size_t channels) {
    return changes(sensor) ? changed_[place_of(sensor)]->at(at, channels, sums_) : model::Circumstances();
  }
  // The fault that began last in a sensor.
  void note_fault(std::size_t sensor, const timeline::Moment& moment);
  [[nodiscard]] identity::Text fault(std::size_t sensor) const {
    const auto known = faults_.find(place_of(sensor));
    return known == faults_.end() ? identity::Text{} : known->second;
  }
  // Whether an entry has set something of any sensor.
  [[nodiscard]] bool says_any() const { return timeline_.population().has_overlays(); }
  [[nodiscard]] identity::OverlayIndex overlay(std::size_t sensor) const {
    return timeline_.population().overlay(place_of(sensor));
  }

  // What the sensor is made with if its identity is this one, as its overlay has it.
  [[nodiscard]] ProfileTable::Entry resolve(std::size_t sensor, std::uint32_t identity) const;

  // Adds what has become of the sensors, so that another story can go on with them. As the script of `next`
  // has it, where that is another.
  void tell(const StoryOf& next, PastStories& pasts) const;

  // The anomaly that a fault begins in the sensor; none: it has no such channel.
  [[nodiscard]] std::optional<model::AnomalyRequest> request(std::size_t sensor, const scenario::Fault& fault,
                                                             const timeline::Moment& moment) const;

  // What the sensor's readings depend on, for when one is taken again.
  [[nodiscard]] const Then& then(std::size_t sensor) const;
  // How its rows arrive at that time, as was said last of what has not ended; null: nothing was.
  [[nodiscard]] const OwnDelivery* delivery(std::size_t sensor, Timestamp at) const;

  // The same of one of them, for somebody who looks at it; and all that another story needs.
  [[nodiscard]] Touched touched(std::size_t sensor) const;
  [[nodiscard]] PastStory past_of(std::size_t sensor) const;

  // Sensors are made with other profiles from now on, or one is of another identity.
  void use(std::shared_ptr<ProfileTable> profiles) {
    profiles_ = std::move(profiles);
    additions_.clear();  // the channels of a type may be other ones
  }
  void rename(std::size_t sensor, std::uint32_t identity) { timeline_.rename(place_of(sensor), identity); }

  // The sensors from `first` on have changed places: where the k-th one is, the one `order[k]` behind the
  // first was.
  void reorder(std::size_t first, std::span<const std::size_t> order);

 private:
  [[nodiscard]] std::uint32_t place_of(std::size_t sensor) const {
    return order_.empty() ? static_cast<std::uint32_t>(sensor) : order_[sensor];
  }

  [[nodiscard]] const types::Schema& schema_of(std::uint32_t place) const;
  void touch(std::uint32_t place, Timestamp at);
  [[nodiscard]] model::Circumstances find_circumstances(std::size_t sensor, Timestamp at,
                                                        std::size_t channels);
  void take_note(const timeline::Moment& moment);
  const std::shared_ptr<const Addition>& addition(const timeline::Moment& moment, const scenario::Add& add);
  void add(const timeline::Moment& moment, const scenario::Add& add);
  void service(const timeline::Moment& moment, const scenario::Reset& reset);
  void deliver(const timeline::Moment& moment, const scenario::Deliver& how);
  void keep(std::uint32_t place, const PastStory& story);
  Then& change(std::uint32_t place);

  std::shared_ptr<ProfileTable> profiles_;
  timeline::Timeline timeline_;
  std::vector<Timestamp> touched_;       // by place: when last; empty while none has been
  std::vector<Timestamp> silent_until_;  // the same
  // By place, what readings depend on; null: nothing. Empty while that is so of all.
  std::vector<std::unique_ptr<Then>> changed_;
  std::size_t changed_count_ = 0;                             // how many of these are not null
  std::unordered_map<std::uint32_t, identity::Text> faults_;  // by place
  // By place, as they were said: each lasts longer than those after it, which come first.
  std::unordered_map<std::uint32_t, std::vector<OwnDelivery>> deliveries_;
  std::map<std::pair<std::uint32_t, identity::Text>, std::shared_ptr<const Addition>>
      additions_;                     // by entry and type, some of them
  AddedTo sums_{};                    // of the last question
  std::vector<std::uint32_t> order_;  // by sensor, its place in the timeline; empty: the same
};

}  // namespace fleet_sim::fleet
