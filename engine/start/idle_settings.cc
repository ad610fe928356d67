#include "start/idle_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/plain_text.h"
#include "model/anomaly_effect.h"
#include "types/built_in_type.h"

namespace fleet_sim::start {
namespace {

// Which types of sensor the members are of.
struct TypesInUse {
  bool built_in = false;
  bool declared = false;
};

TypesInUse types_in_use(const Inputs& inputs) {
  TypesInUse use;
  const identity::Roster& roster = inputs.identities.roster;
  for (const std::uint32_t member : inputs.members) {
    const bool is_built_in = types::is_built_in((*inputs.types)[roster.text(roster[member].type)]);
    (is_built_in ? use.built_in : use.declared) = true;
    if (use.built_in && use.declared) break;
  }
  return use;
}

class Lines {
 public:
  explicit Lines(const Inputs& inputs) : inputs_(inputs) {}

  // If the key has been set.
  void add(std::string_view key, std::string_view why) {
    const auto origin = inputs_.origins.find(key);
    if (origin == inputs_.origins.end()) return;
    lines_.push_back(fmt::format("{}: {} {}", printable(origin->second.place), key, why));
  }

  [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

 private:
  const Inputs& inputs_;
  std::vector<std::string> lines_;
};

void add_frequency(Lines& lines, config::AnomalyBasis basis) {
  if (basis == config::AnomalyBasis::rate) {
    lines.add("anomalies.probability",
              "has no effect with anomalies.basis: rate, which counts by anomalies.per_day");
  } else {
    lines.add("anomalies.per_day", "has no effect without anomalies.basis: rate");
  }
}

void add_type(Lines& lines, std::size_t k, const config::AnomalySettings& anomalies, TypesInUse use) {
  const std::string prefix = fmt::format("anomalies.types.{}.", anomaly_type_names[k]);
  const bool is_relative = model::effect_of(static_cast<AnomalyType>(k)).relative &&
                           anomalies.severity == config::AnomalySeverity::relative && use.built_in;
  if (is_relative && !use.declared) {
    lines.add(prefix + "severity", "has no effect without anomalies.severity: graded");
  } else if (is_relative) {
    lines.add(prefix + "severity",
              "has no effect on sensors of the built-in type without anomalies.severity: graded");
  }
  if (!anomalies.types[k].enabled || anomalies.types[k].weight > 0) return;
  for (const std::string_view leaf : {"severity", "duration_seconds"}) {
    if (leaf == "severity" && is_relative) continue;
    lines.add(prefix + std::string(leaf),
              fmt::format("only decides anomalies that are injected: {}weight is 0", prefix));
  }
}

}  // namespace

std::vector<std::string> idle_anomaly_settings(const Inputs& inputs) {
  const config::AnomalySettings& anomalies = inputs.config.anomalies;
  Lines lines(inputs);
  add_frequency(lines, anomalies.basis);
  const TypesInUse use = types_in_use(inputs);
  for (std::size_t k = 0; k < drawn_anomaly_type_count; ++k) add_type(lines, k, anomalies, use);
  return lines.take();
}

}  // namespace fleet_sim::start
