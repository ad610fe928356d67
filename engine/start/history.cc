#include "start/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/problems.h"
#include "config/config_changes.h"
#include "config/load_config.h"

namespace fleet_sim::start {
namespace {

// Reads each recorded config that differs from the one before.
class ConfigReader {
 public:
  ConfigReader(const config::Config& process, std::shared_ptr<const config::Config> first)
      : process_(process), config_(std::move(first)) {}

  const std::shared_ptr<const config::Config>& read(const sqlite::RunReload& reload) {
    if (reload.config == text_) return config_;
    text_ = reload.config;
    Problems problems;
    const config::Config recorded =
        config::read_config(text_, fmt::format("run_reloads, number {}", reload.number), problems);
    if (!problems.empty()) throw InvalidInput(problems.text());
    config::Config config = with_readings_of(process_, recorded);
    if (config::readings_config_text(config) != config::readings_config_text(*config_)) {
      config_ = std::make_shared<const config::Config>(std::move(config));
    }
    return config_;
  }

 private:
  const config::Config& process_;
  std::shared_ptr<const config::Config> config_;
  std::string text_;
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

}  // namespace

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
  Members members = began_with_;
  for (std::size_t i = 0; i < reloads; ++i) {
    const PastReload& past = reloads_[i];
    if (past.became.empty() && past.reload.removed.empty()) continue;
    Members left = past.reload.removed;
    for (const Became& became : past.became) {
      if (became.from) left.push_back(*became.from);
    }
    std::ranges::sort(left);
    std::erase_if(members, [&](std::uint32_t member) { return std::ranges::binary_search(left, member); });
    for (const Became& became : past.became) members.push_back(became.to);
  }
  return members;
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
  Piece piece{turn.at, to, *turn.identity, turn.reloads, turn.joins, turn.comes_back};
  for (auto next = std::ranges::upper_bound(config_reloads_, turn.reloads);
       next != config_reloads_.end() && *next < reloads_end; ++next) {
    const Timestamp at = history_.reloads()[*next - 1].reload.at;
    piece.to = at;
    if (at > since) pieces.push_back(piece);
    piece = {at, to, *turn.identity, *next, false, false};
  }
  pieces.push_back(piece);
}

LifeTable::Piece LifeTable::last_joined(std::uint32_t sensor, Timestamp moment) const {
  const std::vector<Turn>& turns = turns_[sensor];
  const auto joined = std::find_if(turns.rbegin(), turns.rend(),
                                   [moment](const Turn& turn) { return turn.joins && turn.at <= moment; });
  const std::size_t place = static_cast<std::size_t>(turns.rend() - joined) - 1;
  const bool last = place + 1 == turns.size();
  std::vector<Piece> pieces;
  split(*joined, last ? latest_timestamp : turns[place + 1].at, last ? SIZE_MAX : turns[place + 1].reloads,
        joined->at - 1, pieces);
  return pieces.front();
}

}  // namespace fleet_sim::start
