#include "start/resumption.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/cadence.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/random.h"
#include "data/found_shard.h"
#include "history/chronicle.h"
#include "manifest/manifest.h"
#include "manifest/read_manifest.h"
#include "model/sensor.h"
#include "start/resume.h"
#include "start/stored_run.h"
#include "text/found_lines.h"
#include "types/built_in_type.h"

namespace fleet_sim::start {
namespace {

std::vector<write::Place> all_places(const sqlite::ShardPlan& plan) {
  std::vector<write::Place> places;
  for (std::uint32_t writer = 0; writer < plan.targets.size(); ++writer) {
    for (std::uint32_t shard = 0; shard < plan.targets[writer].size(); ++shard)
      places.push_back({writer, shard});
  }
  return places;
}

// An anomaly that a sensor was in the middle of would be gone with its rows.
void check_not_deleted(const data::FoundShard& found, Timestamp moment, const std::string& path,
                       const tables::RunInfo& run) {
  if (!found.deleted_until() || *found.deleted_until() < moment) return;
  throw InvalidInput(
      fmt::format("--resume: run {} would resume at {}, where another file ends, but database.retention has "
                  "deleted the rows of {} up to {}; start a new run without --resume",
                  printable(run.run_id), timestamp_text(moment), printable(path),
                  timestamp_text(*found.deleted_until())));
}

// Works out a resumption: first what the shards hold, then where the fleet goes on, then what it was there.
class Planner {
 public:
  Planner(const identity::Roster& roster, const sqlite::ShardPlan& plan, const tables::RunInfo& run,
          const history::History& history, std::shared_ptr<const types::Catalog> types,
          const ReadShard& read_shard)
      : roster_(roster),
        plan_(plan),
        run_(run),
        history_(history),
        types_(std::move(types)),
        read_shard_(read_shard),
        lives_(history, roster) {
    sensor_of_id_.reserve(lives_.sensors().size());
    for (const std::uint32_t sensor : lives_.sensors()) sensor_of_id_.emplace(roster[sensor].id, sensor);
  }

  Resumption plan() {
    read_shards();
    find_moment();
    scripts_ = history::scripts_of(history_, roster_, run_.seed);
    has_scenario_ = std::ranges::any_of(scripts_, [](const auto& one) { return one != nullptr; });
    if (has_scenario_) go_back_for_scenario();
    resumption_.moment = before_holds(resumption_.moment);
    if (!waiting_.empty()) read_deliveries();
    check_deletions();
    count_due();
    resumption_.reloads = history_.reloads_until(resumption_.moment);
    read_events();
    if (has_scenario_) tell_scenario();
    find_all_new();
    const history::Members members = history_.members_after(resumption_.reloads);
    for (const std::uint32_t member : members) place_in_past(member);
    expect_newcomers();
    expect_agings();
    for (const auto& [sensor, started_at] : begun_) {
      if (is_expected_.contains(sensor)) found_at(plan_.place_of[sensor])->expect_event(sensor, started_at);
    }
    return std::move(resumption_);
  }

 private:
  using Piece = history::LifeTable::Piece;

  [[nodiscard]] std::optional<std::uint32_t> find_sensor(std::string_view id) const {
    const auto found = sensor_of_id_.find(id);
    return found == sensor_of_id_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::unique_ptr<data::FoundShard>& found_at(write::Place place) {
    return resumption_.found[place.writer][place.shard];
  }
  [[nodiscard]] Cadence cadence_of(const Piece& piece) const {
    return fleet::cadence_of(roster_, roster_[piece.identity], *history_.config_after(piece.reloads));
  }
  [[nodiscard]] Timestamp first_due(std::uint32_t identity, const Cadence& cadence) const {
    return cadence.origin(run_.start) + model::phase_of(hash_text(roster_[identity].id), cadence);
  }

  void read_shards() {
    for (const auto& targets : plan_.targets) resumption_.found.emplace_back(targets.size());
    places_ = all_places(plan_);
    tbb::parallel_for(std::size_t{0}, places_.size(), [&](std::size_t i) {
      const write::Target& target = plan_.targets[places_[i].writer][places_[i].shard];
      const data::FindSensor find = [this](std::string_view id) { return find_sensor(id); };
      found_at(places_[i]) =
          read_shard_ ? read_shard_(places_[i], target, find, lives_.first_of())
                      : std::make_unique<data::FoundFile>(target.name, run_.run_id, find, lives_.first_of());
    });
  }

  // The last second that is there comes again in any case, to be held against what is there.
  void find_moment() {
    Timestamp least_complete = latest_timestamp;
    Timestamp last_second = earliest_timestamp;
    for (const write::Place& place : places_) {
      least_complete = std::min(least_complete, found_at(place)->rows().complete_until());
      last_second = std::max(last_second, found_at(place)->rows().complete_until());
    }
    Timestamp moment = latest_timestamp;
    if (config::delivers(*history_.config_after(0))) {
      read_waiting(least_complete);
      moment = before_all_that_waits(least_complete);
    } else {
      for (const std::uint32_t sensor : lives_.sensors())
        moment = std::min(moment, first_absent(sensor, least_complete));
    }
    resumption_.moment = std::max(run_.start, std::min(moment, last_second));
  }

  // What the shards tell of has been read.
  void find_all_new() {
    Timestamp last_truth = earliest_timestamp;
    for (const write::Place& place : places_) {
      resumption_.last = std::max(resumption_.last, found_at(place)->rows().last());
      last_truth = std::max(last_truth, found_at(place)->last_truth());
    }
    resumption_.all_new_from = std::max(resumption_.last, last_truth) + microseconds_per_second;
    if (history_.reloads().empty()) return;
    resumption_.all_new_from = std::max(resumption_.all_new_from, history_.reloads().back().reload.at + 1);
  }

  void check_deletions() {
    for (const write::Place& place : places_) {
      check_not_deleted(*found_at(place), resumption_.moment, plan_.targets[place.writer][place.shard].name,
                        run_);
    }
  }

  [[nodiscard]] history::Chronicle::Told told() {
    return {.history = history_,
            .lives = lives_,
            .roster = roster_,
            .seed = run_.seed,
            .profiles = [this](std::size_t reloads) { return table_of(history_.config_after(reloads)); }};
  }

  // What an entry does to a sensor is in the sensor's file at the latest with the sensor's next reading.
  // Where that is not sure to be there, the run goes on from before the entry reached the sensor.
  void go_back_for_scenario() {
    Timestamp earliest = resumption_.moment;
    history::Chronicle::Told all = told();
    all.moment = [&](std::uint32_t sensor, const timeline::Moment& moment, const scenario::Entry&) {
      if (moment.at >= earliest) return;
      const std::vector<Piece> pieces = lives_.pieces(sensor, moment.at);
      if (pieces.empty()) return;
      const Piece& piece = pieces.front();
      const Cadence cadence = cadence_of(piece);
      const Timestamp first = first_due(sensor, cadence);
      const Timestamp next = first + cadence.offset(cadence.count_before(moment.at - first));
      const write::FoundRows& found = found_at(plan_.place_of[piece.identity])->rows();
      if (std::min(next, piece.to) >= found.complete_until()) earliest = moment.at;
    };
    const history::Chronicle passed(all, scripts_, resumption_.moment);
    resumption_.moment = std::max(run_.start, earliest);
  }

  void tell_scenario() {
    history::Chronicle::Told all = told();
    all.onset = [this](std::uint32_t sensor) {
      const auto latest = latest_.find(sensor);
      return latest == latest_.end() ? earliest_timestamp : latest->second.started_at;
    };
    chronicle_.emplace(all, scripts_, resumption_.moment);
    resumption_.script = scripts_[resumption_.reloads];
    resumption_.stories = std::move(*chronicle_).take_stories();
    tbb::parallel_for(std::size_t{0}, places_.size(), [&](std::size_t i) {
      found_at(places_[i])->read_fleet_events(resumption_.moment, [this](std::string_view id) {
        return find_sensor(id);
      });
    });
  }

  void read_waiting(Timestamp moment) {
    waiting_.resize(places_.size());
    tbb::parallel_for(std::size_t{0}, places_.size(), [&](std::size_t i) {
      waiting_[i] =
          found_at(places_[i])->read_waiting(moment, [this](std::string_view id) { return find_sensor(id); });
    });
  }

  // When what waited of the sensor was given up, because a reload changed its rate or its file, or removed
  // it.
  [[nodiscard]] Timestamp seat_ends(std::uint32_t sensor, Timestamp due) const {
    if (history_.reloads().empty()) return latest_timestamp;
    const std::vector<Piece> pieces = lives_.pieces(sensor, due);
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      const Piece& was = pieces[i - 1];
      const Piece& is = pieces[i];
      const bool stays = was.to == is.from && !is.joins && cadence_of(was) == cadence_of(is) &&
                         plan_.place_of[was.identity] == plan_.place_of[is.identity];
      if (!stays) return was.to;
    }
    return pieces.empty() ? due : pieces.back().to;
  }

  // The last moment at which it may have waited.
  [[nodiscard]] Timestamp waits_until(const data::FoundShard::Underway& one) const {
    return std::min(one.arrives_at, seat_ends(one.sensor, one.due) - 1);
  }

  // Where delivery is on, everything that arrived before `complete_until` is there. What waited then was due
  // earlier; the fleet reads it again, and finds what has arrived meanwhile.
  [[nodiscard]] Timestamp before_all_that_waits(Timestamp complete_until) const {
    Timestamp moment = complete_until;
    for (const data::FoundShard::Waiting& of_shard : waiting_) {
      for (const data::FoundShard::Underway& one : of_shard.underway) {
        if (one.arrives_at >= complete_until && waits_until(one) >= complete_until)
          moment = std::min(moment, one.due);
      }
    }
    return moment;
  }

  // No sensor may be held at the moment where the fleet goes on, for then it would owe readings of even
  // earlier.
  [[nodiscard]] Timestamp before_holds(Timestamp moment) const {
    std::vector<std::pair<Timestamp, Timestamp>> holds;  // arrival of the last reading, due time of the first
    for (const data::FoundShard::Waiting& of_shard : waiting_) {
      for (const data::FoundShard::Held& one : of_shard.holds) holds.emplace_back(one.arrived_at, one.due);
      for (const data::FoundShard::Underway& one : of_shard.underway) {
        if (one.kind != batch::Delivery::Kind::hold) continue;
        const bool is_drained = one.arrives_at != latest_timestamp;
        holds.emplace_back(is_drained ? one.arrives_at : waits_until(one), one.due);
      }
    }
    std::ranges::sort(holds, std::greater<>());
    for (const auto& [ended, due] : holds) {
      if (ended >= moment) moment = std::min(moment, due);
    }
    return moment;
  }

  // Late ones that are there already keep others from being late as long as they were under way.
  void read_deliveries() {
    std::vector<std::vector<data::FoundShard::Underway>> seats(places_.size());
    tbb::parallel_for(std::size_t{0}, places_.size(), [&](std::size_t i) {
      seats[i] = found_at(places_[i])->read_deliveries(resumption_.moment, [this](std::string_view id) {
        return find_sensor(id);
      });
    });
    for (const auto& of_shard : seats) {
      for (const data::FoundShard::Underway& one : of_shard) {
        if (waits_until(one) >= resumption_.moment)
          resumption_.late.emplace_back(hash_text(roster_[one.sensor].id), one.arrives_at);
      }
    }
  }

  // The due time of the sensor's first reading that its shard does not hold. One left out by missing data
  // counts as not held.
  [[nodiscard]] Timestamp first_absent(std::uint32_t sensor, Timestamp since) {
    for (const Piece& piece : lives_.pieces(sensor, since)) {
      const write::FoundRows& found = found_at(plan_.place_of[piece.identity])->rows();
      if (piece.to <= found.complete_until()) continue;
      const Cadence cadence = cadence_of(piece);
      const Timestamp first = first_due(sensor, cadence);
      std::uint64_t k = cadence.count_before(std::max(found.complete_until(), piece.from) - first);
      while (found.has_reading(sensor, first + cadence.offset(k))) ++k;
      if (first + cadence.offset(k) < piece.to) return first + cadence.offset(k);
    }
    return latest_timestamp;
  }

  // By arithmetic alone, over the lives of the sensors.
  void count_due() {
    for (const std::uint32_t sensor : lives_.sensors()) {
      for (const Piece& piece : lives_.pieces(sensor, run_.start - 1)) {
        const Cadence cadence = cadence_of(piece);
        const Timestamp first = first_due(sensor, cadence);
        const Timestamp until = std::min(piece.to, resumption_.moment);
        if (until <= piece.from) continue;
        resumption_.due_before +=
            cadence.count_before(until - first) - cadence.count_before(piece.from - first);
      }
    }
  }

  void read_events() {
    std::vector<std::vector<data::FoundShard::BegunBefore>> begun(places_.size());
    tbb::parallel_for(std::size_t{0}, places_.size(), [&](std::size_t i) {
      begun[i] = found_at(places_[i])->read_events(resumption_.moment, [this](std::string_view id) {
        return find_sensor(id);
      });
    });
    for (std::size_t i = 0; i < places_.size(); ++i) {
      for (const auto& event : begun[i]) {
        remember_latest(event);
        if (event.request.cause == AnomalyCause::injected)
          resumption_.earlier_injections.push_back({event.sensor, event.request, event.started_at});
        if (has_scenario_) begun_.emplace_back(event.sensor, event.started_at);
      }
      for (const auto& event : found_at(places_[i])->injected_since())
        resumption_.injections.push_back({event.sensor, event.request, event.started_at});
    }
  }

  void remember_latest(const data::FoundShard::BegunBefore& event) {
    const fleet::PastAnomaly begun{event.request, event.started_at};
    fleet::PastAnomaly& latest = latest_.try_emplace(event.sensor, begun).first->second;
    if (begun.started_at > latest.started_at) latest = begun;
  }

  void place_in_past(std::uint32_t member) {
    const std::uint32_t sensor = (*lives_.first_of())[member];
    if (const history::Chapter* chapter = chronicle_ ? chronicle_->find(sensor) : nullptr)
      return place_by_chapter(member, sensor, *chapter);
    const auto latest = latest_.find(sensor);
    if (wears_out(member)) wearing_.emplace(sensor, member);
    if (resumption_.reloads == 0) {
      if (latest != latest_.end()) resumption_.past.emplace(member, latest->second);
      return;
    }
    const Piece joined = lives_.last_joined(sensor, resumption_.moment);
    const bool may_be_new = !joined.comes_back && !has_read(joined);
    Timestamp since = joined.from - 1;
    if (latest != latest_.end() &&
        (may_be_new || !joined.comes_back || latest->second.started_at >= joined.from)) {
      resumption_.past.emplace(member, latest->second);
      if (may_be_new) found_at(plan_.place_of[member])->expect_event(sensor, latest->second.started_at);
      if (!may_be_new) since = std::max(since, latest->second.started_at);
    } else if (!may_be_new) {
      since = std::max(since, resumption_.moment - 1);
    }
    // How much of an interval has been read is not recorded: it follows from all that the sensor has been.
    if (wears_out(member)) since = joined.from - 1;
    resumption_.lives.emplace(member, fleet::Life{stretches(sensor, joined, since), may_be_new});
  }

  // Of a sensor that entries of a scenario have reached, or have yet to bring.
  void place_by_chapter(std::uint32_t member, std::uint32_t sensor, const history::Chapter& chapter) {
    if (!chapter.is_there) return static_cast<void>(is_expected_.insert(sensor));
    const Piece joined = lives_.last_joined(sensor, resumption_.moment);
    const bool is_brought = chapter.joined >= joined.from;
    const Timestamp began = std::max(joined.from, chapter.joined);
    const bool comes_back = is_brought ? chapter.returned : joined.comes_back;
    const bool may_be_new = !comes_back && !has_read_since(sensor, began);
    if (may_be_new) is_expected_.insert(sensor);
    const auto latest = latest_.find(sensor);
    std::optional<fleet::PastAnomaly> past;
    if (latest != latest_.end()) {
      past = latest->second;
      past->added = chapter.added;
      past->serviced = chapter.serviced;
    }
    const bool is_fault = chapter.fault && (!past || past->started_at <= chapter.fault->started_at);
    if (is_fault) {
      past = chapter.fault;
      past->added = chapter.added;
      past->serviced = chapter.serviced;
      if (!has_read_since(sensor, past->started_at))
        found_at(plan_.place_of[member])->expect_event(sensor, past->started_at);
    }
    if (past && past->started_at < began && comes_back) past.reset();
    // A fault has put an end to whatever its sensor joined with.
    const bool begins_new = may_be_new && !is_fault;
    const bool all_of_it = !past || past->started_at < began || begins_new || wears_out(member);
    const Timestamp since = all_of_it ? began : past->started_at;
    resumption_.lives.emplace(
        member, fleet::Life{stretches(sensor, joined, since, chapter), begins_new, is_fault && !all_of_it});
    if (past) resumption_.past.emplace(member, std::move(*past));
  }

  [[nodiscard]] bool has_read_since(std::uint32_t sensor, Timestamp since) const {
    for (const Piece& piece : lives_.pieces(sensor, since)) {
      const Cadence cadence = cadence_of(piece);
      const Timestamp first = first_due(sensor, cadence);
      const Timestamp to = std::min(piece.to, resumption_.moment);
      if (cadence.count_before(to - first) > cadence.count_before(std::max(piece.from, since) - first))
        return true;
    }
    return false;
  }

  [[nodiscard]] std::vector<fleet::Stretch> stretches(std::uint32_t sensor, const Piece& joined,
                                                      Timestamp since, const history::Chapter& chapter) {
    std::vector<fleet::Stretch> stretches;
    std::optional<std::uint32_t> before;
    identity::OverlayIndex overlay = chapter.overlay;
    auto point = chapter.points.begin();
    for (const Piece& piece : lives_.pieces(sensor, since)) {
      if (piece.reloads < joined.reloads) continue;
      if (piece.from > resumption_.moment) break;
      Timestamp from = std::max(piece.from, since);
      bool moved = before && plan_.place_of[*before] != plan_.place_of[piece.identity];
      fleet::EndedTypes ends = 0;
      const auto add = [&](Timestamp to) {
        const auto [profile, shared] = table_of(history_.config_after(piece.reloads))
                                           ->find_or_resolve(roster_.shown(piece.identity, overlay));
        stretches.push_back({from, to, profile, cadence_of(piece), moved, shared, ends});
        moved = false;
        from = to;
      };
      for (; point != chapter.points.end() && point->at < piece.to; ++point) {
        add(point->at);
        overlay = point->overlay;
        ends = point->ends;
      }
      add(piece.to);
      before = piece.identity;
    }
    return stretches;
  }

  [[nodiscard]] bool wears_out(std::uint32_t member) const {
    const types::SensorType* const type = types_->find(roster_.text(roster_[member].type));
    return type != nullptr && type->signal && !type->signal->agings.empty();
  }

  // A sensor that joins only later may do so amid an anomaly that began before.
  void expect_newcomers() {
    for (const auto& [sensor, latest] : latest_) {
      if (lives_.first_joined(sensor) <= resumption_.moment) continue;
      found_at(plan_.place_of[sensor])->expect_event(sensor, latest.started_at);
    }
  }

  // How much of an interval has been read follows from its onset. The event of one that a sensor is in the
  // middle of goes on in its row; all others come again.
  void expect_agings() {
    for (const write::Place& place : places_) {
      std::set<std::pair<std::uint32_t, Timestamp>> go_on;
      for (const auto& [sensor, onset] : found_at(place)->agings()) {
        if (!has_aged(sensor, onset, place) || !go_on.emplace(sensor, onset).second)
          found_at(place)->expect_event(sensor, onset);
      }
    }
  }

  // Whether a sensor that is at this place has readings there since then.
  [[nodiscard]] bool has_aged(std::uint32_t sensor, Timestamp since, write::Place place) const {
    const auto member = wearing_.find(sensor);
    if (member == wearing_.end() || plan_.place_of[member->second] != place) return false;
    const auto life = resumption_.lives.find(member->second);
    const fleet::Stretch all{run_.start, latest_timestamp, nullptr,
                             fleet::cadence_of(roster_, roster_[member->second], *history_.config_after(0))};
    const auto stretches = life == resumption_.lives.end()
                               ? std::span(&all, 1)
                               : std::span<const fleet::Stretch>(life->second.stretches);
    return fleet::readings_since(since, resumption_.moment, hash_text(roster_[sensor].id), stretches,
                                 run_.start) > 0;
  }

  // Whether it has in the first piece since it joined, and so is no longer as it joined.
  [[nodiscard]] bool has_read(const Piece& joined) const {
    const Cadence cadence = cadence_of(joined);
    const Timestamp first = first_due(joined.identity, cadence);
    return cadence.count_before(std::min(joined.to, resumption_.moment) - first) >
           cadence.count_before(joined.from - first);
  }

  [[nodiscard]] std::vector<fleet::Stretch> stretches(std::uint32_t sensor, const Piece& joined,
                                                      Timestamp since) {
    std::vector<fleet::Stretch> stretches;
    std::optional<std::uint32_t> before;
    for (const Piece& piece : lives_.pieces(sensor, since)) {
      if (piece.reloads < joined.reloads) continue;
      if (piece.from > resumption_.moment) break;
      const bool moved = before && plan_.place_of[*before] != plan_.place_of[piece.identity];
      const auto [profile, shared] = profile_of(piece);
      stretches.push_back({piece.from, piece.to, profile, cadence_of(piece), moved, shared});
      before = piece.identity;
    }
    return stretches;
  }

  fleet::ProfileTable::Entry profile_of(const Piece& piece) {
    return table_of(history_.config_after(piece.reloads))->find_or_resolve(roster_[piece.identity]);
  }

  const std::shared_ptr<fleet::ProfileTable>& table_of(const std::shared_ptr<const config::Config>& config) {
    std::shared_ptr<fleet::ProfileTable>& table = tables_[config.get()];
    if (table == nullptr) {
      table = std::make_shared<fleet::ProfileTable>(roster_, config, fleet::types_under(*config, types_),
                                                    run_.seed);
      resumption_.profiles.push_back(table);
    }
    return table;
  }

  const identity::Roster& roster_;
  const sqlite::ShardPlan& plan_;
  const tables::RunInfo& run_;
  const history::History& history_;
  std::shared_ptr<const types::Catalog> types_;
  const ReadShard& read_shard_;
  history::LifeTable lives_;
  std::unordered_map<std::string_view, std::uint32_t> sensor_of_id_;
  std::vector<write::Place> places_;
  std::vector<data::FoundShard::Waiting> waiting_;  // by place; empty: rows arrive when they are due
  fleet::PastAnomalies latest_;                     // by the sensor's first identity, as are …
  std::unordered_map<std::uint32_t, std::uint32_t> wearing_;  // … the members with agings
  std::unordered_map<const config::Config*, std::shared_ptr<fleet::ProfileTable>> tables_;
  history::Scripts scripts_;
  bool has_scenario_ = false;  // any of these
  std::optional<history::Chronicle> chronicle_;
  std::vector<std::pair<std::uint32_t, Timestamp>> begun_;  // events of sensors, where there is a scenario
  std::unordered_set<std::uint32_t> is_expected_;           // sensors of which all these may come again
  Resumption resumption_{};
};

}  // namespace

ReadShard shard_reader(const config::Config& config, const tables::RunInfo& run,
                       const identity::Roster& roster, const write::Places& places) {
  if constexpr (config::row_of(config::Sink::postgresql).is_built) {
    if (is_in_server(config)) return stored_shards(config, run, roster, places);
  }
  return {};
}

Resumption plan_resumption(const identity::Roster& roster, const sqlite::ShardPlan& plan,
                           const tables::RunInfo& run, const history::History& history,
                           std::shared_ptr<const types::Catalog> types, const ReadShard& read_shard) {
  return Planner(roster, plan, run, history, std::move(types), read_shard).plan();
}

Resumption plan_replay(const identity::Roster& roster, const sqlite::ShardPlan& plan,
                       const tables::RunInfo& run, const config::Config& config) {
  Resumption resumption{};
  resumption.moment = run.start;
  if (keeps_progress(config)) {
    const auto file = manifest::Paths(config.data_directory(), config.fleet.partition).progress;
    resumption.found_rows = manifest::settled_rows(file, run.run_id, plan.targets);
  } else {
    resumption.found_rows = {text::find_lines(config, roster, plan.place_of, plan.targets.at(0).size())};
  }
  for (const auto& of_writer : resumption.found_rows) {
    for (const write::FoundRows& found : of_writer) resumption.last = std::max(resumption.last, found.last());
  }
  resumption.all_new_from = std::max(resumption.all_new_from, resumption.last + 1);
  return resumption;
}

sqlite::ExpectedFiles found_files(const std::vector<write::Target>& targets,
                                  const Resumption::FoundShards& found) {
  sqlite::ExpectedFiles files;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const tables::LastIds& last = found[i]->last_ids();
    if (last.reading > 0 || last.event > 0) files.emplace(targets[i].name, last);
  }
  return files;
}

std::vector<write::FoundRows> take_rows(Resumption::FoundShards found) {
  std::vector<write::FoundRows> rows;
  rows.reserve(found.size());
  for (const auto& shard : found) rows.push_back(std::move(*shard).take_rows());
  return rows;
}

}  // namespace fleet_sim::start
