#include "model/signal.h"

#include <algorithm>
#include <type_traits>

#include "base/math.h"
#include "base/normal.h"

namespace fleet_sim::model {
namespace {

constexpr double daily_peak_hour = 15;
constexpr double work_starts_hour = 8;
constexpr double work_ends_hour = 18;
constexpr double ramp_hours = 1;

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

double daily_offset(const Profile& profile, Timestamp due) {
  const double hour = local_hour(due, profile.zone.offset_at(due));
  double offset = profile.daily_amplitude * sine_of_turns((hour - (daily_peak_hour - 6)) / 24);
  if (profile.work_hours_rise != 0) offset += profile.work_hours_rise * work_hours_share(hour);
  return offset;
}

namespace {

// `count` is the number of channels. Where it is a constant, the channels do not wait for one another.
template <class Count>
batch::Values values_of(const Profile& profile, double daily_term, const Draws& draws, Count count) {
  const ChannelProfile* const channels = profile.channels.data();
  batch::Values values(count);
  for (std::size_t c = 0; c < count; ++c) {
    const ChannelProfile& channel = channels[c];
    const double value =
        channel.mean + channel.deviation * standard_normal(draws.channel(c)) + channel.daily * daily_term;
    values[c] = std::clamp(value, channel.min, channel.max);
  }
  return values;
}

// Apart, so that types with few channels do not pay for it.
[[gnu::noinline]] batch::Values values_of_many(const Profile& profile, double daily_term,
                                               const Draws& draws) {
  return values_of(profile, daily_term, draws, profile.channels.size());
}

}  // namespace

batch::Values normal_values(const Profile& profile, Timestamp due, const Draws& draws) {
  const double daily_term = daily_offset(profile, due);
  // The usual number: as many channels as there are words for in the first block.
  constexpr std::integral_constant<std::size_t, onset_word> few;
  return profile.channels.size() == few ? values_of(profile, daily_term, draws, few)
                                        : values_of_many(profile, daily_term, draws);
}

}  // namespace fleet_sim::model
