#include "history/rebuilt_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/plain_text.h"
#include "base/problems.h"
#include "base/random.h"
#include "data/run_record.h"
#include "history/history.h"

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

}  // namespace

RebuiltRun::RebuiltRun(const std::vector<std::filesystem::path>& files, const tables::RunInfo& run)
    : seed_(run.seed) {
  const config::Config config = recorded_config(run);
  const auto types = fleet::types_under(config, types::built_in_types());
  const History history =
      History::of_record(read_whole_record(files, run), run.start, config, config, roster_);
  const LifeTable lives(history, roster_);
  for (const std::uint32_t sensor : lives.sensors()) {
    std::vector<Stretch>& life = lives_[roster_[sensor].id];
    for (const LifeTable::Piece& piece : lives.pieces(sensor, run.start - 1)) {
      const std::shared_ptr<const config::Config>& under = history.config_after(piece.reloads);
      std::unique_ptr<fleet::ProfileTable>& table = tables_[under.get()];
      if (table == nullptr) {
        table =
            std::make_unique<fleet::ProfileTable>(roster_, under, fleet::types_under(*under, types), seed_);
      }
      const auto [profile, shared] = table->find_or_resolve(roster_[piece.identity]);
      life.push_back({piece.from, piece.to, profile, shared});
    }
  }
}

const RebuiltRun::Stretch* RebuiltRun::find(std::string_view sensor, Timestamp at) const {
  const auto life = lives_.find(sensor);
  if (life == lives_.end()) return nullptr;
  const auto stretch =
      std::ranges::find_if(life->second, [at](const Stretch& one) { return one.from <= at && at < one.to; });
  return stretch == life->second.end() ? nullptr : &*stretch;
}

std::optional<batch::Values> RebuiltRun::clean_values(std::string_view sensor, Timestamp at) const {
  const Stretch* stretch = find(sensor, at);
  if (stretch == nullptr) return std::nullopt;
  const model::Sensor as_it_was{.key = hash_text(sensor),
                                .phase = 0,
                                .profile = stretch->profile,
                                .identity = 0,
                                .shared = stretch->shared};
  return model::clean_values(as_it_was, seed_, at);
}

}  // namespace fleet_sim::history
