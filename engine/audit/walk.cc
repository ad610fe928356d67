#include "audit/walk.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "audit/remake.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/random.h"
#include "batch/batch.h"
#include "fleet/agenda.h"
#include "fleet/fleet.h"
#include "history/history.h"
#include "model/sensor.h"
#include "sqlite/shard_plan.h"
#include "start/follow_record.h"
#include "timeline/plan.h"
#include "timeline/script.h"

namespace fleet_sim::audit {
namespace {

constexpr std::size_t most_odd = 1'000;  // of a sensor

Cadence cadence_of(const history::RebuiltRun& run, const history::LifeTable::Piece& piece) {
  return fleet::cadence_of(run.roster(), run.roster()[piece.identity],
                           *run.history().config_after(piece.reloads));
}

void add_segment(Track& track, const Cadence& cadence, Timestamp first_due, Timestamp from, Timestamp to) {
  const std::uint64_t before = cadence.count_before(from - first_due);
  const std::uint64_t until = cadence.count_before(to - first_due);
  if (until <= before) return;
  const std::uint64_t count = until - before;
  Segment* const last = track.segments.empty() ? nullptr : &track.segments.back();
  const bool goes_on = last != nullptr && last->cadence == cadence && last->first_due == first_due &&
                       last->skipped + last->count == before;
  if (goes_on) {
    last->count += count;
  } else {
    track.segments.push_back({first_due, before, track.readings, count, cadence});
  }
  track.readings += count;
}

std::vector<double> rates_of(const identity::Roster& roster, const history::Members& members,
                             const config::Config& config) {
  std::vector<double> rates;
  rates.reserve(members.size());
  for (const std::uint32_t member : members)
    rates.push_back(fleet::rate_of(roster, roster[member], config).per_second());
  return rates;
}

// The run once more: what the scheduler does (schedule/scheduler.h), without a clock and without writers.
class Walk {
 public:
  Walk(const history::RunPart& part, const history::RebuiltRun& run, std::vector<Track>& tracks,
       const WalkProgress& progress)
      : part_(part),
        run_(run),
        tracks_(tracks),
        progress_(progress),
        is_eventful_(eventful()),
        memories_(tracks.size(), is_eventful_ ? run.most_knot_words() : 0) {
    number_tracks();
    build_fleet();
    follow_record();
  }

  fleet::Tally carry_out() {
    find_end();
    while (reached_ < part_.until) {
      change_by_agenda();
      while (const auto injection = agenda_.take_injection(reached_)) inject(*injection);
      const bool is_last = reached_ == last_moment_;
      const Timestamp until = next_stop();
      if (is_last) put_off();
      tick(until);
      reached_ = until;
    }
    for (Track& track : tracks_) track.finish();
    return tally_;
  }

 private:
  // Whether sensors become what they were not.
  [[nodiscard]] bool eventful() const {
    const history::History& history = run_.history();
    if (!history.reloads().empty()) return true;
    return !history.config_after(0)->scenario.empty();
  }

  void number_tracks() {
    track_of_.resize(run_.roster().size());
    const std::vector<std::uint32_t>& first_of = *run_.life_table().first_of();
    std::vector<std::uint32_t> of_first(run_.roster().size());
    const std::vector<std::uint32_t>& sensors = run_.life_table().sensors();
    for (std::uint32_t i = 0; i < sensors.size(); ++i) of_first[sensors[i]] = i;
    for (std::uint32_t i = 0; i < track_of_.size(); ++i) track_of_[i] = of_first[first_of[i]];
  }

  void build_fleet() {
    const history::History& history = run_.history();
    const identity::Roster& roster = run_.roster();
    auto config = history.config_after(0);
    auto members = std::make_shared<const history::Members>(history.began_with());
    const history::Members everyone = history.everyone();
    const auto types = fleet::types_under(*config, run_.types());
    places_ =
        sqlite::plan_shards(roster, everyone, rates_of(roster, everyone, *config), *config, *types).place_of;
    std::vector<std::uint32_t> writer_of;
    for (const std::uint32_t member : *members) writer_of.push_back(places_[member].writer);
    fleet_.emplace(
        fleet::build_fleet(roster, *members, writer_of, *config, run_.seed(), history.start(), types));
    if (!config->scenario.empty()) {
      timeline::Plan plan = timeline::plan_of(config->scenario, history.start());
      fleet_->follow(std::make_shared<const timeline::Script>(std::move(plan), roster, run_.seed()));
    }
    start::Edition edition;
    edition.config = std::move(config);
    edition.members = std::move(members);
    editions_.begin(std::move(edition));
    reached_ = history.start();
  }

  void follow_record() {
    start::Resumption resumption{};
    resumption.moment = reached_;
    for (const history::Asked& asked : part_.asked) resumption.injections.push_back(injection_of(asked));
    start::follow_record(run_.history(), resumption, {run_.roster(), places_, *fleet_, agenda_, editions_});
  }

  [[nodiscard]] fleet::Injection injection_of(const history::Asked& asked) const {
    const auto track = std::ranges::find(tracks_, asked.sensor, &Track::id);
    if (track == tracks_.end())
      throw InvalidInput(fmt::format("{}: an anomaly was injected into sensor '{}', which the run never had",
                                     part_.name, printable(asked.sensor)));
    const std::uint32_t first =
        run_.life_table().sensors()[static_cast<std::size_t>(track - tracks_.begin())];
    fleet::Injection injection{first, asked.request, asked.at};
    if (!asked.channel.empty()) {
      const types::SensorType& type = fleet_->profiles()->type_of(run_.roster()[first]);
      const auto channel = type.schema.find_channel(asked.channel);
      if (!channel)
        throw InvalidInput(
            fmt::format("{}: an anomaly was injected into the channel '{}', which sensor '{}' "
                        "does not have",
                        part_.name, printable(asked.channel), printable(asked.sensor)));
      injection.request.channel = static_cast<Channel>(*channel);
    }
    return injection;
  }

  void find_end() {
    const std::uint64_t count = run_.history().config_after(0)->simulation.count;
    if (count == 0) return;
    const Timestamp last = fleet_->moment_of(count, reached_);
    last_moment_ = last < part_.until ? last : latest_timestamp;
  }

  [[nodiscard]] Timestamp next_stop() const {
    Timestamp until = std::min(part_.until, agenda_.next_after(reached_));
    if (reached_ < last_moment_) until = std::min(until, last_moment_);
    return until;
  }

  void change_by_agenda() {
    while (const auto reload = agenda_.take_reload(reached_)) {
      batch::Batch rest;  // what a scenario has in store by then
      for (fleet::Cohort& cohort : fleet_->cohorts()) {
        for (bool is_done = false; !is_done;) {
          rest.clear();
          is_done = cohort.carry_out(reached_, rest);
          for (const batch::AnomalyEvent& event : rest.events) note(cohort, event);
        }
      }
      fleet_->apply(*reload->change, reached_);
      for (const auto& changed : reload->change->anomalies) close(changed.event);
      reload->carried_out();
      find_end();
    }
  }

  void inject(const fleet::Injection& injection) {
    const std::uint64_t key = hash_text(run_.roster()[injection.sensor].id);
    for (fleet::Cohort& cohort : fleet_->cohorts()) {
      fleet::Cohort::Found found = cohort.find(key);
      if (found.sensor == nullptr) continue;
      if (found.next_due == reached_) carry_out_before(cohort);
      found = cohort.find(key);
      if (!found.is_there) return;
      if (found.next_due == reached_) {
        model::inject_anomaly(*found.sensor, cohort.seed(), injection.request, found.next_due, found.now);
      } else {
        agenda_.add({injection.sensor, injection.request, found.next_due});
      }
      return;
    }
  }

  void carry_out_before(fleet::Cohort& cohort) {
    batch::Batch batch;
    for (bool is_done = false; !is_done;) {
      batch.clear();
      is_done = cohort.carry_out(cohort.next_due() + 1, batch);
      for (const batch::AnomalyEvent& event : batch.events) note(cohort, event);
    }
  }

  // Those whose readings the count does not reach have not been due.
  void put_off() {
    const identity::Roster& roster = run_.roster();
    std::vector<std::string_view> ids;
    for (fleet::Cohort& cohort : fleet_->cohorts()) {
      if (cohort.next_due() != reached_) continue;
      for (const model::Sensor& sensor : cohort.due_next()) ids.push_back(roster[sensor.identity].id);
    }
    std::ranges::sort(ids);
    const std::uint64_t count = run_.history().config_after(0)->simulation.count;
    const std::uint64_t left = count - std::min(count, fleet_->due_before(reached_));
    if (left == 0 || left >= ids.size()) return;
    const std::string_view last = ids[left - 1];
    for (fleet::Cohort& cohort : fleet_->cohorts()) {
      if (cohort.next_due() != reached_) continue;
      for (const model::Sensor& sensor : cohort.due_next()) {
        if (roster[sensor.identity].id > last) forget_last(tracks_[track_of_[sensor.identity]]);
      }
      cohort.put_off([&](std::uint32_t sensor) { return roster[sensor].id > last; });
    }
  }

  static void forget_last(Track& track) {
    --track.readings;
    if (--track.segments.back().count == 0) track.segments.pop_back();
  }

  void tick(Timestamp until) {
    std::vector<fleet::Cohort>& cohorts = fleet_->cohorts();
    tbb::parallel_for(std::size_t{0}, cohorts.size(), [&](std::size_t i) { tick(cohorts[i], until); });
  }

  // A period at a time, in which no sensor is read twice: so its anomaly is what the reading lay in.
  void tick(fleet::Cohort& cohort, Timestamp until) {
    const auto batch = std::make_unique<batch::Batch>();
    fleet::Tally tally;
    std::uint64_t unreported = 0;
    while (cohort.next_due() < until) {
      const Timestamp end = std::min(until, cohort.next_due() + cohort.cadence().period());
      while (cohort.next_due() < end) {
        batch->clear();
        const fleet::Tally more = cohort.tick(end, *batch);
        tally += more;
        take(cohort, *batch);
        unreported += more.due;
      }
      if (unreported > 100'000) report(std::exchange(unreported, 0));
    }
    report(unreported);
    const std::lock_guard lock(mutex_);
    tally_ += tally;
  }

  void report(std::uint64_t readings) {
    const std::uint64_t made = made_.fetch_add(readings, std::memory_order_relaxed) + readings;
    if (progress_) progress_(made);
  }

  void take(fleet::Cohort& cohort, const batch::Batch& batch) {
    for (const batch::AnomalyEvent& event : batch.events) note(cohort, event);
    for (const batch::Delivery& delivery : batch.deliveries) {
      if (delivery.kind != batch::Delivery::Kind::drop) continue;
      Track& track = tracks_[track_of_[delivery.sensor]];
      track.note_drop(number_of(track, delivery.due));
    }
    const batch::Rows& rows = batch.readings;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const batch::Row row = rows[i];
      Track& track = tracks_[track_of_[row.sensor]];
      const std::uint64_t number = number_of(track, row.due);
      track.note_row(number);
      if (!track.unsure.empty() && row.arrival != nullptr) track.note_late(row.due, row.arrival->at);
      const bool is_delayed = row.arrival != nullptr && row.arrival->at != row.due;
      if (is_eventful_ || row.anomaly || is_delayed) check(track, number, row);
    }
  }

  // Mostly the next one.
  [[nodiscard]] std::uint64_t number_of(const Track& track, Timestamp due) const {
    const bool is_next = track.next < track.readings && !track.segments.empty() &&
                         track.next >= track.segments.back().first &&
                         track.segments.back().due(track.next) == due;
    if (is_next) return track.next;
    if (const auto number = track.find(due)) return *number;
    throw std::runtime_error(
        fmt::format("{}: sensor '{}' has a reading at {} when this run is made again, and "
                    "by its record has none; this is a mistake of fleet-sim",
                    part_.name, printable(track.id), timestamp_text(due)));
  }

  // What is worked out later must be what the run has read; where it is not, this is kept.
  void check(Track& track, std::uint64_t number, const batch::Row& row) {
    const auto index = static_cast<std::size_t>(&track - tracks_.data());
    const Remade remade = remake(run_, track, row.due, memories_.of(index));
    if (remade.profile != nullptr && std::ranges::equal(remade.values, row.values)) return;
    if (track.odd.size() >= most_odd)
      throw std::runtime_error(
          fmt::format("{}: readings of sensor '{}' cannot be made again one by one; this is a mistake of "
                      "fleet-sim",
                      part_.name, printable(track.id)));
    track.odd.emplace_back(number, batch::Values(row.values));
  }

  void note(fleet::Cohort& cohort, const batch::AnomalyEvent& event) {
    if (event.type == AnomalyType::aging) return;
    if (batch::begins(event.kind)) begin(cohort, event);
    if (batch::ends(event.kind)) close(event);
  }

  void begin(fleet::Cohort& cohort, const batch::AnomalyEvent& event) {
    Track& track = tracks_[track_of_[event.sensor]];
    const fleet::Cohort::Found found = cohort.find(track.key);
    KeptAnomaly kept{{}, event.ended_at};
    if (found.sensor != nullptr && found.sensor->anomaly.active() &&
        found.sensor->anomaly.started_at == event.started_at) {
      kept.anomaly = found.sensor->anomaly;
    } else {
      kept.anomaly = begun_again(track, event);  // it is over already
    }
    kept.until = std::min(kept.until, kept.anomaly.ended_at);
    track.kept.push_back(kept);
  }

  [[nodiscard]] model::Anomaly begun_again(const Track& track, const batch::AnomalyEvent& event) const {
    const auto* const stretch = run_.find(*track.life, std::max(event.started_at, run_.history().start()));
    if (stretch == nullptr) return model::Anomaly();
    model::Sensor sensor{.key = track.key,
                         .phase = 0,
                         .profile = stretch->profile,
                         .identity = stretch->identity,
                         .shared = stretch->shared};
    model::AnomalyRequest request{.type = event.type, .cause = event.cause};
    if (is_requested(event.cause)) {
      request.channel = event.channel;
      request.severity = event.severity;
      request.duration = event.ended_at - event.started_at + 1;
    }
    model::return_to_anomaly(sensor, run_.seed(), request, event.started_at);
    return sensor.anomaly;
  }

  void close(const batch::AnomalyEvent& event) {
    if (event.type == AnomalyType::aging || !batch::ends(event.kind)) return;
    std::vector<KeptAnomaly>& kept = tracks_[track_of_[event.sensor]].kept;
    const auto found = std::find_if(kept.rbegin(), kept.rend(), [&](const KeptAnomaly& one) {
      return one.anomaly.started_at == event.started_at;
    });
    if (found != kept.rend()) found->until = std::min(found->until, event.ended_at);
  }

  const history::RunPart& part_;
  const history::RebuiltRun& run_;
  std::vector<Track>& tracks_;
  const WalkProgress& progress_;
  const bool is_eventful_;
  history::Memories memories_;           // where everything is checked
  std::vector<std::uint32_t> track_of_;  // by identity
  write::Places places_;
  std::optional<fleet::Fleet> fleet_;
  fleet::Agenda agenda_;
  start::Editions editions_;
  Timestamp reached_ = 0;
  Timestamp last_moment_ = latest_timestamp;  // of a count
  std::atomic<std::uint64_t> made_{0};
  std::mutex mutex_;
  fleet::Tally tally_;
};

// What the files of a run that broke off may not have.
class UnsureRows {
 public:
  UnsureRows(const history::RunPart& part, const history::RebuiltRun& run) : part_(part), run_(run) {
    if (!part.broken_off) return;
    const history::LifeTable& lives = run.life_table();
    has_files_ = std::ranges::any_of(lives.sensors(), [&](std::uint32_t sensor) {
      return std::ranges::any_of(lives.pieces(sensor, run.history().start() - 1), [&](const Piece& piece) {
        return part.broken_off->last_rows.contains(file_of(piece));
      });
    });
  }

  void note(const history::LifeTable::Piece& piece, Track& track) const {
    if (!part_.broken_off && !part_.goes_on) return;
    const Timestamp from = std::max(piece.from, unsure_from(piece));
    if (from < piece.to) track.unsure.push_back({from, piece.to});
  }

 private:
  using Piece = history::LifeTable::Piece;

  [[nodiscard]] std::string file_of(const Piece& piece) const {
    const config::Config& config = *run_.history().config_after(piece.reloads);
    const identity::Roster& roster = run_.roster();
    return std::filesystem::path(sqlite::shard_path(config, roster, roster[piece.identity])).filename();
  }

  // Files that were put together from those of a run have other names.
  [[nodiscard]] Timestamp unsure_from(const Piece& piece) const {
    if (part_.goes_on) return part_.judged_until;
    if (!has_files_) return part_.until - 1 - longest_window;
    const auto last = part_.broken_off->last_rows.find(file_of(piece));
    return last == part_.broken_off->last_rows.end() ? earliest_timestamp : last->second - longest_window;
  }

  const history::RunPart& part_;
  const history::RebuiltRun& run_;
  bool has_files_ = false;
};

}  // namespace

std::vector<Track> begin_tracks(const history::RunPart& part, std::uint32_t number,
                                const history::RebuiltRun& run) {
  const history::LifeTable& lives = run.life_table();
  std::vector<Track> tracks(lives.sensors().size());
  const UnsureRows unsure(part, run);
  const Timestamp start = run.history().start();
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    Track& track = tracks[i];
    track.id = run.roster()[lives.sensors()[i]].id;
    track.key = hash_text(track.id);
    track.part = number;
    track.life = run.find(track.id);
    for (const history::LifeTable::Piece& piece : lives.pieces(lives.sensors()[i], start - 1)) {
      const Timestamp to = std::min(piece.to, part.until);
      if (piece.from >= to) continue;
      const Cadence cadence = cadence_of(run, piece);
      const Timestamp first_due = cadence.origin(start) + model::phase_of(track.key, cadence);
      add_segment(track, cadence, first_due, piece.from, to);
      unsure.note(piece, track);
    }
  }
  return tracks;
}

fleet::Tally walk(const history::RunPart& part, const history::RebuiltRun& run, std::vector<Track>& tracks,
                  const WalkProgress& progress) {
  return Walk(part, run, tracks, progress).carry_out();
}

}  // namespace fleet_sim::audit
