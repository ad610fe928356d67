#include "model/signal.h"

#include <algorithm>

#include "base/math.h"
#include "base/normal.h"

namespace fleet_sim::model {
namespace {

constexpr double daily_peak_hour = 15;
constexpr double work_starts_hour = 8;
constexpr double work_ends_hour = 18;
constexpr double ramp_hours = 1;

// 0 to 1 along half a cosine as `share` goes from 0 to 1.
double raised_cosine(double share) {
  share = std::clamp(share, 0.0, 1.0);
  return 0.5 - 0.5 * sine_of_turns(0.5 * share + 0.25);
}

}  // namespace

double local_hour(Timestamp due, Microseconds utc_offset) {
  Microseconds of_day = (due + utc_offset) % microseconds_per_day;
  if (of_day < 0) of_day += microseconds_per_day;
  return static_cast<double>(of_day) / (3600.0 * microseconds_per_second);
}

double work_hours_share(double hour) {
  return std::min(raised_cosine((hour - work_starts_hour) / ramp_hours),
                  raised_cosine((work_ends_hour - hour) / ramp_hours));
}

batch::Values normal_values(const Profile& profile, Timestamp due, const Draws& draws) {
  const double hour = local_hour(due, profile.utc_offset);
  PerChannel<double> offset{};
  double& warmer = offset[index_of(Channel::temperature)];
  warmer = profile.daily_amplitude * sine_of_turns((hour - (daily_peak_hour - 6)) / 24);
  if (profile.work_hours_rise != 0) warmer += profile.work_hours_rise * work_hours_share(hour);

  batch::Values values(channel_count);
  for (std::size_t c = 0; c < channel_count; ++c) {
    const ChannelProfile& channel = profile.channels[c];
    const double value = channel.mean + channel.deviation * standard_normal(draws.channel(c)) + offset[c];
    values[c] = std::clamp(value, channel.min, channel.max);
  }
  return values;
}

}  // namespace fleet_sim::model
