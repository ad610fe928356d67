#include "preview/scenario_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "preview/scenario_check.h"
#include "preview/unmatched.h"
#include "scenario/scenario.h"
#include "start/run_span.h"
#include "timeline/glob.h"
#include "timeline/timeline.h"

namespace fleet_sim::preview {
namespace {

using scenario::Where;
using timeline::Moment;
using timeline::PlannedEntry;

constexpr std::size_t most_waves = 20'000;
constexpr std::uint64_t most_turns = 10;  // of an entry, one by one
constexpr std::size_t most_overlaps = 1'000;
constexpr std::size_t most_effects = 32;  // that are followed: 16 MB each for a million sensors

// The share that is reached in this wave and not before.
double share_of(const std::vector<scenario::Wave>& waves, std::size_t wave) {
  return waves[wave].share - (wave == 0 ? 0 : waves[wave - 1].share);
}

// Counts a scenario's moments by waves.
class Counter {
 public:
  Counter(timeline::Timeline& timeline, ScenarioSummary& summary)
      : script_(timeline.script()), summary_(summary), first_row_(script_.size()) {
    summary.reached.resize(script_.size());
    summary.met.resize(script_.size());
    summary.later.resize(script_.size());
    timeline.tell([&met = summary.met](std::uint32_t entry, std::uint64_t sensors) { met[entry] = sensors; });
  }

  void add(const Moment& moment) {
    if (summary_.reached[moment.entry]++ == 0 || moment.turn != turn_of(moment.entry))
      add_turn(moment.entry, moment.turn);
    if (first_row_[moment.entry].row) {
      ScenarioWave& wave = summary_.waves[*first_row_[moment.entry].row + moment.wave];
      ++wave.sensors;
      wave.failed += moment.fails ? 1 : 0;
    } else {
      ++summary_.later[moment.entry].sensors;
    }
  }

  // Entries that have reached nobody have their waves as well, and waves without any share have no line.
  void finish() {
    for (std::uint32_t entry = 0; entry < summary_.reached.size(); ++entry) {
      if (summary_.reached[entry] == 0) add_turn(entry, 0);
    }
    std::erase_if(summary_.waves, [&](const ScenarioWave& row) {
      const PlannedEntry& planned = script_[row.entry];
      const bool is_empty = share_of(script_.reach(row.entry).waves(), row.wave) <= 0;
      return is_empty || row.from > planned.last || row.from >= summary_.until;
    });
    std::ranges::stable_sort(summary_.waves, {}, &ScenarioWave::from);
  }

 private:
  struct Turn {
    std::uint64_t number = 0;
    std::optional<std::size_t> row;  // of its first wave; none: not one by one
  };

  [[nodiscard]] std::uint64_t turn_of(std::uint32_t entry) const { return first_row_[entry].number; }

  void add_turn(std::uint32_t entry, std::uint64_t number) {
    const PlannedEntry& planned = script_[entry];
    const std::vector<scenario::Wave>& waves = script_.reach(entry).waves();
    first_row_[entry] = {number, std::nullopt};
    if (number >= most_turns || summary_.waves.size() + waves.size() > most_waves) {
      ++summary_.later[entry].turns;
      return;
    }
    first_row_[entry].row = summary_.waves.size();
    const Timestamp begin = planned.at + static_cast<Microseconds>(number) * planned.entry.every;
    for (std::uint32_t w = 0; w < waves.size(); ++w) {
      const bool rises = planned.entry.ramp == scenario::Ramp::linear && w > 0;
      const Microseconds from = waves[rises ? w - 1 : w].delay;
      summary_.waves.push_back({.from = begin + from,
                                .over = waves[w].delay - from + planned.entry.spread,
                                .entry = entry,
                                .turn = number,
                                .wave = w,
                                .met = summary_.met[entry]});
    }
  }

  const timeline::Script& script_;
  ScenarioSummary& summary_;
  std::vector<Turn> first_row_;  // of each entry's last turn
};

// Notices where what an entry does to a sensor lasts when another begins to do the same.
class Overlaps {
 public:
  explicit Overlaps(std::size_t sensors) : sensors_(sensors) {}

  void add(const Moment& moment, const scenario::Entry& entry) {
    if (const auto* set = std::get_if<scenario::Set>(&entry.verb)) begin_all(moment, *set);
    if (moment.until == moment.at) return;
    if (const auto* add = std::get_if<scenario::Add>(&entry.verb)) {
      for (const auto& [channel, number] : add->channels) begin(moment, channel);
    } else if (!std::holds_alternative<scenario::Fault>(entry.verb) || entry.duration > 0) {
      begin(moment, std::string(1, static_cast<char>('0' + entry.verb.index())));
    }
  }

  [[nodiscard]] std::vector<ScenarioOverlap> take() const {
    std::vector<ScenarioOverlap> all;
    for (const auto& [pair, sensors] : counts_) all.push_back({pair.first, pair.second, sensors});
    return all;
  }

 private:
  struct Effect {
    Timestamp until = 0;
    std::uint32_t entry = 0;
  };

  // What is said of a sensor counts until something else is, but two who say it at once are a slip.
  void begin_all(Moment moment, const scenario::Set& set) {
    moment.until = moment.at + 1;
    const std::array texts{&set.location, &set.manufacturer, &set.model, &set.firmware_version};
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (!texts[i]->empty() && !moment.fails) begin(moment, fmt::format("0{}", i));
    }
  }

  // `what` is a channel, or stands for a verb: no channel begins with a digit.
  void begin(const Moment& moment, const std::string& what) {
    if (lasting_.size() == most_effects && !lasting_.contains(what)) return;
    std::vector<Effect>& effects = lasting_[what];
    if (effects.empty()) effects.resize(sensors_);
    Effect& lasting = effects[moment.sensor];
    if (lasting.until > moment.at && lasting.entry != moment.entry) {
      const std::pair pair(lasting.entry, moment.entry);
      if (counts_.size() < most_overlaps || counts_.contains(pair)) ++counts_[pair];
    }
    if (moment.until >= lasting.until) lasting = {moment.until, moment.entry};
  }

  std::size_t sensors_;
  std::map<std::string, std::vector<Effect>> lasting_;  // by sensor
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> counts_;
};

// The end of the run; of one that goes on and on, when each entry has had its turn, and those that come again
// two more.
Timestamp horizon_of(const ScenarioSummary& summary) {
  if (summary.end) return *summary.end;
  Timestamp last = summary.start;
  for (const PlannedEntry& planned : summary.plan) {
    const Microseconds reach = scenario::reach_of(planned.entry);
    last = std::max(last, std::min(planned.at + reach + 2 * planned.entry.every + 1, latest_timestamp));
  }
  return last;
}

// Why an entry meets no sensor.
class Reasons {
 public:
  Reasons(const start::Inputs& inputs, const ScenarioSummary& summary) : inputs_(inputs), summary_(summary) {}

  [[nodiscard]] std::string of(std::uint32_t index) const {
    const PlannedEntry& planned = summary_.plan[index];
    if (planned.at >= summary_.until)
      return fmt::format("begins at {}, after the {}", brief_timestamp_text(planned.at),
                         summary_.is_cut ? "part that is shown" : "end of the run");
    if (summary_.met[index] > 0)
      return fmt::format(
          "meets {} and reaches none of them: {}", counted(summary_.met[index], "sensor"),
          planned.ended_by ? "it is ended before" : "the shares of its waves come to none of so few");
    for (const Asked& asked : all_asked) {
      const std::string& glob = planned.entry.where.*asked.glob;
      if (!glob.empty() && !matches_any(asked, glob))
        return fmt::format("meets no sensor: none has the {} {}{}", asked.name, in_quotes(glob),
                           nearest(asked, glob));
    }
    if (planned.follows)
      return fmt::format("meets no sensor: {} has reached none of them by then",
                         in_quotes(summary_.plan[*planned.follows].entry.name));
    return fmt::format("meets no sensor: none matches its `where` when it begins");
  }

 private:
  struct Asked {
    std::string_view name;
    std::string Where::*glob;
    std::string_view (*text)(const identity::Roster&, const identity::Identity&);
    std::string scenario::Set::*set;  // none: it stays what it is
  };
  template <identity::Text identity::Identity::*member>
  static std::string_view text_of(const identity::Roster& roster, const identity::Identity& sensor) {
    return roster.text(sensor.*member);
  }
  static std::string_view id_of(const identity::Roster&, const identity::Identity& sensor) {
    return sensor.id;
  }
  static std::string_view site_of(const identity::Roster& roster, const identity::Identity& sensor) {
    return identity::site_of(roster.text(sensor.location));
  }
  static constexpr std::array<Asked, 7> all_asked{
      {{"id", &Where::id, id_of, nullptr},
       {"type", &Where::type, text_of<&identity::Identity::type>, nullptr},
       {"location", &Where::location, text_of<&identity::Identity::location>, &scenario::Set::location},
       {"site", &Where::site, site_of, &scenario::Set::location},
       {"manufacturer", &Where::manufacturer, text_of<&identity::Identity::manufacturer>,
        &scenario::Set::manufacturer},
       {"model", &Where::model, text_of<&identity::Identity::model>, &scenario::Set::model},
       {"firmware_version", &Where::firmware_version, text_of<&identity::Identity::firmware_version>,
        &scenario::Set::firmware_version}}};

  template <class Visit>
  void for_each_text(const Asked& asked, Visit visit) const {
    const identity::Roster& roster = inputs_.identities.roster;
    for (const std::uint32_t member : inputs_.members) {
      if (!visit(asked.text(roster, roster[member]))) return;
    }
  }

  [[nodiscard]] bool matches_any(const Asked& asked, std::string_view glob) const {
    const auto fits = [&](std::string_view text) {
      return timeline::matches(glob, text) ||
             (asked.glob == &Where::firmware_version &&
              timeline::matches(config::canonical_firmware(glob), config::canonical_firmware(text)));
    };
    bool found = std::ranges::any_of(summary_.plan, [&](const PlannedEntry& planned) {
      const auto* set = std::get_if<scenario::Set>(&planned.entry.verb);
      if (set == nullptr || asked.set == nullptr || (set->*asked.set).empty()) return false;
      return fits(asked.glob == &Where::site ? identity::site_of(set->*asked.set) : set->*asked.set);
    });
    if (!found) for_each_text(asked, [&](std::string_view text) { return !(found = fits(text)); });
    return found;
  }

  // Of a name that is written out, among the first sensors.
  [[nodiscard]] std::string nearest(const Asked& asked, std::string_view glob) const {
    constexpr std::size_t most_compared = 10'000;
    if (!timeline::is_plain(glob)) return {};
    std::vector<std::string_view> texts;
    for_each_text(asked, [&](std::string_view text) {
      if (texts.empty() || texts.back() != text) texts.push_back(text);
      return texts.size() < most_compared;
    });
    return did_you_mean(glob, texts);
  }

  const start::Inputs& inputs_;
  const ScenarioSummary& summary_;
};

// New values that behaviors know nothing of.
std::vector<std::string> strangers(const start::Inputs& inputs, const scenario::Entry& entry) {
  const auto* set = std::get_if<scenario::Set>(&entry.verb);
  if (set == nullptr) return {};
  std::vector<std::string> lines;
  const std::array<std::pair<std::string_view, const std::string*>, 4> values{
      {{"firmware", &set->firmware_version},
       {"model", &set->model},
       {"manufacturer", &set->manufacturer},
       {"location", &set->location}}};
  for (const auto& [kind, value] : values) {
    if (value->empty()) continue;
    const auto near = nearest_behavior(inputs.config.behaviors, kind, *value);
    if (!near) continue;
    lines.push_back(fmt::format("sets {} {}, which matches no behavior: it changes no reading{}", kind,
                                in_quotes(*value),
                                near->empty() ? "" : fmt::format(" (did you mean {}?)", in_quotes(*near))));
  }
  return lines;
}

void add_notes(const start::Inputs& inputs, ScenarioSummary& summary) {
  constexpr std::size_t most_explained = 100;  // each looks at all sensors
  const Reasons reasons(inputs, summary);
  std::size_t explained = 0;
  const auto note = [&](std::uint32_t entry, std::string_view text) {
    summary.notes.push_back(fmt::format("{} {}", in_quotes(summary.plan[entry].entry.name), text));
  };
  for (std::uint32_t i = 0; i < summary.plan.size(); ++i) {
    const PlannedEntry& planned = summary.plan[i];
    if (summary.reached[i] == 0)
      note(i, explained++ < most_explained ? reasons.of(i) : std::string("reaches no sensor"));
    for (const std::string& line : strangers(inputs, planned.entry)) note(i, line);
    const bool is_ended = planned.ended_by && planned.last < planned.at + scenario::reach_of(planned.entry);
    if (is_ended)
      note(i,
           fmt::format("reaches no more sensors after {}, when {} begins", brief_timestamp_text(planned.last),
                       in_quotes(summary.plan[*planned.ended_by].entry.name)));
  }
  for (const ScenarioOverlap& overlap : summary.overlaps) {
    const bool has_turns = summary.plan[overlap.second].entry.every > 0;
    const std::string sensors =
        counted(overlap.sensors, "sensor") + (has_turns ? ", counted in each turn," : "");
    const std::string first = in_quotes(summary.plan[overlap.first].entry.name);
    const bool sets = std::holds_alternative<scenario::Set>(summary.plan[overlap.second].entry.verb);
    note(overlap.second,
         sets ? fmt::format("sets the same of {} as {} at the same time, and counts, because it stands later",
                            sensors, first)
              : fmt::format("begins at {} while {} lasts there and does the same", sensors, first));
  }
}

}  // namespace

ScenarioSummary summarize_scenario(const start::Inputs& inputs, Timestamp now, std::uint64_t most_moments) {
  const start::Forecast forecast = start::forecast(inputs);
  ScenarioSummary summary;
  summary.start = inputs.resumed ? inputs.resumed->start : start::start_of(inputs.config, forecast, now);
  summary.seed = inputs.resumed ? inputs.resumed->seed : inputs.config.simulation.seed;
  if (forecast.seconds) summary.end = start::later(summary.start, *forecast.seconds);
  summary.plan = timeline::plan_of(inputs.config.scenario, summary.start);
  summary.sensors = inputs.members.size();
  check_scenario(inputs, summary.plan, summary.start);
  summary.until = horizon_of(summary);
  const auto script = std::make_shared<const timeline::Script>(summary.plan, inputs.identities.roster,
                                                               summary.seed.value_or(0));
  timeline::Timeline timeline(script, inputs.identities.roster, inputs.members);
  Counter counter(timeline, summary);
  Overlaps overlaps(inputs.members.size());
  std::uint64_t moments = 0;
  while (const std::optional<Moment> moment = timeline.next(summary.until)) {
    counter.add(*moment);
    overlaps.add(*moment, summary.plan[moment->entry].entry);
    if (++moments < most_moments) continue;
    summary.until = moment->at;
    summary.is_cut = true;
  }
  counter.finish();
  summary.overlaps = overlaps.take();
  add_notes(inputs, summary);
  return summary;
}

}  // namespace fleet_sim::preview
