// What a scenario has made of the sensors of a run by some moment: the past that a resumed run passes over,
// told again from the plan, the seed and the record of the reloads alone. Made by one thread; nothing fails.
// Takes as long as the entries take to reach their sensors, and some 100 bytes for each sensor that any has
// reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "fleet/past_anomaly.h"
#include "fleet/profile_table.h"
#include "fleet/story.h"
#include "history/history.h"
#include "identity/identity.h"
#include "timeline/script.h"

namespace fleet_sim::history {

// The script that the run lived by after each number of its reloads; none where it had no scenario. The
// roster knows the texts of all configs (timeline::note_texts).
using Scripts = std::vector<std::shared_ptr<const timeline::Script>>;
Scripts scripts_of(const History& history, const identity::Roster& roster, std::uint64_t seed);

// What happened to a sensor since the anomaly that it may be in the middle of began, or since it joined.
struct Chapter {
  // From `at` on, this is said of the sensor, and anomalies of these types are over.
  struct Point {
    Timestamp at = 0;
    identity::OverlayIndex overlay = 0;
    fleet::EndedTypes ends = 0;
  };

  bool is_there = true;
  Timestamp joined = earliest_timestamp;      // by the scenario, for the last time
  bool returned = false;                      // then, after it had left
  identity::OverlayIndex overlay = 0;         // as it began
  std::vector<fleet::Added> added{};          // until then, as is …
  std::optional<fleet::Serviced> serviced{};  // … this
  std::optional<fleet::PastAnomaly> fault{};  // that began then
  std::vector<Point> points{};                // since
};

class Chronicle {
 public:
  struct Told {
    const History& history;
    const LifeTable& lives;
    const identity::Roster& roster;
    std::uint64_t seed;
    std::function<std::shared_ptr<fleet::ProfileTable>(std::size_t reloads)> profiles;
    // When the anomaly of the sensor began that its file knows last; the earliest timestamp if there is none.
    std::function<Timestamp(std::uint32_t sensor)> onset = [](std::uint32_t) { return earliest_timestamp; };
    // Are told, if they are there, of everything that happens, of what a sensor is made with and shown
    // as from then on, and of what is added to it. The sensor is the first of its identities.
    std::function<void(std::uint32_t sensor, const timeline::Moment& moment, const scenario::Entry& entry)>
        moment = {};
    std::function<void(std::uint32_t sensor, Timestamp at, const fleet::ProfileTable::Entry& made,
                       identity::OverlayIndex overlay)>
        became = {};
    std::function<void(std::uint32_t sensor, const fleet::Added& added)> added = {};
  };

  // All moments before `until`.
  Chronicle(const Told& told, const Scripts& scripts, Timestamp until);

  // Of the sensor with this first identity; null if no entry has reached it, and it has been there.
  [[nodiscard]] const Chapter* find(std::uint32_t sensor) const {
    const auto found = chapters_.find(sensor);
    return found == chapters_.end() ? nullptr : &found->second;
  }
  // As cohorts go on with them.
  [[nodiscard]] fleet::PastStories take_stories() && { return std::move(stories_); }

 private:
  class Group;

  std::unordered_map<std::uint32_t, Chapter> chapters_;
  fleet::PastStories stories_;
};

}  // namespace fleet_sim::history
