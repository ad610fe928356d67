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
  explicit Earliest(std::size_t most) : most_(most) {}

  void add(const Hit& hit) {
    if (hit > latest_) return;
    hits_.push_back(hit);
    if (hits_.size() == 2 * most_) cut();
  }

  // Whether none has been left out.
  [[nodiscard]] bool is_all() const { return is_all_; }

  // The sensors, in the order of their hits.
  std::vector<std::uint32_t> take() {
    if (hits_.size() > most_) cut();
    std::ranges::sort(hits_);
    std::vector<std::uint32_t> sensors;
    sensors.reserve(hits_.size());
    for (const Hit& hit : hits_) sensors.push_back(hit.sensor);
    return sensors;
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

Timeline::Timeline(std::shared_ptr<const Script> script, const identity::Roster& roster,
                   std::span<const std::uint32_t> members, Ahead ahead)
    : script_(std::move(script)), ahead_(ahead), population_(*script_, roster, members) {
  find_next_at();
}

Timeline::Timeline(std::shared_ptr<const Script> script, const identity::Roster& roster,
                   std::span<const std::uint32_t> members, Timestamp moment, const Pasts& pasts, Ahead ahead)
    : script_(std::move(script)), ahead_(ahead), population_(*script_, roster, members, moment, pasts) {
  std::unordered_map<std::uint32_t, SensorSet> met;
  for (std::uint32_t sensor = 0; sensor < pasts.size(); ++sensor) {
    if (!pasts[sensor]) continue;
    for (const std::uint32_t entry : pasts[sensor]->met)
      met.try_emplace(entry, pasts.size()).first->second.insert(sensor);
  }
  for (; begun_ < script_->in_order().size(); ++begun_) {
    const std::uint32_t entry = script_->in_order()[begun_];
    if ((*script_)[entry].at >= moment) break;
    const auto sensors = met.find(entry);
    go_on(entry, moment, sensors == met.end() ? SensorSet() : std::move(sensors->second));
  }
  find_next_at();
}

// With the turn that began last.
void Timeline::go_on(std::uint32_t entry, Timestamp moment, SensorSet met) {
  const PlannedEntry& planned = (*script_)[entry];
  Turn& turn = turns_[entry];
  if (planned.entry.every > 0)
    turn.number =
        static_cast<std::uint64_t>((std::min(moment - 1, planned.last) - planned.at) / planned.entry.every);
  turn.sensors = std::move(met);
  turn.ready_is_all = false;
  turn.last = {moment - 1, UINT32_MAX, UINT32_MAX};
  put_back(entry, turn);
}

Past Timeline::past_of(std::uint32_t sensor) const {
  Past past = population_.past_of(sensor);
  for (const auto& [entry, turn] : turns_) {
    if (turn.sensors.contains(sensor)) past.met.push_back(entry);
  }
  return past;
}

std::optional<Moment> Timeline::next(Timestamp until) {
  while (next_at_ < until) {
    const Due due = take_first();
    const auto under_way = turns_.find(due.entry);
    if (under_way == turns_.end()) {
      begin(due);
      find_next_at();
      continue;
    }
    Turn& turn = under_way->second;
    const Hit hit = *hit_of(due.entry, turn.number, turn.ready[turn.given++]);
    const bool is_met = population_.is_open_to(hit.sensor, due.entry);
    const Moment moment = moment_of(due.entry, turn.number, hit);
    if (is_met) population_.apply(due.entry, hit.sensor, moment.fails);
    put_back(due.entry, turn);
    find_next_at();
    if (is_met) return moment;
  }
  return std::nullopt;
}

// Of what is under way or comes again, and what is still to begin.
Timeline::Due Timeline::take_first() {
  if (!first_ && !others_.empty()) {
    first_ = others_.top();
    others_.pop();
  }
  if (begun_ < script_->in_order().size()) {
    const std::uint32_t entry = script_->in_order()[begun_];
    const Due begins{(*script_)[entry].at, entry, 0};
    if (!first_ || begins < *first_) {
      ++begun_;
      return begins;
    }
  }
  return *std::exchange(first_, std::nullopt);
}

void Timeline::find_next_at() {
  next_at_ = latest_timestamp;
  if (begun_ < script_->in_order().size()) next_at_ = (*script_)[script_->in_order()[begun_]].at;
  if (first_) next_at_ = std::min(next_at_, first_->at);
  if (!others_.empty()) next_at_ = std::min(next_at_, others_.top().at);
}

Timestamp Timeline::begin_of(std::uint32_t entry, std::uint64_t turn) const {
  const PlannedEntry& planned = (*script_)[entry];
  return planned.at + static_cast<Microseconds>(turn) * planned.entry.every;
}

std::optional<Timeline::Hit> Timeline::hit_of(std::uint32_t entry, std::uint64_t turn,
                                              std::uint32_t sensor) const {
  const auto hit = script_->reach(entry).hit(population_.key(sensor), turn);
  if (!hit) return std::nullopt;
  const Timestamp at = begin_of(entry, turn) + hit->after;
  if (at > (*script_)[entry].last || at >= latest_timestamp) return std::nullopt;
  return Hit{at, sensor, hit->wave};
}

void Timeline::begin(const Due& due) {
  Turn& turn = turns_[due.entry];
  turn.number = due.turn;
  turn.sensors = population_.judge(due.entry);
  if (met_) met_(due.entry, turn.sensors.count());
  turn.ready_is_all = false;
  put_back(due.entry, turn);
}

// The earliest moments after those given out, as many as are worth keeping. Sensors that have been reached,
// or never will be, are not looked at again.
void Timeline::find_more(std::uint32_t entry, Turn& turn) {
  const bool is_first = turn.ready.empty();
  const Hit last = is_first ? turn.last : *hit_of(entry, turn.number, turn.ready.back());
  waiting_ -= turn.ready.size();
  const std::size_t free = ahead_.of_all - std::min(waiting_, ahead_.of_all);
  Earliest earliest(std::max(std::min(free / 4, ahead_.most_of_one), ahead_.least_of_one));
  const bool in_order = script_->reach(entry).is_at_once();  // as they are visited
  turn.sensors.for_each_from(in_order && !is_first ? last.sensor + std::uint64_t{1} : 0,
                             [&](std::uint32_t sensor) {
                               const std::optional<Hit> hit = hit_of(entry, turn.number, sensor);
                               if (hit && *hit > last) {
                                 earliest.add(*hit);
                               } else {
                                 turn.sensors.erase(sensor);
                               }
                               return earliest.is_all() || !in_order;
                             });
  turn.ready = earliest.take();
  turn.ready_is_all = earliest.is_all();
  turn.given = 0;
  waiting_ += turn.ready.size();
}

// To where its next moment, or the entry's next turn, is due, unless there is none.
void Timeline::put_back(std::uint32_t entry, Turn& turn) {
  if (turn.given == turn.ready.size() && !turn.ready_is_all) find_more(entry, turn);
  if (turn.given < turn.ready.size())
    return put({hit_of(entry, turn.number, turn.ready[turn.given])->at, entry, turn.number});
  const std::uint64_t next = turn.number + 1;
  waiting_ -= turn.ready.size();
  turns_.erase(entry);
  const Timestamp begin = begin_of(entry, next);
  if ((*script_)[entry].entry.every == 0 || begin > (*script_)[entry].last || begin >= latest_timestamp)
    return;
  put({begin, entry, next});
}

void Timeline::put(Due due) {
  if (!first_ && (others_.empty() || due < others_.top())) {
    first_ = due;
    return;
  }
  if (first_ && due < *first_) std::swap(due, *first_);
  others_.push(due);
}

Moment Timeline::moment_of(std::uint32_t entry, std::uint64_t turn, const Hit& hit) const {
  const scenario::Entry& what = (*script_)[entry].entry;
  Moment moment{.at = hit.at,
                .until = hit.at,
                .entry = entry,
                .sensor = hit.sensor,
                .turn = turn,
                .wave = hit.wave,
                .fails = script_->reach(entry).fails(population_.key(hit.sensor), turn)};
  if (lasts(what.verb)) moment.until = what.duration == 0 ? latest_timestamp : later(hit.at, what.duration);
  return moment;
}

}  // namespace fleet_sim::timeline
