// What has gone wrong during a run, by class: nine counters that the summary, the status and the metrics
// show. The class says where to look, the log what happened. Any thread adds, with relaxed atomics.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>

namespace fleet_sim {

enum class ErrorClass : std::uint8_t { busy, full, io, corrupt, read_only, schema, config, identity, http };
inline constexpr std::array<std::string_view, 9> error_class_names{
    "busy", "full", "io", "corrupt", "read_only", "schema", "config", "identity", "http"};
using PerErrorClass = std::array<std::uint64_t, error_class_names.size()>;

inline std::uint64_t total_of(const PerErrorClass& errors) {
  return std::accumulate(errors.begin(), errors.end(), std::uint64_t{0});
}

class ErrorCounts {
 public:
  void add(ErrorClass error_class) {
    counts_[static_cast<std::size_t>(error_class)].fetch_add(1, std::memory_order_relaxed);
  }

  [[nodiscard]] PerErrorClass counts() const {
    PerErrorClass counts;
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = counts_[i].load(std::memory_order_relaxed);
    return counts;
  }

 private:
  std::array<std::atomic<std::uint64_t>, error_class_names.size()> counts_{};
};

}  // namespace fleet_sim
