#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/problems.h"
#include "fleet/fleet.h"
#include "generate/generate_fleet.h"
#include "generate/mix.h"
#include "generate/write_fleet.h"
#include "identity/load_identities.h"
#include "workloads.h"

namespace fleet_sim::bench {
namespace {

void load(const std::filesystem::path& input) {
  Problems problems;
  const identity::LoadedIdentities loaded = identity::load_identities({input}, problems);
  fleet::check_members(loaded.roster, fleet::partition_members(loaded.roster, {}), config::Config{},
                       problems);
  if (!problems.empty()) throw std::runtime_error(problems.text());
}

// A folder of identities is one whatever the form.
void prepare(const std::filesystem::path& input, const std::string& out, std::uint64_t count) {
  generate::write_fleet(generate::drawn_fleet(generate::default_mix(), 1, count), out);
  load(input);
}

}  // namespace

void prepare_identity_files(const std::filesystem::path& input) {
  prepare(input, input.string(), 100'000);
}

void prepare_identity_lines(const std::filesystem::path& input) {
  prepare(input, (input / "fleet.jsonl").string(), 1'000'000);
}

double load_seconds(const Folders& folders) {
  const auto began = std::chrono::steady_clock::now();
  load(folders.input);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace fleet_sim::bench
