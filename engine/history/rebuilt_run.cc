#include "history/rebuilt_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/plain_text.h"
#include "base/problems.h"
#include "base/random.h"
#include "data/data_directory.h"
#include "data/run_record.h"
#include "history/chronicle.h"

namespace fleet_sim::history {
namespace {

data::RunRecord read_whole_record(const std::vector<std::filesystem::path>& files,
                                  const tables::RunInfo& run) {
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
    : seed_(run.seed) {
  const config::Config config = recorded_config(run);
  types_ = fleet::types_under(config, types::built_in_types());
  const History history =
      History::of_record(read_whole_record(files, run), run.start, config, config, roster_);
  for (std::size_t i = 0; i <= history.reloads().size(); ++i)
    timeline::note_texts(roster_, history.config_after(i)->scenario);
  const LifeTable lives(history, roster_);
  for (const std::uint32_t sensor : lives.sensors()) {
    Life& life = lives_[roster_[sensor].id];
    for (const LifeTable::Piece& piece : lives.pieces(sensor, run.start - 1)) {
      const auto [profile, shared] =
          table_of(history.config_after(piece.reloads))->find_or_resolve(roster_[piece.identity]);
      life.stretches.push_back({piece.from, piece.to, profile, shared});
    }
  }
  follow_scenario(history, lives, end_of(files));
}

const std::shared_ptr<fleet::ProfileTable>& RebuiltRun::table_of(
    const std::shared_ptr<const config::Config>& config) {
  std::shared_ptr<fleet::ProfileTable>& table = tables_[config.get()];
  if (table == nullptr)
    table =
        std::make_shared<fleet::ProfileTable>(roster_, config, fleet::types_under(*config, types_), seed_);
  return table;
}

// Cuts the stretches where entries have set something, and keeps what they have added.
void RebuiltRun::follow_scenario(const History& history, const LifeTable& lives, Timestamp until) {
  Chronicle::Told told{
      .history = history,
      .lives = lives,
      .roster = roster_,
      .seed = seed_,
      .profiles = [&](std::size_t reloads) { return table_of(history.config_after(reloads)); }};
  told.became = [&](std::uint32_t sensor, Timestamp at, const fleet::ProfileTable::Entry& made) {
    std::vector<Stretch>& stretches = lives_[roster_[sensor].id].stretches;
    const auto stretch =
        std::ranges::find_if(stretches, [at](const Stretch& one) { return one.from <= at && at < one.to; });
    if (stretch == stretches.end()) return;
    const Timestamp to = std::exchange(stretch->to, at);
    stretches.insert(stretch + 1, {at, to, made.profile, made.shared});
  };
  told.added = [&](std::uint32_t sensor, const fleet::Added& added) {
    std::vector<fleet::Added>& all = lives_[roster_[sensor].id].added;
    for (fleet::Added& before : all) {
      if (before.name == added.name) before.until = std::min(before.until, added.from);
    }
    all.push_back(added);
  };
  const Chronicle followed(told, scripts_of(history, roster_, seed_), until);
}

const RebuiltRun::Stretch* RebuiltRun::find(const Life& life, Timestamp at) {
  const auto stretch = std::ranges::find_if(
      life.stretches, [at](const Stretch& one) { return one.from <= at && at < one.to; });
  return stretch == life.stretches.end() ? nullptr : &*stretch;
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
  if (!life->second.added.empty()) {
    fleet::add_up(life->second.added, at, sums);
    then.added = std::span(sums).first(stretch->profile->channels.size());
  }
  return model::clean_values(as_it_was, seed_, at, then);
}

}  // namespace fleet_sim::history
