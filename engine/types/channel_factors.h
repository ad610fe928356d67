// A factor for each channel of any type, by the channel's name: 1 for all of which nothing else has been
// said, so that what is said of one type leaves the others alone. A plain value; any thread.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace fleet_sim::types {

class ChannelFactors {
 public:
  ChannelFactors() = default;
  ChannelFactors(std::initializer_list<std::pair<std::string_view, double>> factors) {
    for (const auto& [channel, factor] : factors) set(channel, factor);
  }

  [[nodiscard]] double of(std::string_view channel) const {
    const auto found = factors_.find(channel);
    return found == factors_.end() ? 1 : found->second;
  }

  // A factor of 1 is as if nothing had been said.
  void set(std::string_view channel, double factor) {
    if (factor == 1) {
      factors_.erase(std::string(channel));
    } else {
      factors_.insert_or_assign(std::string(channel), factor);
    }
  }

  // Those that are not 1, by channel.
  [[nodiscard]] const std::map<std::string, double, std::less<>>& named() const { return factors_; }

  bool operator==(const ChannelFactors&) const = default;

 private:
  std::map<std::string, double, std::less<>> factors_;
};

}  // namespace fleet_sim::types
