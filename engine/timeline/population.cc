#include "timeline/population.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "config/config.h"
#include "timeline/glob.h"

namespace fleet_sim::timeline {
namespace {

using identity::Identity;
using identity::Text;
using scenario::Where;

bool matches_site(std::string_view glob, std::string_view location) {
  return matches(glob, identity::site_of(location));
}

// 1.3.0 is 1.3, but a pattern such as 1.*.0 is meant as it stands.
bool matches_firmware(std::string_view glob, std::string_view version) {
  return matches(glob, version) ||
         matches(config::canonical_firmware(glob), config::canonical_firmware(version));
}

// What `where` may ask of a text that sensors share.
struct Question {
  std::string Where::*glob;
  Text Identity::*text;
  bool (*is_match)(std::string_view glob, std::string_view text);
};
constexpr std::array<Question, 6> questions{
    {{&Where::type, &Identity::type, matches},
     {&Where::location, &Identity::location, matches},
     {&Where::site, &Identity::location, matches_site},
     {&Where::manufacturer, &Identity::manufacturer, matches},
     {&Where::model, &Identity::model, matches},
     {&Where::firmware_version, &Identity::firmware_version, matches_firmware}}};

// One question of an entry. Sensors share few texts, so the answers for some are kept at hand.
class Test {
 public:
  Test(const identity::Roster& roster, const Question& question, std::string_view glob)
      : roster_(roster), question_(question), glob_(glob) {}

  bool operator()(const Identity& identity) {
    const Text text = identity.*question_.text;
    Answer& answer = answers_[static_cast<std::size_t>(text) % answers_.size()];
    if (!answer.is_known || answer.text != text)
      answer = {text, true, question_.is_match(glob_, roster_.text(text))};
    return answer.is_yes;
  }

 private:
  struct Answer {
    Text text{};
    bool is_known = false;
    bool is_yes = false;
  };

  const identity::Roster& roster_;
  const Question& question_;
  std::string_view glob_;
  std::array<Answer, 64> answers_{};
};

}  // namespace

Population::Population(const Script& script, const identity::Roster& roster,
                       std::span<const std::uint32_t> members)
    : Population(script, roster, members, earliest_timestamp, Pasts(members.size())) {}

Population::Population(const Script& script, const identity::Roster& roster,
                       std::span<const std::uint32_t> members, Timestamp moment, const Pasts& pasts)
    : script_(script),
      roster_(roster),
      members_(members.begin(), members.end()),
      everyone_(members.size()),
      absent_(members.size()),
      left_(members.size()) {
  keys_.reserve(members.size());
  for (const std::uint32_t member : members) keys_.push_back(hash_text(roster[member].id));
  SensorSet undecided(members.size());
  for (std::uint32_t sensor = 0; sensor < members.size(); ++sensor) {
    everyone_.insert(sensor);
    if (!pasts[sensor]) {
      undecided.insert(sensor);
      continue;
    }
    const Past& past = *pasts[sensor];
    if (past.comes_back) undecided.insert(sensor);
    if (!past.is_there) absent_.insert(sensor);
    if (past.has_left) left_.insert(sensor);
    if (past.overlay != 0) overlays_.resize(size());
    if (past.overlay != 0) overlays_[sensor] = past.overlay;
    for (const std::uint32_t entry : past.reached)
      reached_.try_emplace(entry, size()).first->second.insert(sensor);
  }
  find_absent(std::move(undecided), moment);
}

SensorSet Population::matching(std::uint32_t entry, const SensorSet& among) const {
  const Where& where = script_[entry].entry.where;
  std::vector<Test> tests;
  for (const Question& question : questions) {
    if (const std::string& glob = where.*question.glob; !glob.empty())
      tests.emplace_back(roster_, question, glob);
  }
  if (tests.empty() && where.id.empty()) return among;
  SensorSet found(size());
  among.for_each_from(0, [&](std::uint32_t sensor) {
    const Identity now = identity(sensor);
    const bool fits = std::ranges::all_of(tests, [&](Test& test) { return test(now); }) &&
                      (where.id.empty() || matches(where.id, now.id));
    if (fits) found.insert(sensor);
    return true;
  });
  return found;
}

SensorSet Population::judge(std::uint32_t entry) const {
  SensorSet found(size());
  if (const auto followed = script_[entry].follows) {
    if (const auto reached = reached_.find(*followed); reached != reached_.end())
      found = matching(entry, reached->second);
  } else {
    found = matching(entry, everyone_);
  }
  found.for_each_from(0, [&](std::uint32_t sensor) {
    if (!is_open_to(sensor, entry)) found.erase(sensor);
    return true;
  });
  return found;
}

bool Population::is_open_to(std::uint32_t sensor, std::uint32_t entry) const {
  return is_there(sensor) != joins(script_[entry]);
}

void Population::apply(std::uint32_t entry, std::uint32_t sensor, bool fails) {
  const PlannedEntry& planned = script_[entry];
  if (script_.is_remembered(entry)) reached_.try_emplace(entry, size()).first->second.insert(sensor);
  if (joins(planned)) {
    absent_.erase(sensor);
  } else if (moves(planned)) {
    absent_.insert(sensor);
    left_.insert(sensor);
  }
  if (fails || script_.overlay(entry) == identity::Overlay{}) return;
  if (overlays_.empty()) overlays_.resize(size());
  overlays_[sensor] = roster_.overlays().with(overlays_[sensor], script_.overlay(entry));
}

Past Population::past_of(std::uint32_t sensor) const {
  Past past{.overlay = overlay(sensor), .is_there = is_there(sensor), .has_left = has_left(sensor)};
  for (const auto& [entry, sensors] : reached_) {
    if (sensors.contains(sensor)) past.reached.push_back(entry);
  }
  return past;
}

// Nobody has been reached yet by what another entry refers to.
void Population::find_absent(SensorSet undecided, Timestamp since) {
  for (const std::uint32_t entry : script_.movers()) {
    if (script_[entry].follows || script_[entry].at < since) continue;
    matching(entry, undecided).for_each_from(0, [&](std::uint32_t sensor) {
      undecided.erase(sensor);
      if (joins(script_[entry])) absent_.insert(sensor);
      return true;
    });
  }
}

}  // namespace fleet_sim::timeline
