#include "sqlite/shard_sensors.h"

#include <algorithm>
#include <utility>

namespace fleet_sim::sqlite {

std::vector<tables::SensorVersion> ShardSensors::of(std::uint32_t shard, std::size_t first, std::size_t end) {
  Versions found;
  const tables::IdentityEntry& start = reloads_.began_with();
  if (first == 0 && end > 0) {
    if (!std::exchange(grouped_, true)) group();
    const bool is_grouped = shard < first_.size() && !handed_over_[shard];
    if (is_grouped) {
      handed_over_[shard] = true;
      for (const std::uint32_t identity : std::exchange(first_[shard], {})) {
        found.push_back({identity, start.at});
      }
    } else {
      find(shard, start.identities, start.at, found);
    }
  }
  for (std::size_t entry = std::max<std::size_t>(first, 1); entry < end; ++entry) {
    const tables::RunReload& reload = reloads_[entry - 1];
    find(shard, reload.identities, reload.at, found);
  }
  return found;
}

void ShardSensors::group() {
  for (const std::uint32_t identity : reloads_.began_with().identities) {
    const write::Place place = places_[identity];
    if (place.writer != writer_) continue;
    if (place.shard >= first_.size()) first_.resize(place.shard + 1);
    first_[place.shard].push_back(identity);
  }
  handed_over_.assign(first_.size(), false);
}

void ShardSensors::find(std::uint32_t shard, const std::vector<std::uint32_t>& identities, Timestamp since,
                        Versions& found) const {
  for (const std::uint32_t identity : identities) {
    if (places_[identity] == write::Place{writer_, shard}) found.push_back({identity, since});
  }
}

}  // namespace fleet_sim::sqlite
