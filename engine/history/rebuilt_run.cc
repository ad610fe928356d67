#include "history/rebuilt_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <span>
#include <utility>
#include <variant>

#include "base/plain_text.h"
#include "base/problems.h"
#include "base/random.h"
#include "data/data_directory.h"
#include "data/run_record.h"
#include "history/chronicle.h"

namespace fleet_sim::history {
namespace {

// The one of these, which are in order, that lasts at that moment; the end: none does.
auto stretch_at(auto& stretches, Timestamp at) {
  const auto next = std::ranges::upper_bound(stretches, at, {}, &RebuiltRun::Stretch::from);
  if (next == stretches.begin() || at >= std::prev(next)->to) return stretches.end();
  return std::prev(next);
}

data::RunRecord read_whole_record(const std::vector<std::filesystem::path>& files,
                                  const tables::RunInfo& run) {
  (void)recorded_config(run);  // which says what is wrong with it, before identities are read that need it
  data::RunRecord record = data::read_record(files, run.run_id, run.config);
  if (!record.began_with.empty() || run.fleet_size == 0) return record;
  throw InvalidInput(
      fmt::format("run {} does not say which sensors it began with (table run_identities): an older version "
                  "wrote it, or a file is missing",
                  printable(run.run_id)));
}

// Later than any reading. The rows of a file are in order but for seconds; those of a database into which
// files have been collected, but for as long as a file may wait to be.
Timestamp end_of(const std::vector<std::filesystem::path>& files) {
  Timestamp last = earliest_timestamp;
  for (const std::filesystem::path& file : files) {
    tables::Database shard = data::open_shard(file);
    if (!data::has_table(shard, "sensor_readings", file)) continue;
    tables::Statement row = data::prepare_query(
        shard,
        "SELECT max(timestamp) FROM (SELECT timestamp FROM sensor_readings ORDER BY id DESC LIMIT 10000)",
        file);
    if (!data::next_row(row, shard, file)) continue;
    last = std::max(last, parse_timestamp(row.text(0)).value_or(last));
  }
  constexpr Microseconds margin = 30 * microseconds_per_day;
  return last == earliest_timestamp ? last : std::min(last + margin, latest_timestamp);
}

}  // namespace

RebuiltRun::RebuiltRun(const std::vector<std::filesystem::path>& files, const tables::RunInfo& run)
    : RebuiltRun(read_whole_record(files, run), run, end_of(files)) {}

RebuiltRun::RebuiltRun(const data::RunRecord& record, const tables::RunInfo& run, Timestamp until)
    : seed_(run.seed) {
  const config::Config config = recorded_config(run);
  types_ = fleet::types_under(config, types::built_in_types());
  history_.emplace(History::of_record(record, run.start, config, config, roster_));
  for (std::size_t i = 0; i <= history_->reloads().size(); ++i) {
    const config::Config& then = *history_->config_after(i);
    timeline::note_texts(roster_, then.scenario);
    fleet::note_names(roster_, *fleet::types_under(then, types_));
  }
  life_table_.emplace(*history_, roster_);
  for (const std::uint32_t sensor : life_table_->sensors()) {
    Life& life = lives_[roster_[sensor].id];
    for (const LifeTable::Piece& piece : life_table_->pieces(sensor, run.start - 1)) {
      const auto [profile, shared] =
          table_of(history_->config_after(piece.reloads))->find_or_resolve(roster_[piece.identity]);
      life.stretches.push_back({piece.from, piece.to, profile, shared, piece.identity, 0});
    }
  }
  follow_scenario(until);
}

const std::shared_ptr<fleet::ProfileTable>& RebuiltRun::table_of(
    const std::shared_ptr<const config::Config>& config) {
  std::shared_ptr<fleet::ProfileTable>& table = tables_[config.get()];
  if (table == nullptr)
    table =
        std::make_shared<fleet::ProfileTable>(roster_, config, fleet::types_under(*config, types_), seed_);
  return table;
}

// Cuts the stretches where entries have set something, and keeps what they have added and replaced.
void RebuiltRun::follow_scenario(Timestamp until) {
  Chronicle::Told told{
      .history = *history_,
      .lives = *life_table_,
      .roster = roster_,
      .seed = seed_,
      .profiles = [&](std::size_t reloads) { return table_of(history_->config_after(reloads)); }};
  told.became = [&](std::uint32_t sensor, Timestamp at, const fleet::ProfileTable::Entry& made,
                    identity::OverlayIndex overlay) {
    std::vector<Stretch>& stretches = lives_[roster_[sensor].id].stretches;
    const auto stretch = stretch_at(stretches, at);
    if (stretch == stretches.end()) return;
    const Stretch next{at, stretch->to, made.profile, made.shared, stretch->identity, overlay};
    stretch->to = at;
    stretches.insert(stretch + 1, next);
  };
  told.added = [&](std::uint32_t sensor, const fleet::Added& added) {
    std::vector<PastAddition>& all = lives_[roster_[sensor].id].additions;
    const auto last = std::ranges::find(all.rbegin(), all.rend(), added.what->name,
                                        [](const PastAddition& one) { return one.added.what->name; });
    if (last != all.rend()) last->gone = std::min(last->gone, added.from);
    all.push_back({added, added.until, latest_timestamp});
  };
  told.moment = [&](std::uint32_t sensor, const timeline::Moment& moment, const scenario::Entry& entry) {
    if (const auto* reset = std::get_if<scenario::Reset>(&entry.verb))
      note_service(sensor, moment.at, reset->what);
  };
  const Chronicle followed(told, scripts_of(*history_, roster_, seed_), until);
  for (auto& [id, life] : lives_) {
    assert(
        std::ranges::is_sorted(life.additions, {}, [](const PastAddition& one) { return one.added.from; }));
    Timestamp all_gone = earliest_timestamp;
    for (PastAddition& one : life.additions) one.all_gone = all_gone = std::max(all_gone, one.gone);
  }
}

// Turns of an entry may be many in a long run, of which few count at a time.
bool RebuiltRun::Life::add_up(Timestamp at, std::span<double> sums) const {
  const auto end =
      std::ranges::upper_bound(additions, at, {}, [](const PastAddition& one) { return one.added.from; });
  const auto first = std::ranges::upper_bound(additions.begin(), end, at, {}, &PastAddition::all_gone);
  if (first == end) return false;
  std::ranges::fill(sums, 0);
  for (const PastAddition& one : std::ranges::subrange(first, end)) {
    if (at < one.gone) fleet::add_one(one.added, at, sums);
  }
  return true;
}

void RebuiltRun::note_service(std::uint32_t sensor, Timestamp at, const std::vector<std::string>& what) {
  Life& life = lives_[roster_[sensor].id];
  const Stretch* const stretch = find(life, at);
  if (stretch == nullptr || !stretch->profile->agings) return;
  const std::vector<types::Aging>& agings = stretch->profile->agings->declared();
  for (std::size_t i = 0; i < agings.size(); ++i) {
    if (std::ranges::find(what, agings[i].name) != what.end()) life.serviced.push_back({at, i});
  }
}

const RebuiltRun::Stretch* RebuiltRun::find(const Life& life, Timestamp at) const {
  const auto stretch = stretch_at(life.stretches, at);
  return stretch == life.stretches.end() ? nullptr : &*stretch;
}

std::size_t RebuiltRun::most_knot_words() const {
  std::size_t most = 0;
  for (const auto& [id, life] : lives_) {
    for (const Stretch& stretch : life.stretches) most = std::max(most, model::knot_words(*stretch.profile));
  }
  return most;
}

bool RebuiltRun::had(std::string_view sensor, Timestamp at) const {
  const auto life = lives_.find(sensor);
  return life != lives_.end() && find(life->second, at) != nullptr;
}

std::optional<batch::Values> RebuiltRun::clean_values(std::string_view sensor, Timestamp at) const {
  const auto life = lives_.find(sensor);
  const Stretch* stretch = life == lives_.end() ? nullptr : find(life->second, at);
  if (stretch == nullptr) return std::nullopt;
  const model::Sensor as_it_was{.key = hash_text(sensor),
                                .phase = 0,
                                .profile = stretch->profile,
                                .identity = 0,
                                .shared = stretch->shared};
  fleet::AddedTo sums;
  model::Circumstances then;
  const auto channels = std::span(sums).first(stretch->profile->channels.size());
  if (life->second.add_up(at, channels)) then.added = channels;
  return model::clean_values(as_it_was, seed_, at, then);
}

}  // namespace fleet_sim::history
