// An intermittent contact lets one channel jump to the end of what its device can show, in a share of the
// time. The reference is the level that lies beyond that end.
#include <limits>

#include "model/anomaly_effect.h"

namespace fleet_sim::model {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// To the end in the direction that was drawn, or to the only one.
void choose_rail(Anomaly& anomaly, const Profile& profile, const UsualLevel&) {
  const ChannelProfile& channel = profile.channels[index_of(*anomaly.channel)];
  if (!channel.has_low_rail) anomaly.direction = 1;
  if (!channel.has_high_rail) anomaly.direction = -1;
  anomaly.magnitude = anomaly.severity;
  anomaly.reference = anomaly.direction > 0 ? infinity : -infinity;
}

double jumped(const AffectedReading& reading, double level) {
  const Anomaly& contact = reading.anomaly;
  return happens(*contact.severity, reading.seed, reading.key, reading.due) ? contact.reference : level;
}

}  // namespace

const AnomalyEffect intermittent_effect{.graded = GradedEffect{.sigma_of = GradedEffect::SigmaOf::nothing,
                                                               .channels = GradedEffect::Channels::with_rails,
                                                               .has_direction = true,
                                                               .size = choose_rail,
                                                               .level = jumped}};

}  // namespace fleet_sim::model
