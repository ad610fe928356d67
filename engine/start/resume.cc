#include "start/resume.h"

#include <fmt/format.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/cadence.h"
#include "base/plain_text.h"
#include "base/random.h"
#include "config/config_changes.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "data/data_directory.h"
#include "declare/changes.h"
#include "history/chronicle.h"
#include "identity/identity_changes.h"
#include "manifest/manifest.h"
#include "manifest/read_manifest.h"
#include "model/sensor.h"
#include "sqlite/shard_key.h"
#include "start/describe_run.h"
#include "start/edition.h"
#include "start/sinks.h"
#include "start/stored_run.h"
#include "text/found_lines.h"
#include "types/built_in_type.h"

namespace fleet_sim::start {
namespace {

constexpr bool has_server = config::row_of(config::Sink::postgresql).is_built;

bool is_in_server(const config::Config& config) {
  return config.sink.address.sink == config::Sink::postgresql;
}

// A run, and a file that tells of it. One that is not sharded lies in the `file` that its config names, and
// in a sibling of that for each declared type.
struct PlacedRun {
  data::RecordedRun run;
  std::filesystem::path path;
  std::filesystem::path file;  // empty: it is sharded
};

// The name of a shard of an unsharded run, without the type in it.
std::filesystem::path name_in_config(const std::filesystem::path& path, tables::Database& shard) {
  types::Schema schema = types::built_in_type().schema;
  const std::string name = path.filename().string();
  return tables::read_schema(shard, schema).ok() ? sqlite::name_without_type(name, schema.type()) : name;
}

// What the shards tell of, each run once; one that is not sharded, once for each file.
std::vector<PlacedRun> all_runs(const std::vector<std::filesystem::path>& files) {
  std::vector<std::vector<data::RecordedRun>> of_file(files.size());
  std::vector<std::filesystem::path> names(files.size());
  tbb::parallel_for(std::size_t{0}, files.size(), [&](std::size_t i) {
    tables::Database shard = data::open_shard(files[i]);
    if (!tables::check_schema(shard).ok()) return;
    of_file[i] = data::read_runs(shard, files[i]);
    const bool is_needed =
        std::ranges::find(of_file[i], "none", &data::RecordedRun::shard_by) != of_file[i].end();
    if (is_needed) names[i] = name_in_config(files[i], shard);
  });
  std::vector<PlacedRun> runs;
  std::set<std::string> known;
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (const data::RecordedRun& run : of_file[i]) {
      const bool is_sharded = run.shard_by != "none";
      const bool is_special = !is_sharded || run.has_losses;
      if (!known.insert(run.run_id).second && !is_special) continue;
      runs.push_back({run, files[i], is_sharded ? std::filesystem::path() : names[i]});
    }
  }
  return runs;
}

// The files that tell of an unsharded run, without copies that have other names.
std::vector<std::filesystem::path> files_of(const PlacedRun& run, const std::vector<PlacedRun>& runs) {
  std::vector<std::filesystem::path> files;
  for (const PlacedRun& placed : runs) {
    if (placed.run.run_id == run.run.run_id && placed.file == run.file) files.push_back(placed.path);
  }
  return files;
}

// What was left out in the middle cannot be written behind what followed it, and what was lost of the
// anomalies would have to be known to go on from.
void check_whole(const std::vector<PlacedRun>& runs, const tables::RunInfo& best) {
  for (const PlacedRun& placed : runs) {
    if (placed.run.run_id != best.run_id || !placed.run.has_losses) continue;
    throw InvalidInput(
        fmt::format("--resume: run {} cannot be resumed: it lost or skipped rows because writing failed or "
                    "was too slow (table run_losses); start a new run without --resume",
                    printable(best.run_id)));
  }
}

data::RunRecord read_record(const std::vector<std::filesystem::path>& files, const data::RecordedRun& run) {
  try {
    return data::read_record(files, run.run_id, run.config);
  } catch (const InvalidInput& incomplete) {
    throw InvalidInput(fmt::format("--resume: {}; start a new run without --resume", incomplete.what()));
  }
}

std::filesystem::path file_name_of(const config::Config& config) {
  return std::filesystem::path(config.sqlite.path).filename();
}

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

void add_other_fleet(std::uint64_t sensors_then, const Inputs& inputs, Problems& problems) {
  problems.add("--resume", fmt::format("the identities differ from those at the run's start ({} sensors "
                                       "then, {} now); restore them, or start a new run without --resume",
                                       sensors_then, inputs.members.size()));
}

void check_same_fleet(const Inputs& inputs, const tables::RunInfo& run, Problems& problems) {
  const bool same_hash =
      run.fleet_hash.empty() || run.fleet_hash == fleet_hash(inputs.identities.roster, inputs.members);
  if (run.fleet_size == inputs.members.size() && same_hash) return;
  add_other_fleet(run.fleet_size, inputs, problems);
}

// A file of text, or whatever the manifest says of a server.
bool may_have_begun(const config::Config& asked) {
  const config::SinkAddress& address = asked.sink.address;
  const bool exists = keeps_progress(asked) || std::filesystem::exists(address.target);
  const bool is_text = address.sink == config::Sink::text && !address.is_stream() &&
                       (!exists || std::filesystem::is_regular_file(address.target));
  if (is_text || keeps_progress(asked)) return exists;
  throw InvalidInput(fmt::format("--resume: {} keeps nothing to resume from", place_of_readings(asked)));
}

// Reloads and injected anomalies, of which the readings do not tell.
bool is_told_of(const std::filesystem::path& agenda) {
  std::error_code none;
  return std::filesystem::file_size(agenda, none) > 0 && !none;
}

std::optional<ResumableRun> find_run_to_replay(const config::Config& asked) {
  const manifest::Paths paths(asked.data_directory(), asked.fleet.partition);
  const auto recorded = may_have_begun(asked) ? manifest::find_run(paths.run) : std::nullopt;
  if (!recorded) return std::nullopt;
  const auto refuse = [&](const std::string& why) {
    throw InvalidInput(fmt::format("--resume: run {} in {} {}; start a new run without --resume",
                                   printable(recorded->run.run_id), paths.run.string(), why));
  };
  if (recorded->sink != asked.sink.address.text())
    refuse(fmt::format("wrote to {}, not to {}", printable(recorded->sink), asked.sink.address.text()));
  const auto progress = manifest::read_progress(paths.progress, recorded->run.run_id);
  // What was lost at the end of a run lies behind its progress, or its last line, and comes again.
  const bool has_losses = keeps_progress(asked)
                              ? progress.has_losses
                              : recorded->lost - recorded->lost_at_stop + recorded->skipped > 0;
  if (has_losses) refuse("lost or skipped rows");
  if (is_told_of(paths.agenda))
    refuse("was reloaded or had anomalies injected, which only SQLite's files and PostgreSQL can resume");
  return ResumableRun{recorded->run, {}};
}

}  // namespace

bool keeps_progress(const config::Config& config) {
  return config.sink.address.sink == config::Sink::line_server;
}

bool resumes_behind_losses(const config::Config& config) {
  const config::SinkAddress& address = config.sink.address;
  const bool is_text_file = address.sink == config::Sink::text && !address.is_stream() &&
                            std::filesystem::is_regular_file(address.target);
  if (!is_text_file && !keeps_progress(config)) return is_in_server(config);
  return !is_told_of(manifest::Paths(config.data_directory(), config.fleet.partition).agenda);
}

bool keeps_runs(const config::Config& config) {
  return sink_of(config).keeps_files || is_in_server(config);
}

std::optional<ResumableRun> find_run(const config::Config& asked) {
  if constexpr (has_server) {
    if (is_in_server(asked)) return find_stored_run(asked);
  }
  if (asked.sink.address.sink != config::Sink::sqlite) return find_run_to_replay(asked);
  const std::filesystem::path directory = asked.data_directory();
  const std::vector<std::filesystem::path> shards = data::list_shards(directory);
  const std::vector<PlacedRun> runs = all_runs(shards);
  const std::string partition = setting_text(asked, "fleet.partition");
  const auto rank = [named = file_name_of(asked)](const PlacedRun& placed) {
    return std::pair(placed.file.empty() || placed.file == named, placed.run.began_at);
  };
  const PlacedRun* best = nullptr;
  for (const PlacedRun& placed : runs) {
    if (placed.run.partition != partition) continue;
    if (best == nullptr || rank(placed) > rank(*best)) best = &placed;
  }
  if (best != nullptr) {
    check_whole(runs, best->run);
    const auto files = best->file.empty() ? shards : files_of(*best, runs);
    return ResumableRun{best->run, read_record(files, best->run)};
  }
  if (!runs.empty() && asked.fleet.partition == config::Partition{}) {
    throw InvalidInput(
        fmt::format("--resume: {} holds partition {}; choose the one to resume with --partition K/N",
                    directory.string(), printable(runs.front().run.partition)));
  }
  const auto recorded = manifest::find_run(manifest::Paths(directory, asked.fleet.partition).run);
  if (recorded && recorded->sink != asked.sink.address.text()) {
    throw InvalidInput(fmt::format("--resume: the run in {} writes to {}; give it with --sink",
                                   directory.string(), printable(recorded->sink)));
  }
  return std::nullopt;
}

void check_resumable(const config::Config& config, const config::Config& recorded, Problems& problems) {
  const std::string remedy = "; restore it, or start a new run without --resume";
  for (const config::ConfigKey& key : config::config_keys()) {
    if (key.decides == config::Decides::nothing || key.at_once || key.equal(config, recorded)) continue;
    problems.add("--resume", fmt::format("{} is {}, but the run started with {}{}", key.name, key.get(config),
                                         key.get(recorded), remedy));
  }
  // A type that the run did not know has no readings yet.
  types::DeclaredTypes known = config.types;
  std::erase_if(known, [&](const auto& type) {
    return !recorded.types.contains(type.first) && type.first != types::built_in_type().schema.type();
  });
  for (const declare::TypeChange& change : declare::type_changes(recorded.types, known)) {
    if (change.at_once) continue;
    problems.add("--resume",
                 fmt::format("{} is {}, but the run has {}{}", change.key, change.to, change.from, remedy));
  }
  if (recorded.sharding.key == config::ShardKey::none && file_name_of(config) != file_name_of(recorded)) {
    problems.add("--resume", fmt::format("database.path names the file {}, but the run started in {}{}",
                                         in_quotes(file_name_of(config).string()),
                                         in_quotes(file_name_of(recorded).string()), remedy));
  }
}

config::Config latest_config(const ResumableRun& run) {
  config::Config config = history::recorded_config(run.info);
  if (run.record.reloads.empty()) return config;
  const tables::RunReload& last = run.record.reloads.back().reload;
  Problems problems;
  const config::Config recorded =
      config::read_config(last.config, fmt::format("run_reloads of run {}", run.info.run_id), problems);
  if (!problems.empty()) throw InvalidInput(problems.text());
  return config::adopt(config, recorded);
}

void follow_fleet(Inputs& inputs, const data::RunRecord& record, Problems& problems) {
  const tables::RunInfo& run = *inputs.resumed;
  const config::Config began_under = history::recorded_config(run);
  const config::Config wanted = inputs.config;
  bool other_identities = false;
  if (record.began_with.empty()) {
    check_same_fleet(inputs, run, problems);
    inputs.history = std::make_shared<const history::History>(
        run.start, std::make_shared<const config::Config>(history::with_readings_of(wanted, began_under)),
        inputs.members);
  } else {
    identity::Roster roster;
    history::History history = history::History::of_record(record, run.start, wanted, began_under, roster);
    const history::Members members = history.members_after(history.reloads().size());
    const identity::IdentityChanges changes =
        identity::compare_identities(roster, members, inputs.identities.roster, inputs.members);
    if (changes.removed.size() == members.size()) add_other_fleet(members.size(), inputs, problems);
    other_identities = !changes.empty();
    inputs.standing.emplace(inputs.identities.sources, inputs.identities.roster);
    inputs.identities.roster = std::move(roster);
    inputs.members = members;
    inputs.history = std::make_shared<const history::History>(std::move(history));
  }
  inputs.config = *inputs.history->config_after(inputs.history->reloads().size());
  inputs.differs_from_record =
      other_identities || config::readings_config_text(wanted) != config::readings_config_text(inputs.config);
}

ReadShard shard_reader(const config::Config& config, const tables::RunInfo& run,
                       const identity::Roster& roster, const write::Places& places) {
  if constexpr (has_server) {
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
