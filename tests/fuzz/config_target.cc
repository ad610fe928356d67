// Any text as a config file: problems are collected, never thrown, and what is accepted can be written down
// and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load_config.h"

using namespace fleet_sim;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Problems problems;
  const config::Config config =
      config::read_config({reinterpret_cast<const char*>(data), size}, "fuzz", problems);
  if (!problems.empty()) return 0;
  const config::Config again = config::read_config(config::config_text(config), "again", problems);
  if (!problems.empty() || !(again == config)) std::abort();
  return 0;
}
