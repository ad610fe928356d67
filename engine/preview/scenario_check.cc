#include "preview/scenario_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/plain_text.h"
#include "base/problems.h"
#include "identity/overlays.h"
#include "scenario/fields.h"
#include "scenario/scenario.h"
#include "sqlite/shard_key.h"
#include "start/forecast.h"
#include "start/run_span.h"
#include "timeline/script.h"

namespace fleet_sim::preview {
namespace {

constexpr std::array settable{&scenario::Set::location, &scenario::Set::manufacturer, &scenario::Set::model,
                              &scenario::Set::firmware_version};

// What of a sensor decides its shard, if `set` can change it.
std::string scenario::Set::*sharded_by(config::ShardKey key) {
  switch (key) {
    case config::ShardKey::location:
    case config::ShardKey::site:
      return &scenario::Set::location;
    case config::ShardKey::manufacturer:
      return &scenario::Set::manufacturer;
    case config::ShardKey::model:
      return &scenario::Set::model;
    case config::ShardKey::firmware:
      return &scenario::Set::firmware_version;
    case config::ShardKey::none:
    case config::ShardKey::sensor:
    case config::ShardKey::hash:
      break;
  }
  return nullptr;
}

class Check {
 public:
  Check(const config::Config& config, const config::Origins& origins) : config_(config), origins_(origins) {}

  void add(const scenario::Entry& entry, const std::string& text) {
    const std::string path = scenario::path_of(entry.name);
    const auto origin = origins_.find(path);
    problems_.add(origin == origins_.end() ? "config" : origin->second.place,
                  fmt::format("{}.{}", path, text));
  }

  void shards() {
    const config::ShardKey key = config_.sharding.key;
    std::string scenario::Set::*const member = sharded_by(key);
    if (member == nullptr) return;
    for (const scenario::Entry& entry : config_.scenario) {
      const auto* set = std::get_if<scenario::Set>(&entry.verb);
      if (set == nullptr || (set->*member).empty()) continue;
      const std::string_view name = sqlite::name_of(key);
      add(entry, fmt::format("set would move sensors between files, which are chosen by {0}; shard by "
                             "something that stays, as with --shard-by hash:16",
                             name));
    }
  }

  // Of texts that are set one by one, any combination may come about.
  void combinations() {
    std::array<std::set<std::string_view>, settable.size()> texts;
    std::set<std::array<std::string_view, settable.size()>> whole;
    for (const scenario::Entry& entry : config_.scenario) {
      const auto* set = std::get_if<scenario::Set>(&entry.verb);
      if (set == nullptr) continue;
      std::array<std::string_view, settable.size()> all;
      for (std::size_t i = 0; i < settable.size(); ++i) {
        all[i] = set->*settable[i];
        if (!all[i].empty()) texts[i].insert(all[i]);
      }
      whole.insert(all);
    }
    double count = 1;
    for (const auto& some : texts) count *= static_cast<double>(some.size() + 1);
    const bool alike = std::ranges::all_of(whole, [&](const auto& all) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].empty() != whole.begin()->at(i).empty()) return false;
      }
      return true;
    });
    if (alike) count = static_cast<double>(whole.size() + 1);
    if (count <= identity::Overlays::most) return;
    problems_.add("scenario", fmt::format("its entries set texts that combine in {:.0f} ways, more than {}; "
                                          "use fewer different texts",
                                          count, identity::Overlays::most));
  }

  void references(const Forgotten& forgotten) {
    for (const scenario::Entry& entry : config_.scenario) {
      const std::string& event = entry.where.event;
      if (!forgotten.contains(event)) continue;
      add(entry,
          fmt::format(
              "where.event names {}, but where a scenario has or had more than {} entries, the sensors "
              "that an entry reaches are recorded only if another entry refers to it from the start; "
              "restart to make this change",
              in_quotes(event), timeline::most_remembered));
    }
  }

  void finish() const {
    if (!problems_.empty()) throw InvalidInput(problems_.text());
  }

 private:
  const config::Config& config_;
  const config::Origins& origins_;
  Problems problems_;
};

}  // namespace

void check_scenario(const start::Inputs& inputs, const timeline::Plan& plan, Timestamp start) {
  Check check(inputs.config, inputs.origins);
  for (const timeline::PlanProblem& problem : timeline::problems_of(plan, start))
    check.add(plan[problem.entry].entry, problem.text);
  check.shards();
  check.combinations();
  check.finish();
}

void check_scenario_to_run(const start::Inputs& inputs, Timestamp now) {
  if (inputs.config.scenario.empty()) return;
  if (inputs.resumed) return check_scenario_of_reload(inputs.config, inputs.config);
  const Timestamp start = start::start_of(inputs.config, start::forecast(inputs), now);
  check_scenario(inputs, timeline::plan_of(inputs.config.scenario, start), start);
}

// What is removed, or begins anew as another, has no past.
void Forgotten::follow(const scenario::Entries& entries) {
  std::map<std::string_view, const scenario::Entry*> before;
  for (const scenario::Entry& entry : entries_) before.emplace(entry.name, &entry);
  std::set<std::string_view> followed;
  for (const scenario::Entry& entry : entries) followed.insert(entry.where.event);
  std::set<std::string> names;
  for (const scenario::Entry& entry : entries) {
    const auto was = before.find(entry.name);
    const bool was_forgotten = was != before.end() && *was->second == entry && names_.contains(entry.name);
    const bool is_one_of_many = entries.size() > timeline::most_remembered && !followed.contains(entry.name);
    if (was_forgotten || is_one_of_many) names.insert(entry.name);
  }
  names_ = std::move(names);
  entries_ = entries;
}

void check_scenario_of_reload(const config::Config& running, const config::Config& config,
                              const Forgotten& forgotten) {
  static const config::Origins nowhere;
  if (config::delivers(config) != config::delivers(running)) {
    throw InvalidInput(
        "scenario: entries with deliver can only come or go while others stay, or delivery is "
        "configured; restart for the change");
  }
  if (const std::string wrong = scenario::problem_of(config.scenario); !wrong.empty())
    throw InvalidInput(wrong);
  Check check(config, nowhere);
  check.shards();
  check.combinations();
  check.references(forgotten);
  check.finish();
}

}  // namespace fleet_sim::preview
