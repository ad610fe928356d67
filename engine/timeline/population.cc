#include "timeline/population.h"

#include <algorithm>
#include <optional>
#include <string>
#include <variant>

#include "base/random.h"
#include "config/config.h"
#include "timeline/glob.h"

namespace fleet_sim::timeline {
namespace {

using identity::Identity;
using identity::Text;
using scenario::Where;

constexpr std::array<std::string scenario::Set::*, settable_count> set_members{
    &scenario::Set::location, &scenario::Set::manufacturer, &scenario::Set::model,
    &scenario::Set::firmware_version};
constexpr std::array<Text Identity::*, settable_count> identity_members{
    &Identity::location, &Identity::manufacturer, &Identity::model, &Identity::firmware_version};

bool matches_site(std::string_view glob, std::string_view location) {
  return matches(glob, identity::site_of(location));
}

// 1.3.0 is 1.3, but a pattern such as 1.*.0 is meant as it stands.
bool matches_firmware(std::string_view glob, std::string_view version) {
  return matches(glob, version) ||
         matches(config::canonical_firmware(glob), config::canonical_firmware(version));
}

// What `where` may ask of a text that sensors share. A type cannot be set.
struct Question {
  std::string Where::*glob;
  Text Identity::*text;
  std::optional<Settable> settable;
  bool (*is_match)(std::string_view glob, std::string_view text);
};
constexpr std::array<Question, 6> questions{
    {{&Where::type, &Identity::type, std::nullopt, matches},
     {&Where::location, &Identity::location, Settable::location, matches},
     {&Where::site, &Identity::location, Settable::location, matches_site},
     {&Where::manufacturer, &Identity::manufacturer, Settable::manufacturer, matches},
     {&Where::model, &Identity::model, Settable::model, matches},
     {&Where::firmware_version, &Identity::firmware_version, Settable::firmware_version, matches_firmware}}};

bool moves(const PlannedEntry& planned) {
  return std::holds_alternative<scenario::Join>(planned.entry.verb) ||
         std::holds_alternative<scenario::Leave>(planned.entry.verb);
}

bool joins(const PlannedEntry& planned) {
  return std::holds_alternative<scenario::Join>(planned.entry.verb);
}

}  // namespace

// One question of an entry. A text that many sensors share is looked at once.
class Population::Test {
 public:
  Test(const Population& population, std::size_t question, std::string_view glob)
      : population_(population), question_(question), glob_(glob) {}

  bool operator()(std::uint32_t sensor) {
    const Question& question = questions[question_];
    if (question.settable) {
      const Settable what = *question.settable;
      const std::vector<std::uint32_t>& set_by = population_.set_by_[static_cast<std::size_t>(what)];
      const std::uint32_t setter = set_by.empty() ? 0 : set_by[sensor];
      if (setter != 0) return known(of_setter_, setter, [&] { return population_.text(sensor, what); });
    }
    const Text handle = population_.identity(sensor).*question.text;
    return known(of_text_, static_cast<std::size_t>(handle),
                 [&] { return population_.roster_.text(handle); });
  }

 private:
  enum class Answer : std::uint8_t { unknown, no, yes };

  template <class GetText>
  bool known(std::vector<Answer>& answers, std::size_t index, GetText text) {
    if (index >= answers.size()) answers.resize(std::max(index + 1, 2 * answers.size()));
    Answer& answer = answers[index];
    if (answer == Answer::unknown)
      answer = questions[question_].is_match(glob_, text()) ? Answer::yes : Answer::no;
    return answer == Answer::yes;
  }

  const Population& population_;
  std::size_t question_;
  std::string_view glob_;
  std::vector<Answer> of_text_;    // by handle
  std::vector<Answer> of_setter_;  // by 1 + entry
};

std::string_view set_text(const scenario::Set& set, Settable what) {
  return set.*set_members[static_cast<std::size_t>(what)];
}

Population::Population(const Plan& plan, const identity::Roster& roster,
                       std::span<const std::uint32_t> members)
    : plan_(plan), roster_(roster), members_(members), reached_(plan.size()), is_followed_(plan.size()) {
  if (plan.empty()) return;
  keys_.reserve(members.size());
  for (const std::uint32_t member : members) keys_.push_back(hash_text(roster[member].id));
  everyone_ = SensorSet(members.size());
  for (std::uint32_t sensor = 0; sensor < members.size(); ++sensor) everyone_.insert(sensor);
  for (const PlannedEntry& planned : plan) {
    if (planned.follows) {
      reached_[*planned.follows] = SensorSet(members.size());
      is_followed_[*planned.follows] = true;
    }
    const auto* set = std::get_if<scenario::Set>(&planned.entry.verb);
    for (std::size_t what = 0; set != nullptr && what < settable_count; ++what) {
      if (!(set->*set_members[what]).empty()) set_by_[what].resize(members.size());
    }
  }
  find_absent();
}

std::string_view Population::text(std::uint32_t sensor, Settable what) const {
  const std::vector<std::uint32_t>& set_by = set_by_[static_cast<std::size_t>(what)];
  if (!set_by.empty() && set_by[sensor] != 0)
    return set_text(std::get<scenario::Set>(plan_[set_by[sensor] - 1].entry.verb), what);
  return roster_.text(identity(sensor).*identity_members[static_cast<std::size_t>(what)]);
}

SensorSet Population::matching(std::uint32_t entry, const SensorSet& among) const {
  const PlannedEntry& planned = plan_[entry];
  const Where& where = planned.entry.where;
  std::vector<Test> tests;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    if (const std::string& glob = where.*questions[q].glob; !glob.empty()) tests.emplace_back(*this, q, glob);
  }
  SensorSet found(size());
  among.for_each_from(0, [&](std::uint32_t sensor) {
    const bool fits = (where.id.empty() || matches(where.id, identity(sensor).id)) &&
                      std::ranges::all_of(tests, [&](Test& test) { return test(sensor); });
    if (fits) found.insert(sensor);
    return true;
  });
  return found;
}

SensorSet Population::judge(std::uint32_t entry) const {
  const PlannedEntry& planned = plan_[entry];
  SensorSet among = planned.follows ? reached_[*planned.follows] : everyone_;
  SensorSet found = matching(entry, among);
  found.for_each_from(0, [&](std::uint32_t sensor) {
    if (!is_open_to(sensor, entry)) found.erase(sensor);
    return true;
  });
  return found;
}

bool Population::is_open_to(std::uint32_t sensor, std::uint32_t entry) const {
  return is_there(sensor) != joins(plan_[entry]);
}

void Population::apply(std::uint32_t entry, std::uint32_t sensor, bool fails) {
  const PlannedEntry& planned = plan_[entry];
  if (is_followed_[entry]) reached_[entry].insert(sensor);
  if (joins(planned)) absent_.erase(sensor);
  if (moves(planned) && !joins(planned)) absent_.insert(sensor);
  const auto* set = std::get_if<scenario::Set>(&planned.entry.verb);
  if (set == nullptr || fails) return;
  for (std::size_t what = 0; what < settable_count; ++what) {
    if (!(set->*set_members[what]).empty()) set_by_[what][sensor] = entry + 1;
  }
}

void Population::find_absent() {
  std::vector<std::uint32_t> movers;  // entries that let sensors join or leave, as they come
  for (std::uint32_t entry = 0; entry < plan_.size(); ++entry) {
    if (moves(plan_[entry])) movers.push_back(entry);
  }
  if (movers.empty()) return;
  std::ranges::stable_sort(movers, {}, [&](std::uint32_t entry) { return plan_[entry].at; });
  absent_ = SensorSet(size());
  SensorSet undecided = everyone_;
  for (const std::uint32_t entry : movers) {
    if (plan_[entry].follows) continue;  // nobody has been reached at the start
    matching(entry, undecided).for_each_from(0, [&](std::uint32_t sensor) {
      undecided.erase(sensor);
      if (joins(plan_[entry])) absent_.insert(sensor);
      return true;
    });
  }
}

}  // namespace fleet_sim::timeline
