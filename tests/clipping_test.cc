// The share of clipped readings that explanations tell, against readings.
#include "explain/clipping.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "config/config.h"
#include "model/profile.h"
#include "model/signal.h"
#include "support/built_in_channels.h"

namespace fleet_sim::clipping_test {

using namespace fleet_sim::test;

TEST_CASE("the clipped share is that of normal readings beyond min and max") {
  config::Config config;
  constexpr Timestamp midnight = 1'767'225'600'000'000;  // 2026-01-01T00:00Z
  config.normal_parameters[temperature] = {79, 2, 50, 80};
  config.normal_parameters[vibration] = {2, 1, 1, 3};
  const model::Profile profile = model::resolve_profile(
      config, {"2.0", "Other", "Other", "Office", 1, model::normal_parameters(config)});
  CHECK(explain::clipped_share(profile, profile.channels[vibration]) ==
        doctest::Approx(0.3173105).epsilon(1e-6));
  CHECK(explain::clipped_share(profile, profile.channels[voltage]) < 1e-6);
  int clipped = 0;
  constexpr int readings = 100'000;
  const std::uint64_t key = 7;
  for (int k = 0; k < readings; ++k) {
    const Timestamp due = midnight + k * (microseconds_per_day / readings);
    const batch::Values values = model::normal_values(
        profile, due, draw_block(1, key, Stream::reading, static_cast<std::uint64_t>(due)));
    clipped += values[temperature] == 80 || values[temperature] == 50 ? 1 : 0;
  }
  CHECK(explain::clipped_share(profile, profile.channels[temperature]) ==
        doctest::Approx(static_cast<double>(clipped) / readings).epsilon(0.03));
}

}  // namespace fleet_sim::clipping_test
