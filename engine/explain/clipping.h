// How much of what a channel would normally read lies beyond its bounds, and so reads as the nearer of them.
// For people: it uses the C library's arithmetic, which no reading may. Pure; any thread.
#pragma once

#include "model/profile.h"

namespace fleet_sim::explain {

// Beyond this share, what a config declares is not what its readings show.
inline constexpr double tolerable_clipped_share = 0.01;

// The share of the channel's normal readings over a whole day.
double clipped_share(const model::Profile& profile, const model::ChannelProfile& channel);

}  // namespace fleet_sim::explain
