#include "timeline/timeline.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace fleet_sim::timeline {
namespace {

bool lasts(const scenario::Verb& verb) {
  return std::holds_alternative<scenario::Silence>(verb) || std::holds_alternative<scenario::Add>(verb) ||
         std::holds_alternative<scenario::Fault>(verb) || std::holds_alternative<scenario::Deliver>(verb);
}

Timestamp later(Timestamp moment, Microseconds span) {
  return std::min(moment + span, latest_timestamp);
}

}  // namespace

// Takes any number of hits, and keeps the earliest ones.
class Timeline::Earliest {
 public:
  Earliest(std::size_t most, std::vector<Hit> room) : most_(most), hits_(std::move(room)) { hits_.clear(); }

  void add(const Hit& hit) {
    if (hit > latest_) return;
    hits_.push_back(hit);
    if (hits_.size() == 2 * most_) cut();
  }

  // Whether none has been left out.
  [[nodiscard]] bool is_all() const { return is_all_; }

  // In their order.
  std::vector<Hit> take() {
    if (hits_.size() > most_) cut();
    std::ranges::sort(hits_);
    if (hits_.capacity() > 2 * hits_.size()) hits_.shrink_to_fit();
    return std::move(hits_);
  }

 private:
  void cut() {
    const auto end = hits_.begin() + static_cast<std::ptrdiff_t>(most_);
    std::ranges::nth_element(hits_, end - 1);
    hits_.erase(end, hits_.end());
    latest_ = hits_.back();
    is_all_ = false;
  }

  std::size_t most_;
  std::vector<Hit> hits_;
  Hit latest_{latest_timestamp, 0, 0};  // of those kept since some have been left out
  bool is_all_ = true;
};

Timeline::Timeline(Plan plan, const identity::Roster& roster, std::span<const std::uint32_t> members,
                   std::uint64_t seed, Ahead ahead)
    : plan_(std::move(plan)), ahead_(ahead), population_(plan_, roster, members), turns_(plan_.size()) {
  reaches_.reserve(plan_.size());
  for (std::uint32_t entry = 0; entry < plan_.size(); ++entry) {
    reaches_.emplace_back(plan_[entry].entry, seed);
    others_.push({plan_[entry].at, entry});
  }
}

Timestamp Timeline::next_at() const {
  if (first_) return first_->at;
  return others_.empty() ? latest_timestamp : others_.top().at;
}

std::optional<Moment> Timeline::next(Timestamp until) {
  while (first_ || !others_.empty()) {
    if (next_at() >= until) return std::nullopt;
    if (!first_) {
      first_ = others_.top();
      others_.pop();
    }
    const std::uint32_t entry = std::exchange(first_, std::nullopt)->entry;
    Turn& turn = turns_[entry];
    if (!turn.is_under_way) {
      begin(entry);
      put_back(entry);
      continue;
    }
    const Hit hit = turn.ready[turn.given++];
    const bool is_met = population_.is_open_to(hit.sensor, entry);
    const Moment moment = moment_of(entry, hit);
    if (is_met) population_.apply(entry, hit.sensor, moment.fails);
    put_back(entry);
    if (is_met) return moment;
  }
  return std::nullopt;
}

Timestamp Timeline::begin_of(std::uint32_t entry) const {
  const PlannedEntry& planned = plan_[entry];
  return planned.at + static_cast<Microseconds>(turns_[entry].number) * planned.entry.every;
}

std::optional<Timeline::Hit> Timeline::hit_of(std::uint32_t entry, std::uint32_t sensor) const {
  const auto hit = reaches_[entry].hit(population_.key(sensor), turns_[entry].number);
  if (!hit) return std::nullopt;
  const Timestamp at = begin_of(entry) + hit->after;
  if (at > plan_[entry].last || at >= latest_timestamp) return std::nullopt;
  return Hit{at, sensor, hit->wave};
}

void Timeline::begin(std::uint32_t entry) {
  Turn& turn = turns_[entry];
  turn.is_under_way = true;
  turn.sensors = population_.judge(entry);
  turn.met = turn.sensors.count();
  turn.ready_is_all = false;
  find_more(entry);
}

// The earliest moments after those given out, as many as are worth keeping.
void Timeline::find_more(std::uint32_t entry) {
  Turn& turn = turns_[entry];
  const bool is_first = turn.ready.empty();
  const Hit last = is_first ? Hit{earliest_timestamp, 0, 0} : turn.ready.back();
  waiting_ -= turn.ready.size();
  const std::size_t free = ahead_.of_all - std::min(waiting_, ahead_.of_all);
  Earliest earliest(std::max(std::min(free / 4, ahead_.most_of_one), ahead_.least_of_one),
                    std::exchange(turn.ready, {}));
  const bool in_order = reaches_[entry].is_at_once();  // as they are visited
  turn.sensors.for_each_from(in_order && !is_first ? last.sensor + std::uint64_t{1} : 0,
                             [&](std::uint32_t sensor) {
                               const std::optional<Hit> hit = hit_of(entry, sensor);
                               if (hit && *hit > last) earliest.add(*hit);
                               return earliest.is_all() || !in_order;
                             });
  turn.ready = earliest.take();
  turn.ready_is_all = earliest.is_all();
  turn.given = 0;
  waiting_ += turn.ready.size();
}

void Timeline::end(std::uint32_t entry) {
  Turn& turn = turns_[entry];
  waiting_ -= turn.ready.size();
  const std::uint64_t met = turn.met;
  const std::uint64_t number = turn.number + 1;
  turn = {};
  turn.number = number;
  turn.met = met;
}

// To where its next moment or turn is due, unless there is none.
void Timeline::put_back(std::uint32_t entry) {
  Turn& turn = turns_[entry];
  if (turn.given == turn.ready.size() && !turn.ready_is_all) find_more(entry);
  if (turn.given == turn.ready.size()) end(entry);
  Due due{0, entry};
  if (turn.is_under_way) {
    due.at = turn.ready[turn.given].at;
  } else {
    due.at = begin_of(entry);
    if (plan_[entry].entry.every == 0 || due.at > plan_[entry].last || due.at >= latest_timestamp) return;
  }
  if (others_.empty() || due < others_.top()) {
    first_ = due;
  } else {
    others_.push(due);
  }
}

Moment Timeline::moment_of(std::uint32_t entry, const Hit& hit) const {
  const PlannedEntry& planned = plan_[entry];
  const std::uint64_t turn = turns_[entry].number;
  Moment moment{.at = hit.at,
                .until = hit.at,
                .entry = entry,
                .sensor = hit.sensor,
                .turn = turn,
                .wave = hit.wave,
                .fails = reaches_[entry].fails(population_.key(hit.sensor), turn)};
  if (lasts(planned.entry.verb))
    moment.until = planned.entry.duration == 0 ? latest_timestamp : later(hit.at, planned.entry.duration);
  return moment;
}

}  // namespace fleet_sim::timeline
