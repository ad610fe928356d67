#include "explain/clipping.h"

#include <cmath>
#include <numbers>

#include "base/timestamp.h"
#include "model/signal.h"

namespace fleet_sim::explain {
namespace {

// That a standard normal draw is below z.
double normal_share_below(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

double share_outside(const model::ChannelProfile& channel, double mean) {
  if (channel.deviation == 0) return mean < channel.min || mean > channel.max ? 1 : 0;
  return normal_share_below((channel.min - mean) / channel.deviation) +
         normal_share_below((mean - channel.max) / channel.deviation);
}

}  // namespace

double clipped_share(const model::Profile& profile, const model::ChannelProfile& channel) {
  if (profile.signal) return 0;                      // what its sources do is not known beforehand
  const int moments = channel.daily != 0 ? 288 : 1;  // of the day
  double sum = 0;
  for (int i = 0; i < moments; ++i) {
    const Timestamp at = i * (microseconds_per_day / moments);
    const double offset = channel.daily != 0 ? channel.daily * model::daily_offset(profile, at) : 0;
    sum += share_outside(channel, channel.mean + offset);
  }
  return sum / moments;
}

}  // namespace fleet_sim::explain
