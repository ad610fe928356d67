#include "history/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/problems.h"
#include "config/config_changes.h"
#include "config/load_config.h"
#include "fleet/profile_table.h"
#include "types/built_in_type.h"
#include "types/catalog.h"

namespace fleet_sim::history {
namespace {

// Reads each recorded config that differs from the one before.
class ConfigReader {
 public:
  ConfigReader(const config::Config& process, std::shared_ptr<const config::Config> first)
      : process_(process), config_(std::move(first)), readings_(config::readings_config_text(*config_)) {}

  const std::shared_ptr<const config::Config>& read(const tables::RunReload& reload) {
    if (reload.config == text_) return config_;
    text_ = reload.config;
    Problems problems;
    const config::Config recorded =
        config::read_config(text_, fmt::format("run_reloads, number {}", reload.number), problems);
    if (!problems.empty()) throw InvalidInput(problems.text());
    config::Config config = with_readings_of(process_, recorded);
    if (std::string readings = config::readings_config_text(config); readings != readings_) {
      readings_ = std::move(readings);
      config_ = std::make_shared<const config::Config>(std::move(config));
    }
    return config_;
  }

 private:
  const config::Config& process_;
  std::shared_ptr<const config::Config> config_;
  std::string readings_;  // of it
  std::string text_;      // as it was recorded
};

// Follows who is in the fleet, from reload to reload, and gives every identity its index.
class FleetFollower {
 public:
  explicit FleetFollower(identity::Roster& roster) : roster_(roster) {}

  std::uint32_t begin_with(const identity::IdentityRecord& record) { return become(record).to; }

  Became become(const identity::IdentityRecord& record) {
    const std::uint32_t index = roster_.add(record);
    const auto [entry, is_new] = members_.try_emplace(roster_[index].id);
    const Became became{entry->second, index, !is_new && !entry->second};
    entry->second = index;
    return became;
  }

  std::optional<std::uint32_t> remove(const std::string& id) {
    const auto found = members_.find(id);
    return found == members_.end() ? std::nullopt : std::exchange(found->second, std::nullopt);
  }

 private:
  identity::Roster& roster_;
  std::unordered_map<std::string_view, std::optional<std::uint32_t>> members_;  // none: has left
};

// Who is there after the reloads. An identity leaves once at most.
Members remaining(Members members, std::span<const PastReload> reloads) {
  Members left;
  for (const PastReload& past : reloads) {
    left.insert(left.end(), past.reload.removed.begin(), past.reload.removed.end());
    for (const Became& became : past.became) {
      if (became.from) left.push_back(*became.from);
      members.push_back(became.to);
    }
  }
  std::ranges::sort(left);
  std::erase_if(members, [&](std::uint32_t member) { return std::ranges::binary_search(left, member); });
  return members;
}

}  // namespace

config::Config recorded_config(const tables::RunInfo& run) {
  Problems problems;
  config::Config config =
      config::read_config(run.config, fmt::format("run_info of run {}", run.run_id), problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  config.simulation.seed = run.seed;
  config.clock.start = run.start;
  return config;
}

std::vector<std::string> readings_tables(const tables::RunInfo& run, const data::RunRecord& record) {
  std::vector<std::string> names{types::built_in_type().schema.readings_name()};
  const auto note = [&](const tables::RunInfo& then) {
    const auto types = fleet::types_under(recorded_config(then), types::built_in_types());
    for (const std::string_view type : types->names()) {
      std::string name = (*types)[type].schema.readings_name();
      if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
  };
  note(run);
  tables::RunInfo then = run;
  for (const data::RecordedReload& one : record.reloads) {
    if (one.reload.config.empty()) continue;
    then.config = one.reload.config;
    note(then);
  }
  return names;
}

config::Config with_readings_of(const config::Config& process, const config::Config& other) {
  config::Config config = config::adopt(process, other);
  config.logging.level = process.logging.level;
  config.config_reload = process.config_reload;
  return config;
}

History::History(Timestamp start, std::shared_ptr<const config::Config> began_under, Members began_with)
    : start_(start), began_under_(std::move(began_under)), began_with_(std::move(began_with)) {}

History History::of_record(const data::RunRecord& record, Timestamp start, const config::Config& process,
                           const config::Config& began_under, identity::Roster& roster) {
  History history(start, std::make_shared<const config::Config>(with_readings_of(process, began_under)), {});
  FleetFollower fleet(roster);
  for (const identity::IdentityRecord& one : record.began_with)
    history.began_with_.push_back(fleet.begin_with(one));
  ConfigReader configs(process, history.began_under_);
  for (const data::RecordedReload& recorded : record.reloads) {
    PastReload past{recorded.reload, configs.read(recorded.reload), false, {}};
    past.changes_config = past.config != history.config_after(history.reloads_.size());
    for (const std::string& id : recorded.identities.removed) {
      if (const auto was = fleet.remove(id)) past.reload.removed.push_back(*was);
    }
    for (const identity::IdentityRecord& one : recorded.identities.identities) {
      past.became.push_back(fleet.become(one));
      past.reload.identities.push_back(past.became.back().to);
    }
    history.reloads_.push_back(std::move(past));
  }
  return history;
}

Members History::members_after(std::size_t reloads) const {
  return remaining(began_with_, std::span(reloads_).first(reloads));
}

Members History::members_after(const Members& members, const PastReload& next) {
  return remaining(members, std::span(&next, 1));
}

std::size_t History::reloads_until(Timestamp moment) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(reloads_, [moment](const PastReload& past) { return past.reload.at <= moment; }));
}

Members History::everyone() const {
  Members everyone = began_with_;
  for (const PastReload& past : reloads_) {
    for (const Became& became : past.became) everyone.push_back(became.to);
  }
  return everyone;
}

LifeTable::LifeTable(const History& history, const identity::Roster& roster) : history_(history) {
  std::vector<std::uint32_t> first_of(roster.size());
  std::iota(first_of.begin(), first_of.end(), 0u);
  std::unordered_map<std::string_view, std::uint32_t> first_with_id;
  first_with_id.reserve(history.began_with().size());
  for (const std::uint32_t identity : history.everyone()) {
    const auto [entry, is_new] = first_with_id.try_emplace(roster[identity].id, identity);
    first_of[identity] = entry->second;
    if (is_new) sensors_.push_back(identity);
  }
  first_of_ = std::make_shared<const std::vector<std::uint32_t>>(std::move(first_of));
  turns_.resize(roster.size());
  for (const std::uint32_t member : history.began_with())
    add(member, {history.start(), 0, member, true, false});
  for (std::size_t i = 0; i < history.reloads().size(); ++i) {
    const PastReload& past = history.reloads()[i];
    const Timestamp at = past.reload.at;
    if (past.changes_config) config_reloads_.push_back(i + 1);
    for (const std::uint32_t removed : past.reload.removed) add(removed, {at, i + 1, {}, false, false});
    for (const Became& became : past.became)
      add(became.to, {at, i + 1, became.to, !became.from, became.comes_back});
  }
}

void LifeTable::add(std::uint32_t identity, Turn turn) {
  turns_[(*first_of_)[identity]].push_back(turn);
}

std::vector<LifeTable::Piece> LifeTable::pieces(std::uint32_t sensor, Timestamp since) const {
  std::vector<Piece> pieces;
  const std::vector<Turn>& turns = turns_[sensor];
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const bool last = i + 1 == turns.size();
    const Timestamp to = last ? latest_timestamp : turns[i + 1].at;
    if (to <= since || !turns[i].identity) continue;
    split(turns[i], to, last ? SIZE_MAX : turns[i + 1].reloads, since, pieces);
  }
  return pieces;
}

// At the reloads that changed the config meanwhile, from the last one that is not after `since`.
void LifeTable::split(const Turn& turn, Timestamp to, std::size_t reloads_end, Timestamp since,
                      std::vector<Piece>& pieces) const {
  const auto moment_of = [this](std::size_t reloads) { return history_.reloads()[reloads - 1].reload.at; };
  Piece piece{turn.at, to, *turn.identity, turn.reloads, turn.joins, turn.comes_back};
  const auto first = std::ranges::upper_bound(config_reloads_, turn.reloads);
  const auto end = std::lower_bound(first, config_reloads_.end(), reloads_end);
  const auto later = std::ranges::upper_bound(first, end, since, {}, moment_of);
  if (later != first) piece = {moment_of(later[-1]), to, *turn.identity, later[-1], false, false};
  for (auto next = later; next != end; ++next) {
    piece.to = moment_of(*next);
    pieces.push_back(piece);
    piece = {moment_of(*next), to, *turn.identity, *next, false, false};
  }
  pieces.push_back(piece);
}

LifeTable::Piece LifeTable::last_joined(std::uint32_t sensor, Timestamp moment) const {
  const std::vector<Turn>& turns = turns_[sensor];
  const auto joined = std::find_if(turns.rbegin(), turns.rend(),
                                   [moment](const Turn& turn) { return turn.joins && turn.at <= moment; });
  const bool is_last = joined == turns.rbegin();
  const auto config_changes = std::ranges::upper_bound(config_reloads_, joined->reloads);
  const bool changes_first =
      config_changes != config_reloads_.end() && (is_last || *config_changes < joined[-1].reloads);
  Timestamp to = is_last ? latest_timestamp : joined[-1].at;
  if (changes_first) to = history_.reloads()[*config_changes - 1].reload.at;
  return {joined->at, to, *joined->identity, joined->reloads, joined->joins, joined->comes_back};
}

}  // namespace fleet_sim::history
