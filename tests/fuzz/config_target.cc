// Any text as a config file: problems are collected, never thrown, and what is accepted can be written down
// and read again, and the signal of a type that is declared in it computed.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "config/load_config.h"
#include "sources/signal.h"

using namespace fleet_sim;

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
  return 0;
}
