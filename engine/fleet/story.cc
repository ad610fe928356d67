#include "fleet/story.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <variant>

#include "base/random.h"

namespace fleet_sim::fleet {

const Then unchanged;

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
    if (known != pasts.end()) keep(static_cast<std::uint32_t>(i), known->second);
  }
}

void Story::keep(std::uint32_t place, const PastStory& story) {
  if (story.touched != earliest_timestamp) touch(place, story.touched);
  if (story.silent_until != earliest_timestamp) {
    silent_until_.resize(timeline_.population().size(), earliest_timestamp);
    silent_until_[place] = story.silent_until;
  }
  if (!story.added.empty() || story.serviced) change(place) = {story.added, story.serviced};
  if (story.fault != identity::Text{}) faults_[place] = story.fault;
  if (!story.deliveries.empty()) deliveries_[place] = story.deliveries;
}

Touched Story::touched(std::size_t sensor) const {
  PastStory now = past_of(sensor);
  return {.at = touched_.empty() ? earliest_timestamp : touched_[place_of(sensor)],
          .is_there = now.past.is_there,
          .silent_until = now.silent_until,
          .overlay = now.past.overlay,
          .added = std::move(now.added),
          .serviced = now.serviced};
}

PastStory Story::past_of(std::size_t sensor) const {
  const std::uint32_t place = place_of(sensor);
  PastStory story{.past = timeline_.past_of(place)};
  if (!touched_.empty()) story.touched = touched_[place];
  if (!silent_until_.empty()) story.silent_until = silent_until_[place];
  if (changes(sensor)) {
    story.added = changed_[place]->added;
    story.serviced = changed_[place]->serviced;
  }
  if (const auto known = faults_.find(place); known != faults_.end()) story.fault = known->second;
  if (const auto known = deliveries_.find(place); known != deliveries_.end())
    story.deliveries = known->second;
  return story;
}

const Then& Story::then(std::size_t sensor) const {
  return changes(sensor) ? *changed_[place_of(sensor)] : unchanged;
}

Then& Story::change(std::uint32_t place) {
  changed_.resize(timeline_.population().size());
  if (!changed_[place]) {
    changed_[place] = std::make_unique<Then>();
    ++changed_count_;
  }
  return *changed_[place];
}

void Story::tell(const StoryOf& next, PastStories& pasts) const {
  for (std::size_t sensor = 0; sensor < timeline_.population().size(); ++sensor) {
    PastStory story = past_of(sensor);
    story.past.met = moved(story.past.met, timeline_.script(), *next.script);
    story.past.reached = moved(story.past.reached, timeline_.script(), *next.script);
    pasts.insert_or_assign(timeline_.population().key(place_of(sensor)), std::move(story));
  }
}

std::optional<timeline::Moment> Story::next(Timestamp until) {
  std::optional<timeline::Moment> moment = timeline_.next(until);
  if (!moment) return std::nullopt;
  take_note(*moment);
  if (!order_.empty())
    moment->sensor = static_cast<std::uint32_t>(std::ranges::find(order_, moment->sensor) - order_.begin());
  return moment;
}

void Story::touch(std::uint32_t place, Timestamp at) {
  touched_.resize(timeline_.population().size(), earliest_timestamp);
  touched_[place] = at;
}

void Story::take_note(const timeline::Moment& moment) {
  const scenario::Entry& what = entry(moment);
  touch(moment.sensor, moment.at);
  Timestamp silent_until = std::min(moment.at + what.silent_for, latest_timestamp);
  if (std::holds_alternative<scenario::Silence>(what.verb)) silent_until = moment.until;
  if (silent_until > moment.at) {
    silent_until_.resize(timeline_.population().size(), earliest_timestamp);
    Timestamp& until_now = silent_until_[moment.sensor];
    until_now = std::max(until_now, silent_until);
  }
  if (const auto* what_is_added = std::get_if<scenario::Add>(&what.verb)) add(moment, *what_is_added);
  if (const auto* reset = std::get_if<scenario::Reset>(&what.verb)) service(moment, *reset);
  if (const auto* how = std::get_if<scenario::Deliver>(&what.verb)) deliver(moment, *how);
}

// Those that end first will never count again.
void Story::deliver(const timeline::Moment& moment, const scenario::Deliver& how) {
  std::vector<OwnDelivery>& all = deliveries_[moment.sensor];
  std::erase_if(all, [&](const OwnDelivery& one) { return one.until <= moment.until; });
  all.push_back({how, moment.until});
}

const OwnDelivery* Story::delivery(std::size_t sensor, Timestamp at) const {
  const auto known = deliveries_.find(place_of(sensor));
  if (known == deliveries_.end()) return nullptr;
  const auto last = std::ranges::find_if(known->second.rbegin(), known->second.rend(),
                                         [at](const OwnDelivery& one) { return one.until > at; });
  return last == known->second.rend() ? nullptr : &*last;
}

batch::FleetEvent Story::describe(const timeline::Moment& moment, std::uint32_t identity) const {
  const scenario::Entry& what = entry(moment);
  static_assert(std::variant_size_v<scenario::Verb> == batch::fleet_verb_names.size());
  batch::FleetEvent event{};
  event.started_at = moment.at;
  if (moment.until > moment.at && moment.until != latest_timestamp) event.ended_at = moment.until - 1;
  if (what.silent_for > 0) event.silent_until = std::min(moment.at + what.silent_for, latest_timestamp) - 1;
  event.sensor = identity;
  event.name = static_cast<std::uint32_t>(timeline_.script().name(moment.entry));
  event.what = static_cast<std::uint32_t>(timeline_.script().what(moment.entry));
  event.verb = static_cast<batch::FleetEvent::Verb>(what.verb.index());
  event.failed = moment.fails;
  return event;
}

void Story::note_fault(std::size_t sensor, const timeline::Moment& moment) {
  faults_[place_of(sensor)] = timeline_.script().name(moment.entry);
}

const types::Schema& Story::schema_of(std::uint32_t place) const {
  return profiles_->type_of(timeline_.population().identity(place)).schema;
}

// To the channels that sensors of its type have. Few entries reach sensors at a time, so what was made last
// is kept at hand.
const std::shared_ptr<const Addition>& Story::addition(const timeline::Moment& moment,
                                                       const scenario::Add& add) {
  constexpr std::size_t most_at_hand = 64;
  const identity::Text type = timeline_.population().type(moment.sensor);
  if (additions_.size() == most_at_hand && !additions_.contains({moment.entry, type})) additions_.clear();
  std::shared_ptr<const Addition>& known = additions_[{moment.entry, type}];
  if (known) return known;
  Addition made{timeline_.script().name(moment.entry), entry(moment).fade};
  const types::Schema& schema = schema_of(moment.sensor);
  for (const auto& [channel, number] : add.channels) {
    if (const auto index = schema.find_channel(channel))
      made.channels.emplace_back(static_cast<std::uint8_t>(*index), number);
  }
  known = std::make_shared<const Addition>(std::move(made));
  return known;
}

void Story::add(const timeline::Moment& moment, const scenario::Add& add) {
  const std::shared_ptr<const Addition>& what = addition(moment, add);
  if (what->channels.empty()) return;
  std::vector<Added>& all = change(moment.sensor).added;
  std::erase_if(all,
                [&](const Added& one) { return one.until <= moment.at || one.what->name == what->name; });
  all.push_back({moment.at, moment.until, what});
}

void Story::service(const timeline::Moment& moment, const scenario::Reset& reset) {
  const types::SensorType& type = profiles_->type_of(timeline_.population().identity(moment.sensor));
  if (!type.signal) return;
  for (std::size_t a = 0; a < type.signal->agings.size(); ++a) {
    if (std::ranges::find(reset.what, type.signal->agings[a].name) == reset.what.end()) continue;
    std::optional<Serviced>& serviced = change(moment.sensor).serviced;
    if (!serviced) serviced.emplace().fill(model::never_serviced);
    (*serviced)[a] = moment.at;
  }
}

// Of what has changed it, what is over is forgotten.
model::Circumstances Story::find_circumstances(std::size_t sensor, Timestamp at, std::size_t channels) {
  std::unique_ptr<Then>& then = changed_[place_of(sensor)];
  bool is_any_over = false;
  for (const Added& one : then->added) is_any_over = is_any_over || one.until <= at;
  if (is_any_over) {
    touch(place_of(sensor), at);
    std::erase_if(then->added, [at](const Added& one) { return one.until <= at; });
    if (*then == Then()) {
      then.reset();
      if (--changed_count_ == 0) changed_.clear();
      return {};
    }
  }
  return then->at(at, channels, sums_);
}

ProfileTable::Entry Story::resolve(std::size_t sensor, std::uint32_t identity) const {
  return profiles_->find_or_resolve(profiles_->roster().shown(identity, overlay(sensor)));
}

std::optional<model::AnomalyRequest> Story::request(std::size_t sensor, const scenario::Fault& fault,
                                                    const timeline::Moment& moment) const {
  model::AnomalyRequest request{.type = fault.type, .cause = AnomalyCause::scenario};
  if (moment.until != latest_timestamp) request.duration = moment.until - moment.at;
  if (!fault.channel.empty()) {
    const auto channel = schema_of(place_of(sensor)).find_channel(fault.channel);
    if (!channel) return std::nullopt;
    request.channel = static_cast<Channel>(*channel);
  }
  request.severity = fault.severity;
  return request;
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
