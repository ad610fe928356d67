// Any text as a config file: problems are collected, never thrown, and what is accepted can be written down
// and read again, the signal of a type that is declared in it computed, and a sensor of each type resolved,
// with chances and durations of its anomalies that can be.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "config/load_config.h"
#include "fleet/profile_table.h"
#include "sources/signal.h"

using namespace fleet_sim;

namespace {

bool has_sound_anomalies(const model::Profile& profile) {
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const model::Duration& duration = profile.duration[k];
    const Microseconds shortest = duration.of(0);
    const Microseconds longest = duration.of(~0ull);
    const Microseconds lasting = duration.of_lasting(1ull << 63);
    if (shortest < 1 || longest < shortest || lasting < shortest || lasting > longest) return false;
    const double readings = profile.readings_per_anomaly[k];
    if (!std::isfinite(readings) || readings < 1) return false;
    if (!(profile.severity[k].min <= profile.severity[k].max)) return false;
  }
  const auto are_chances = [](const PerAnomalyType<double>& until) {
    return std::ranges::is_sorted(until) && until.front() >= 0 && until.back() <= 1 + 1e-12;
  };
  return are_chances(profile.onset_until) && are_chances(profile.steady_until);
}

// Of a sensor of each type.
void resolve_all(const config::Config& config) {
  const auto types = fleet::types_under(config, types::built_in_types());
  identity::Roster roster;
  for (const std::string_view name : types->names()) {
    identity::IdentityRecord record;
    record.id = name;
    record.type = name;
    record.firmware_version = "9";
    roster.add(record);
  }
  fleet::ProfileTable table(roster, std::make_shared<const config::Config>(config), types);
  for (std::uint32_t i = 0; i < roster.size(); ++i) {
    if (!has_sound_anomalies(*table.find_or_resolve(roster[i]).profile)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Problems problems;
  const config::Config config =
      config::read_config({reinterpret_cast<const char*>(data), size}, "fuzz", problems);
  if (!problems.empty()) return 0;
  const config::Config again = config::read_config(config::config_text(config), "again", problems);
  if (!problems.empty() || !(again == config)) std::abort();
  for (const auto& [name, type] : config.types) {
    const sources::Signal signal(type.signal, {});
    const std::vector<std::uint64_t> shared = signal.sources().shared_keys(1, "hall", "site");
    const std::vector<double> deviates(signal.deviates(), 3.0);
    std::vector<double> values(signal.channels());
    signal.levels({sources::sensor_key(1, 1), shared}, 1'767'225'600'000'000, deviates, values);
    signal.read(values);
    if (!std::ranges::all_of(values, [](double value) { return std::isfinite(value); })) std::abort();
  }
  resolve_all(config);
  return 0;
}
