#include "fleet/partition.h"

#include <doctest/doctest.h>

#include <map>

#include "config/fleet_settings.h"

namespace fleet_sim::partition_test {

namespace {

using Variables = std::map<std::string, std::string>;

// "3/4", or what is wrong.
std::string resolved(const std::string& asked, const Variables& variables) {
  config::Partition partition;
  REQUIRE(config::parse_partition(asked, partition) == "");
  const std::string wrong = fleet::resolve_partition(partition, [&variables](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
  return wrong.empty() ? config::partition_text(partition) : wrong;
}

}  // namespace

TEST_CASE("an index in the environment chooses the partition") {
  CHECK(resolved("auto/4", {{"JOB_COMPLETION_INDEX", "0"}}) == "1/4");
  CHECK(resolved("auto/4", {{"JOB_COMPLETION_INDEX", "3"}}) == "4/4");
  CHECK(resolved("auto/1000000", {{"JOB_COMPLETION_INDEX", "999999"}}) == "1000000/1000000");
  CHECK(resolved("auto/4", {{"POD_NAME", "fleet-sim-2"}}) == "3/4");
  CHECK(resolved("auto/12", {{"HOSTNAME", "fleet-sim-v2-10"}}) == "11/12");
}

TEST_CASE("a job's index counts before a pod's name, and that before the host's") {
  CHECK(resolved("auto/4", {{"JOB_COMPLETION_INDEX", "0"}, {"POD_NAME", "a-1"}, {"HOSTNAME", "a-2"}}) ==
        "1/4");
  CHECK(resolved("auto/4", {{"POD_NAME", "a-1"}, {"HOSTNAME", "a-2"}}) == "2/4");
  // What is set and of no use is an error, not a reason to look further.
  CHECK(resolved("auto/4", {{"JOB_COMPLETION_INDEX", "x"}, {"HOSTNAME", "a-2"}}).ends_with("is 'x'"));
}

TEST_CASE("a partition that was named is not looked for") {
  CHECK(resolved("2/4", {}) == "2/4");
  CHECK(resolved("2/4", {{"JOB_COMPLETION_INDEX", "0"}}) == "2/4");
}

TEST_CASE("an index that is not there, no number or too large is told of") {
  CHECK(resolved("auto/4", {}) ==
        "auto/4 needs an index in JOB_COMPLETION_INDEX, or at the end of POD_NAME or HOSTNAME, but none of "
        "them is set");
  CHECK(resolved("auto/4", {{"JOB_COMPLETION_INDEX", "4"}}) ==
        "auto/4 has the indices 0 to 3, but JOB_COMPLETION_INDEX is '4'");
  CHECK(resolved("auto/4", {{"POD_NAME", "fleet-sim-4"}}) ==
        "auto/4 has the indices 0 to 3, but POD_NAME is 'fleet-sim-4'");
  for (const char* text : {"-1", "1.5", "1x", " 1", "99999999999999999999", "fleet-sim-1"}) {
    CAPTURE(text);
    CHECK(resolved("auto/4", {{"JOB_COMPLETION_INDEX", text}})
              .ends_with(std::string("JOB_COMPLETION_INDEX is '") + text + "'"));
  }
  for (const char* text : {"fleet", "3", "fleet-", "fleet-sim-7d9c5b-x2x9z", "fleet-1-", "-"}) {
    CAPTURE(text);
    CHECK(resolved("auto/4", {{"HOSTNAME", text}})
              .find("such as fleet-sim-0, in POD_NAME or HOSTNAME, but HOSTNAME is '") != std::string::npos);
  }
}

}  // namespace fleet_sim::partition_test
