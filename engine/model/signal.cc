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

namespace {

// What the time of day adds to the daily channel.
double daily_offset(const Profile& profile, Timestamp due) {
  const double hour = local_hour(due, profile.utc_offset);
  double offset = profile.daily_amplitude * sine_of_turns((hour - (daily_peak_hour - 6)) / 24);
  if (profile.work_hours_rise != 0) offset += profile.work_hours_rise * work_hours_share(hour);
  return offset;
}

}  // namespace

batch::Values normal_values(const Profile& profile, Timestamp due, const Draws& draws) {
  const std::size_t channels = profile.channels.size();
  const std::size_t daily = profile.daily_channel ? index_of(*profile.daily_channel) : channels;
  const double daily_term = profile.daily_channel ? daily_offset(profile, due) : 0;
  batch::Values values(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const ChannelProfile& channel = profile.channels[c];
    const double offset = c == daily ? daily_term : 0;
    const double value = channel.mean + channel.deviation * standard_normal(draws.channel(c)) + offset;
    values[c] = std::clamp(value, channel.min, channel.max);
  }
  return values;
}

}  // namespace fleet_sim::model
