#include "sqlite/open_shards.h"

namespace fleet_sim::sqlite {

void OpenShards::used(std::uint32_t index) {
  if (index >= places_.size()) places_.resize(index + 1);
  std::optional<Order::iterator>& place = places_[index];
  if (!place) place = order_.insert(order_.end(), index);
  order_.splice(order_.end(), order_, *place);
}

void OpenShards::closed(std::uint32_t index) {
  if (index >= places_.size() || !places_[index]) return;
  order_.erase(*places_[index]);
  places_[index].reset();
}

}  // namespace fleet_sim::sqlite
