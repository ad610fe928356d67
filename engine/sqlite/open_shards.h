// Which of a writer's shards are open, in the order of their last use, so that the one longest unused can be
// closed when another needs its place. It knows the shards by their index and opens and closes nothing:
// SqliteSink reports what has been done, and keeps to `most`. A value; whoever uses it guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <vector>

namespace fleet_sim::sqlite {

class OpenShards {
 public:
  explicit OpenShards(std::size_t most) : most_(most) {}

  // The shard is open, and the one used last.
  void used(std::uint32_t index);

  // The shard is not open, whether or not it was.
  void closed(std::uint32_t index);

  // One has to be closed before as many others may be open.
  [[nodiscard]] bool leave_no_room_for(std::size_t others) const {
    return !order_.empty() && order_.size() + others > most_;
  }

  // Not when none is open.
  [[nodiscard]] std::uint32_t longest_unused() const { return order_.front(); }

 private:
  using Order = std::list<std::uint32_t>;

  std::size_t most_;
  Order order_;                                         // longest unused first
  std::vector<std::optional<Order::iterator>> places_;  // by index: where it is in the order
};

}  // namespace fleet_sim::sqlite
