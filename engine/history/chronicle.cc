#include "history/chronicle.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>
#include <variant>

#include "base/random.h"
#include "base/terms.h"
#include "model/sensor.h"
#include "timeline/plan.h"

namespace fleet_sim::history {

Scripts scripts_of(const History& history, const identity::Roster& roster, std::uint64_t seed) {
  const auto script_of = [&](const config::Config& config) {
    return timeline::Script(timeline::plan_of(config.scenario, history.start()), roster, seed);
  };
  Scripts scripts;
  const config::Config& first = *history.config_after(0);
  scripts.push_back(first.scenario.empty() ? nullptr
                                           : std::make_shared<const timeline::Script>(script_of(first)));
  for (std::size_t i = 0; i < history.reloads().size(); ++i) {
    const config::Config& was = *history.config_after(i);
    const config::Config& is = *history.config_after(i + 1);
    scripts.push_back(scripts.back());
    if (is.scenario == was.scenario) continue;
    const timeline::Script before = scripts[i] ? *scripts[i] : timeline::Script();
    scripts.back() =
        std::make_shared<const timeline::Script>(script_of(is).after(before, history.reloads()[i].reload.at));
  }
  return scripts;
}

// A few sensors, from the beginning of the run on.
class Chronicle::Group {
 public:
  Group(const Told& told, const Scripts& scripts, std::span<const std::uint32_t> sensors,
        Chronicle& chronicle)
      : told_(told), scripts_(scripts), chronicle_(chronicle) {
    for (const std::uint32_t sensor : sensors)
      lives_.push_back({sensor, told.lives.pieces(sensor, told.history.start() - 1)});
  }

  void pass_to(Timestamp until) {
    begin(told_.history.start());
    for (const Timestamp at : turns(until)) {
      live(at);
      begin(at);
    }
    live(until);
    const std::size_t reloads = told_.history.reloads_until(until);
    if (story_) story_->tell({scripts_[reloads], told_.profiles(reloads)}, chronicle_.stories_);
  }

 private:
  using Piece = LifeTable::Piece;
  struct Life {
    std::uint32_t sensor;
    std::vector<Piece> pieces;
  };

  // When any of them becomes something else, and when the script does.
  [[nodiscard]] std::vector<Timestamp> turns(Timestamp until) const {
    std::set<Timestamp> turns;
    for (const Life& life : lives_) {
      for (const Piece& piece : life.pieces) turns.insert({piece.from, piece.to});
    }
    for (std::size_t i = 1; i < scripts_.size(); ++i) {
      if (scripts_[i] != scripts_[i - 1]) turns.insert(told_.history.reloads()[i - 1].reload.at);
    }
    return {turns.upper_bound(told_.history.start()), turns.upper_bound(until)};
  }

  // With who is there, and the script as it is, from then on.
  void begin(Timestamp at) {
    const std::size_t reloads = told_.history.reloads_until(at);
    const fleet::StoryOf of{scripts_[reloads], told_.profiles(reloads)};
    fleet::PastStories pasts;
    if (story_ && of.script) story_->tell(of, pasts);
    std::vector<std::uint32_t> members;
    sensors_.clear();
    for (const Life& life : lives_) {
      const auto piece =
          std::ranges::find_if(life.pieces, [at](const Piece& one) { return one.from <= at && at < one.to; });
      if (piece == life.pieces.end()) continue;
      members.push_back(piece->identity);
      sensors_.push_back(life.sensor);
      const std::uint64_t key = hash_text(told_.roster[piece->identity].id);
      const bool is_new = piece->joins && piece->from == at;
      if (is_new) pasts.erase(key);
      if (is_new && piece->comes_back) pasts.emplace(key, fleet::past_of_returned());
      if (is_new) chronicle_.chapters_.erase(life.sensor);
      if (!story_ && !is_new) pasts.try_emplace(key);  // before a scenario
    }
    story_.reset();
    if (!of.script) return;
    story_ = at == told_.history.start() ? std::make_unique<fleet::Story>(of, members)
                                         : std::make_unique<fleet::Story>(of, members, at, pasts);
    members_ = std::move(members);
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (!story_->is_there(i)) chronicle_.chapters_.try_emplace(sensors_[i], Chapter{.is_there = false});
      if (story_->overlay(i) != 0) tell_what_it_became(i, at);
    }
  }

  void live(Timestamp until) {
    while (story_ && story_->next_at() < until) {
      const auto moment = story_->next(until);
      if (!moment) continue;
      const scenario::Entry& entry = story_->entry(*moment);
      if (told_.moment) told_.moment(sensors_[moment->sensor], *moment, entry);
      note(*moment, entry);
    }
  }

  void note(const timeline::Moment& moment, const scenario::Entry& entry) {
    const std::size_t i = moment.sensor;
    const std::uint32_t sensor = sensors_[i];
    Chapter& chapter = chronicle_.chapters_[sensor];
    const bool is_before = moment.at <= told_.onset(sensor);
    if (std::holds_alternative<scenario::Leave>(entry.verb)) {
      chapter = {.is_there = false, .overlay = story_->overlay(i)};
    } else if (std::holds_alternative<scenario::Join>(entry.verb)) {
      chapter = {.joined = moment.at, .returned = story_->has_left(i), .overlay = story_->overlay(i)};
      keep_circumstances(i, chapter);
    } else if (std::holds_alternative<scenario::Set>(entry.verb) && !moment.fails) {
      tell_what_it_became(i, moment.at);
      if (is_before) {
        chapter.overlay = story_->overlay(i);
      } else {
        chapter.points.push_back({moment.at, story_->overlay(i)});
      }
    } else if (std::holds_alternative<scenario::Add>(entry.verb)) {
      tell_what_was_added(i, moment.at);
    } else if (const auto* reset = std::get_if<scenario::Reset>(&entry.verb)) {
      if (!is_before)
        chapter.points.push_back({moment.at, story_->overlay(i), fleet::types_named(reset->what)});
    } else if (const auto* fault = std::get_if<scenario::Fault>(&entry.verb)) {
      begin_fault(i, *fault, moment, chapter);
    }
    if (is_before) keep_circumstances(i, chapter);
  }

  void tell_what_it_became(std::size_t i, Timestamp at) const {
    if (told_.became) told_.became(sensors_[i], at, story_->resolve(i, members_[i]), story_->overlay(i));
  }

  void tell_what_was_added(std::size_t i, Timestamp at) const {
    if (!told_.added) return;
    const fleet::PastStory now = story_->past_of(i);
    if (!now.added.empty() && now.added.back().from == at) told_.added(sensors_[i], now.added.back());
  }

  void keep_circumstances(std::size_t i, Chapter& chapter) const {
    const fleet::PastStory now = story_->past_of(i);
    chapter.added = now.added;
    chapter.serviced = now.serviced;
  }

  // If it could.
  void begin_fault(std::size_t i, const scenario::Fault& fault, const timeline::Moment& moment,
                   Chapter& chapter) {
    if (moment.at < told_.onset(sensors_[i])) return;
    const auto request = story_->request(i, fault, moment);
    const auto made = story_->resolve(i, members_[i]);
    model::Sensor sensor{.key = hash_text(told_.roster[members_[i]].id),
                         .phase = 0,
                         .profile = made.profile,
                         .identity = members_[i],
                         .shared = made.shared};
    const model::Circumstances now = story_->circumstances(i, moment.at, made.profile->channels.size());
    if (!request || !model::can_happen(*made.profile, *request) ||
        model::has_failed(sensor, told_.seed, moment.at, now))
      return;
    story_->note_fault(i, moment);
    chapter.overlay = story_->overlay(i);
    chapter.points.clear();
    chapter.fault = fleet::PastAnomaly{*request, moment.at};
    keep_circumstances(i, chapter);
  }

  const Told& told_;
  const Scripts& scripts_;
  Chronicle& chronicle_;
  std::vector<Life> lives_;
  std::vector<std::uint32_t> sensors_;  // of those that are there, the first identities …
  std::vector<std::uint32_t> members_;  // … and those of now
  std::unique_ptr<fleet::Story> story_;
};

Chronicle::Chronicle(const Told& told, const Scripts& scripts, Timestamp until) {
  if (std::ranges::all_of(scripts, [](const auto& script) { return script == nullptr; })) return;
  constexpr std::size_t at_once = 1'024;
  const std::span<const std::uint32_t> sensors = told.lives.sensors();
  for (std::size_t first = 0; first < sensors.size(); first += at_once)
    Group(told, scripts, sensors.subspan(first, std::min(at_once, sensors.size() - first)), *this)
        .pass_to(until);
}

}  // namespace fleet_sim::history
