// The storm: one seed chooses everything, one thread steps everything, and then
// the files must hold what was promised.
//   fleet_storm --seed N | --seeds A..B | --fake-sink A..B      exit 1 when a seed has found something; it is
//   printed
// The last one leaves out the seeds whose storms are about files.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <tbb/global_control.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "storm/storm.h"
#include "tables/database.h"

using namespace fleet_sim::test;

namespace {

struct Seeds {
  std::uint64_t first;
  std::uint64_t last;
  bool only_fake_sink = false;
};

std::optional<Seeds> parse(int count, char** words) {
  if (count != 3) return std::nullopt;
  const std::string option = words[1];
  const std::string value = words[2];
  const std::size_t dots = value.find("..");
  const auto number = [](const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); };
  if (option == "--seed") return Seeds{number(value), number(value)};
  const bool only_fake_sink = option == "--fake-sink";
  if ((option != "--seeds" && !only_fake_sink) || dots == std::string::npos) return std::nullopt;
  return Seeds{number(value.substr(0, dots)), number(value.substr(dots + 2)), only_fake_sink};
}

}  // namespace

int main(int count, char** words) {
  const std::optional<Seeds> seeds = parse(count, words);
  if (!seeds) {
    std::fprintf(stderr, "usage: %s --seed N | --seeds A..B | --fake-sink A..B\n", words[0]);
    return 2;
  }
  doctest::Context context;
  context.setAsDefaultForAssertsOutOfTestCases();
  // Otherwise files are closed in an order of their own each time.
  const tbb::global_control one_thread(tbb::global_control::max_allowed_parallelism, 1);
  fleet_sim::tables::configure_sqlite();
  StormTally total;
  std::uint64_t storms = 0;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = seeds->first; seed <= seeds->last; ++seed) {
    if (seeds->only_fake_sink && !is_about_fake_sink(seed)) continue;
    ++storms;
    const std::string found = storm(seed, total);
    if (found.empty()) continue;
    ++failed;
    std::printf("seed %llu: %s\n    replay: %s --seed %llu\n", static_cast<unsigned long long>(seed),
                found.c_str(), words[0], static_cast<unsigned long long>(seed));
    std::fflush(stdout);
  }
  std::printf("seeds %llu..%llu: %llu of %llu found something; %s\n",
              static_cast<unsigned long long>(seeds->first), static_cast<unsigned long long>(seeds->last),
              static_cast<unsigned long long>(failed), static_cast<unsigned long long>(storms),
              total.text().c_str());
  return failed == 0 ? 0 : 1;
}
