#include "app/version.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/version.h>

#include <oneapi/tbb/version.h>
#include <CLI/CLI.hpp>
#include <boost/version.hpp>
#include <nlohmann/json.hpp>
#include <string_view>

#include "app/build.h"
#include "config/sinks.h"
#include "tables/database.h"

namespace fleet_sim::app {
namespace {

struct Library {
  std::string_view name;
  std::string version;
};

std::string dotted(int major, int minor, int patch) {
  return fmt::format("{}.{}.{}", major, minor, patch);
}

// SQLite is the one that is loaded, which decides how files are written; the others are those built with.
std::string libraries_text() {
  const Library libraries[] = {
      {"SQLite", sqlite3_libversion()},
      {"Boost", dotted(BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1'000, BOOST_VERSION % 100)},
      {"oneTBB", fmt::format("{}.{}", TBB_VERSION_MAJOR, TBB_VERSION_MINOR)},
      {"yaml-cpp", build.yaml_cpp_version},
      {"nlohmann/json",
       dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
      {"spdlog", dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
      {"fmt", dotted(FMT_VERSION / 10'000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"CLI11", CLI11_VERSION},
  };
  std::string text;
  for (const Library& library : libraries) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", library.name, library.version);
  }
  return text;
}

}  // namespace

std::string version_text() {
  return fmt::format("fleet-sim {}\n{} build for {} by {}\n{}\nsinks: {}", FLEET_SIM_VERSION, build.type,
                     build.processor, build.compiler, libraries_text(),
                     fmt::join(config::built_in_schemes(), ", "));
}

}  // namespace fleet_sim::app
