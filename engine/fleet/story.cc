#include "fleet/story.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <variant>

#include "base/random.h"

namespace fleet_sim::fleet {

namespace {

timeline::Pasts pasts_of(const identity::Roster& roster, std::span<const std::uint32_t> members,
                         const PastStories& stories) {
  timeline::Pasts pasts(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (const auto known = stories.find(hash_text(roster[members[i]].id)); known != stories.end())
      pasts[i] = known->second.past;
  }
  return pasts;
}

// Entries by their places in another script, without those that are not in it.
std::vector<std::uint32_t> moved(const std::vector<std::uint32_t>& entries, const timeline::Script& from,
                                 const timeline::Script& to) {
  if (&from == &to) return entries;
  std::vector<std::uint32_t> places;
  for (const std::uint32_t entry : entries) {
    if (const auto place = from.place_in(to, entry)) places.push_back(*place);
  }
  return places;
}

}  // namespace

Story::Story(const StoryOf& of, std::span<const std::uint32_t> members)
    : profiles_(of.profiles), timeline_(of.script, profiles_->roster(), members, timeline::little_ahead) {}

Story::Story(const StoryOf& of, std::span<const std::uint32_t> members, Timestamp moment,
             const PastStories& pasts)
    : profiles_(of.profiles),
      timeline_(of.script, profiles_->roster(), members, moment,
                pasts_of(profiles_->roster(), members, pasts), timeline::little_ahead) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto known = pasts.find(timeline_.population().key(static_cast<std::uint32_t>(i)));
    if (known == pasts.end() || known->second.silent_until <= moment) continue;
    silent_until_.resize(members.size(), earliest_timestamp);
    silent_until_[i] = known->second.silent_until;
  }
}

void Story::tell(const StoryOf& next, PastStories& pasts) const {
  for (std::uint32_t place = 0; place < timeline_.population().size(); ++place) {
    PastStory story{timeline_.past_of(place)};
    story.past.met = moved(story.past.met, timeline_.script(), *next.script);
    story.past.reached = moved(story.past.reached, timeline_.script(), *next.script);
    if (!silent_until_.empty()) story.silent_until = silent_until_[place];
    pasts.insert_or_assign(timeline_.population().key(place), std::move(story));
  }
}

std::optional<timeline::Moment> Story::next(Timestamp until) {
  std::optional<timeline::Moment> moment = timeline_.next(until);
  if (!moment) return std::nullopt;
  const scenario::Entry& what = entry(*moment);
  Timestamp silent_until = std::min(moment->at + what.silent_for, latest_timestamp);
  if (std::holds_alternative<scenario::Silence>(what.verb)) silent_until = moment->until;
  if (silent_until > moment->at) {
    silent_until_.resize(timeline_.population().size(), earliest_timestamp);
    Timestamp& until_now = silent_until_[moment->sensor];
    until_now = std::max(until_now, silent_until);
  }
  if (!order_.empty())
    moment->sensor = static_cast<std::uint32_t>(std::ranges::find(order_, moment->sensor) - order_.begin());
  return moment;
}

ProfileTable::Entry Story::resolve(std::size_t sensor, std::uint32_t identity) const {
  return profiles_->find_or_resolve(profiles_->roster().shown(identity, overlay(sensor)));
}

void Story::reorder(std::size_t first, std::span<const std::size_t> order) {
  if (order_.empty()) {
    order_.resize(timeline_.population().size());
    std::iota(order_.begin(), order_.end(), 0u);
  }
  const std::vector<std::uint32_t> before(order_.begin() + static_cast<std::ptrdiff_t>(first), order_.end());
  for (std::size_t k = 0; k < order.size(); ++k) order_[first + k] = before[order[k]];
}

}  // namespace fleet_sim::fleet
