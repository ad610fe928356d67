#include "storm/process.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "config/load_config.h"
#include "start/describe_run.h"
#include "start/follow_record.h"
#include "timeline/plan.h"
#include "timeline/script.h"

namespace fleet_sim::test {
namespace {

constexpr unsigned most_waits = 20'000;  // steps without which nothing ends
constexpr unsigned patience = 5'000;     // steps after which somebody presses Ctrl-C: most disks heal earlier

Timestamp next_due(fleet::Fleet& fleet) {
  Timestamp next = latest_timestamp;
  for (const fleet::Cohort& cohort : fleet.cohorts()) next = std::min(next, cohort.next_due());
  return next;
}

}  // namespace

Process::Process(const Ground& ground, StormRun& run, bool resumes, const Fortune& fortune)
    : ground_(ground),
      run_(run),
      fortune_(fortune),
      history_(resumes ? read_history() : std::nullopt),
      plan_(plan_of_all()),
      places_(plan_.targets, ground.config),
      pool_(fortune.batches),
      info_(run.info),
      shard_context_{ground.roster, ground.config.sqlite, info_, ground.vfs.name()},
      carried_(ground.config.write.writers, nullptr),
      queued_(carried_.size(), 0),
      handed_(carried_.size()),
      stepped_(carried_.size()),
      now_(SteadyTime() + std::chrono::hours(1'000) + std::chrono::seconds(ground.dice.between(0, 1'000))),
      reached_(run.info.start) {
  info_.reloads = &reloads_;
  if (resumes) {
    info_.resumed_at = info_.began_at + run.processes;
    resumption_ = start::plan_resumption(ground.roster, plan_, run.info, *history_);
  }
  build_fleet();
  build_writers(std::move(resumption_.found));
  if (resumes) take_up();
  due_before_start_ = fleet_->due_before(reached_);
  disk_heals_ = now_;
}

std::optional<history::History> Process::read_history() const {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(ground_.config.data_directory())) {
    if (entry.path().extension() == ".db") files.push_back(entry.path());
  }
  const data::RunRecord record = data::read_record(files, run_.info.run_id);
  const Edition& first = run_.editions.front();
  // With nothing committed there is no record, and the fleet is as it began.
  if (record.began_with.empty()) return history::History(run_.info.start, first.config, first.members);
  return history::History::of_record(record, run_.info.start, ground_.config, *first.config, ground_.roster);
}

sqlite::ShardPlan Process::plan_of_all() const {
  const start::Members members = history_ ? history_->everyone() : run_.editions.back().members;
  const config::Config& config = *run_.editions.back().config;
  std::vector<double> rates;
  for (const std::uint32_t member : members) {
    rates.push_back(fleet::rate_of(ground_.roster, ground_.roster[member], config).per_second());
  }
  return sqlite::plan_shards(ground_.roster, members, rates, ground_.config);
}

void Process::build_fleet() {
  const Edition& first = run_.editions.front();
  const std::size_t reloads = resumption_.reloads;
  const auto config = history_ ? history_->config_after(reloads) : first.config;
  const auto members =
      std::make_shared<const start::Members>(history_ ? history_->members_after(reloads) : first.members);
  std::vector<std::uint32_t> writer_of;
  for (const std::uint32_t member : *members) writer_of.push_back(plan_.place_of[member].writer);
  const auto types = fleet::types_under(*config, types::built_in_types());
  fleet::note_names(ground_.roster, *types);
  fleet_ = std::make_unique<fleet::Fleet>(fleet::build_fleet(ground_.roster, *members, writer_of, *config,
                                                             run_.info.seed, run_.info.start, types));
  if (history_) {
    fleet_->go_on(resumption_.script, resumption_.moment, std::exchange(resumption_.stories, {}));
  } else if (!config->scenario.empty()) {
    timeline::Plan plan = timeline::plan_of(config->scenario, run_.info.start);
    fleet_->follow(std::make_shared<const timeline::Script>(std::move(plan), ground_.roster, run_.info.seed));
  }
  reloads_.begin_with(run_.info.start, history_ ? history_->began_with() : first.members);
  editions_.begin({config, start::readings_config_hash(*config), members,
                   std::make_shared<const write::Targets>(plan_.targets), plan_.shard_count,
                   fleet_->readings_per_second(), reloads});
}

void Process::drop_connections() {
  if (collector_) end_collection(false);
  if (ground_.fake != nullptr) ground_.fake->forget_late_answers();
  writers_.clear();
}

// The identities of the history are the ones that the process knows; they say what the editions' did.
void Process::take_up() {
  for (const history::PastReload& past : history_->reloads()) reloads_.add(past.reload);
  demand(reloads_.size() + 1 == run_.editions.size(), "the record is not what the files tell of");
  for (std::size_t e = 0; e < run_.editions.size(); ++e)
    run_.editions[e].members = history_->members_after(e);
  fleet_->resume_at(resumption_.moment, resumption_.past, resumption_.lives);
  fleet_->resume_delivery(resumption_.late);
  reached_ = resumption_.moment;
  std::erase_if(run_.skipped, [this](const SensorTime& reading) { return reading.second >= reached_; });
  no_reload_before_ = resumption_.all_new_from;
  start::follow_record(*history_, resumption_, {ground_.roster, plan_.place_of, *fleet_, agenda_, editions_});
}

// As the scheduler does.
void Process::follow_agenda() {
  while (const auto reload = agenda_.take_reload(reached_)) {
    settle_owed();
    carry_out(reached_);
    fleet_->apply(*reload->change, reached_);
    for (const auto& [writer, event] : reload->change->anomalies) room_for(writer, 1).events.push_back(event);
    reload->carried_out();
  }
}

// None found: a run that begins.
void Process::build_writers(std::vector<start::Resumption::FoundShards> found) {
  const config::WriteSettings& settings = ground_.config.write;
  const write::WriterContext context{
      .roster = ground_.roster,
      .settings = settings,
      .place_of = plan_.place_of,
      .clock = clock_,
      .pool = pool_,
      .ledger = ledger_,
      .errors = errors_,
      .pending_rows = std::max<std::size_t>(2, settings.pending_rows / settings.writers),
      .log = {},
      .give_up = [this] { gave_up_ = true; }};
  const bool resumes = !found.empty();
  found.resize(plan_.targets.size());
  for (std::size_t w = 0; w < plan_.targets.size(); ++w) {
    writers_.push_back(std::make_unique<write::Writer>(
        context, make_sink(start::found_files(plan_.targets[w], found[w])), plan_.targets[w], pool_.size()));
    if (resumes) writers_[w]->take_up(start::take_rows(std::move(found[w])));
  }
}

std::unique_ptr<write::Sink> Process::make_sink(sqlite::ExpectedFiles files) const {
  if (ground_.fake != nullptr) return std::make_unique<FakeSink>(*ground_.fake);
  return std::make_unique<sqlite::SqliteSink>(shard_context_, fortune_.open_shards, write::Lines{},
                                              std::move(files));
}

void Process::live() {
  if (fortune_.dies && fortune_.last_write > 0 && !fortune_.while_stopping) {
    ground_.vfs.switch_off_at(fortune_.last_write);
  }
  try {
    run_steps();
    if (fortune_.dies && fortune_.last_write > 0) ground_.vfs.switch_off_at(fortune_.last_write);
    if (!fortune_.dies || fortune_.while_stopping) stop();
  } catch (const Died&) {
  }
  ground_.vfs.heal();
  died_ = fortune_.dies;
  if (!died_ && collector_) end_collection(true);
  if (died_) ground_.vfs.switch_off();
  held_ = count_held();
  run_.lost += books().lost();
  run_.events_lost += books().events_lost;
}

void Process::run_steps() {
  for (unsigned i = 0; i < fortune_.steps && !gave_up_; ++i) {
    disturb();
    tick();
    for (std::uint64_t steps = ground_.dice.between(0, 3); steps > 0; --steps) {
      pass_time(now_ + std::chrono::milliseconds(ground_.dice.between(0, 400)));
      step();
    }
  }
}

// As the simulator stops: the last word on open anomalies, then everything that waits.
void Process::stop() {
  follow_agenda();
  settle_owed();
  carry_out(reached_);
  for (const fleet::Cohort& cohort : fleet_->cohorts()) {
    for (const batch::AnomalyEvent& event : cohort.open_anomalies())
      room_for(cohort.writer(), 1).events.push_back(event);
  }
  for (std::uint32_t w = 0; w < writers_.size(); ++w) hand_over(w);
  for (unsigned waits = 0; std::ranges::any_of(queued_, [](std::size_t n) { return n > 0; }); ++waits) {
    be_patient(waits, "the queues are never emptied");
    pass_time(now_ + std::chrono::milliseconds(20));
    step();
  }
  for (const auto& writer : writers_) {
    unsigned waits = 0;
    while (const auto next = writer->wind_up(now_)) {
      if (ground_.vfs.is_off()) throw Died();
      be_patient(++waits, "the end never comes");
      pass_time(*next);
    }
    if (ground_.vfs.is_off()) throw Died();
  }
  const std::uint64_t due = fleet_->due_before(reached_) - due_before_start_;
  const std::string imbalance = books().imbalance(due, 0);
  demand(imbalance.empty(), "the books do not balance: " + imbalance);
  demand(count_held() == 0, "rows are held after the end");
  demand(!waits_for_space() || books().lost() + books().events_lost == 0,
         "rows are lost at the end for want of space by a fleet that could wait");
}

void Process::disturb() {
  follow_agenda();
  if (reached_ >= no_reload_before_ && ground_.dice.chance(fortune_.reloads)) reload();
  if (fortune_.calm) return;
  if (ground_.dice.chance(fortune_.deletions)) delete_file();
  if (ground_.dice.chance(0.1)) break_disk();
  if (!collector_ && ground_.dice.chance(0.1)) send_collector();
}

// What the reloader and the scheduler do, in their order.
void Process::reload() {
  Edition next = draw_reload(ground_.dice, ground_.roster, run_.editions.back());
  std::vector<std::uint32_t> identities;
  std::vector<std::uint32_t> removed;
  fleet::FleetChange change = plan_reload(next, identities, removed);
  const Timestamp latest = std::min(next_due(*fleet_), reached_ + 2 * microseconds_per_second);
  if (latest > reached_)
    reached_ +=
        static_cast<Microseconds>(ground_.dice.between(0, static_cast<std::uint64_t>(latest - reached_)));
  next.from = reached_;
  run_.until = std::max(run_.until, reached_);
  run_.editions.push_back(next);
  settle_owed();
  carry_out(reached_);
  fleet_->apply(change, reached_);
  for (const auto& [writer, event] : change.anomalies) room_for(writer, 1).events.push_back(event);
  tables::RunReload note;
  note.at = reached_;
  note.changes = "what the storm brought";
  note.fleet_size = next.members.size();
  // As a file may have it: a storm's database settings are beyond what users may ask for.
  config::Config other;  // than that of this process in all that decides no reading
  other.types = next.config->types;
  note.config = config::config_text(history::with_readings_of(other, *next.config));
  note.identities = std::move(identities);
  note.removed = std::move(removed);
  reloads_.add(std::move(note));
  if (ground_.dice.chance(0.5)) record_now();
}

// As the reloader does; it would wait for a collector, which here ends only once this has come back.
void Process::record_now() {
  const std::vector<write::Target>& targets = plan_.targets[ground_.dice.between(0, carried_.size() - 1)];
  if (ground_.fake != nullptr || collector_ || targets.empty()) return;
  tables::record_reload_now(ground_.dice.one_of(targets).name, info_, ground_.roster,
                            reloads_[reloads_.size() - 1], ground_.vfs.name());
  if (ground_.vfs.is_off()) throw Died();
}

void Process::settle_owed() {
  for (fleet::Cohort& cohort : fleet_->cohorts()) {
    while (!cohort.settle_owed(room_for(cohort.writer(), 1))) {
    }
  }
}

void Process::carry_out(Timestamp until) {
  for (fleet::Cohort& cohort : fleet_->cohorts()) {
    while (!cohort.carry_out(until, room_for(cohort.writer(), batch::Batch::most_events_of_a_reading))) {
    }
  }
}

fleet::FleetChange Process::plan_reload(const Edition& next, std::vector<std::uint32_t>& identities,
                                        std::vector<std::uint32_t>& removed) {
  const Edition& now = run_.editions.back();
  const identity::Roster& roster = ground_.roster;
  const bool same_config = next.config == now.config;
  auto profiles = same_config
                      ? fleet_->profiles()
                      : std::make_shared<fleet::ProfileTable>(
                            roster, next.config, fleet::types_under(*next.config, types::built_in_types()),
                            run_.info.seed);
  const identity::IdentityChanges changes =
      identity::compare_identities(roster, now.members, roster, next.members);
  std::vector<fleet::WantedSensor> wanted = place(changes);
  for (const fleet::WantedSensor& sensor : wanted) identities.push_back(sensor.to);
  removed = changes.removed;
  for (const std::uint32_t member : next.members) {
    if (same_config) break;
    const std::uint32_t writer = plan_.place_of[member].writer;
    wanted.push_back({member, member, writer, writer, false, false});
  }
  return fleet::plan_fleet_change(*now.config, profiles, wanted, changes.removed);
}

bool Process::was_in_fleet(std::string_view id) const {
  return std::ranges::any_of(run_.editions, [&](const Edition& edition) {
    return std::ranges::any_of(edition.members, [&](std::uint32_t m) { return ground_.roster[m].id == id; });
  });
}

// A shard for each sensor that is new or has become another.
std::vector<fleet::WantedSensor> Process::place(const identity::IdentityChanges& changes) {
  std::vector<fleet::WantedSensor> sensors;
  for (const std::uint32_t added : changes.added) {
    sensors.push_back({{}, added, {}, 0, false, was_in_fleet(ground_.roster[added].id)});
  }
  for (const auto& [from, to] : changes.changed) sensors.push_back({from, to, {}, 0, false, false});
  std::vector<std::uint32_t> coming;
  for (const fleet::WantedSensor& sensor : sensors) coming.push_back(sensor.to);
  const sqlite::ShardPlaces::Proposal proposal = places_.propose(ground_.roster, coming);
  places_.accept(proposal);
  for (std::size_t w = 0; w < writers_.size(); ++w) {
    const std::vector<write::Target>& targets = proposal.new_targets[w];
    if (!targets.empty()) writers_[w]->add_shards(targets);
    plan_.targets[w].insert(plan_.targets[w].end(), targets.begin(), targets.end());
  }
  plan_.place_of.grow_to_at_least(ground_.roster.size());
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    fleet::WantedSensor& sensor = sensors[i];
    sensor.writer = proposal.places[i].writer;
    plan_.place_of[sensor.to] = proposal.places[i];
    if (!sensor.from) continue;
    sensor.writer_now = plan_.place_of[*sensor.from].writer;
    sensor.to_another_shard = plan_.place_of[*sensor.from] != proposal.places[i];
  }
  return sensors;
}

// Somebody deletes a file, with what belongs to it or without; not under a collector, whose index of the log
// would serve the next file too.
void Process::delete_file() {
  if (collector_) return;
  const std::vector<write::Target>& targets = plan_.targets[ground_.dice.between(0, carried_.size() - 1)];
  if (targets.empty()) return;
  const std::string& path = ground_.dice.one_of(targets).name;
  const bool all_of_it = ground_.dice.chance(0.5);
  if (!std::filesystem::exists(path)) return;
  ground_.before_deleting(path);
  std::filesystem::remove(path);
  for (const char* ending : {"-wal", "-shm"}) {
    if (all_of_it) std::filesystem::remove(path + ending);
  }
}

void Process::break_disk() {
  struct Fault {
    DiskCall call;
    int code;
  };
  const Fault fault = ground_.dice.one_of(std::vector<Fault>{{DiskCall::write, SQLITE_IOERR_WRITE},
                                                             {DiskCall::write, SQLITE_FULL},
                                                             {DiskCall::sync, SQLITE_IOERR_FSYNC},
                                                             {DiskCall::read, SQLITE_IOERR_READ},
                                                             {DiskCall::read, SQLITE_CORRUPT},
                                                             {DiskCall::open, SQLITE_CANTOPEN},
                                                             {DiskCall::truncate, SQLITE_IOERR_TRUNCATE},
                                                             {DiskCall::lock, SQLITE_IOERR_LOCK},
                                                             {DiskCall::lock, SQLITE_BUSY},
                                                             {DiskCall::log_lock, SQLITE_IOERR_SHMLOCK},
                                                             {DiskCall::log_lock, SQLITE_BUSY}});
  only_space_lacks_ = only_space_lacks_ && fault.code == SQLITE_FULL;
  const std::uint64_t times = ground_.dice.chance(0.4) ? FaultyVfs::for_ever : ground_.dice.between(1, 6);
  const std::vector<std::string> parts{"", "", "-wal", ".db"};
  ground_.vfs.fail(fault.call, ground_.dice.between(1, 30), times, fault.code, ground_.dice.one_of(parts));
  const bool stays = ground_.dice.chance(0.1);
  disk_heals_ = stays ? SteadyTime::max() : now_ + std::chrono::milliseconds(ground_.dice.between(1, 20'000));
}

// Marks rows as collectors do, and keeps the write lock for a while.
void Process::send_collector() {
  const std::vector<write::Target>& targets = plan_.targets[ground_.dice.between(0, carried_.size() - 1)];
  if (targets.empty()) return;
  const std::string& path = ground_.dice.one_of(targets).name;
  only_space_lacks_ = false;
  const std::string mark =
      "BEGIN IMMEDIATE; UPDATE sensor_readings SET synced = 1 WHERE id IN (SELECT id FROM sensor_readings "
      "WHERE synced = 0 ORDER BY timestamp ASC LIMIT 100)";
  Collector collector{{}, now_ + std::chrono::milliseconds(ground_.dice.between(1, 8'000))};
  if (!std::filesystem::exists(path) || !collector.database.open(path, ground_.vfs.name()).ok()) return;
  if (collector.database.execute(mark.c_str()).ok()) collector_ = std::move(collector);
}

void Process::end_collection(bool commits) {
  collector_->database.execute(commits ? "COMMIT" : "ROLLBACK");
  collector_.reset();
}

// One window, as the scheduler has it: no cohort enters the next before all have left this one.
void Process::tick() {
  const Timestamp until =
      std::min(agenda_.next_after(reached_),
               reached_ + static_cast<Microseconds>(ground_.dice.between(1, microseconds_per_second)));
  run_.until = std::max(run_.until, until);
  std::vector<fleet::Cohort*> cohorts;
  for (fleet::Cohort& cohort : fleet_->cohorts()) cohorts.push_back(&cohort);
  ground_.dice.shuffle(cohorts);
  for (fleet::Cohort* cohort : cohorts) {
    while (cohort->next_due() < until) {
      if (fortune_.skips && !has_room(cohort->writer())) {
        skip(*cohort, until);
        continue;
      }
      count(cohort->tick(until, room_for(cohort->writer(), batch::Batch::most_events_of_a_reading)));
      if (ground_.dice.chance(0.5)) hand_over(cohort->writer());
    }
  }
  reached_ = until;
}

bool Process::has_room(std::uint32_t writer) const {
  return (carried_[writer] != nullptr && !carried_[writer]->full()) || batches_in_use() < pool_.size();
}

// Which readings that were, a copy of the cohort tells.
void Process::skip(fleet::Cohort& cohort, Timestamp until) {
  fleet::Cohort other = cohort;
  fleet::Tally tally;
  const Timestamp since = cohort.next_due();
  run_.has_skipped = true;
  cohort.skip(until, tally);
  ledger_.skips(since, cohort.next_due() - 1);
  count(tally);
  for (batch::Batch batch; other.next_due() < cohort.next_due(); batch.clear()) {
    other.tick(cohort.next_due(), batch);
    for (const batch::Reading& reading : batch.readings) {
      run_.skipped.emplace(ground_.roster[reading.sensor].id, reading.due);
    }
  }
}

void Process::count(const fleet::Tally& tally) {
  ledger_.due(tally.due);
  ledger_.skipped(tally.skipped);
  ledger_.silent(tally.silent);
  ledger_.generated(tally.due - tally.skipped - tally.silent);
  ledger_.missing(tally.missing);
  ledger_.dropped(tally.dropped);
  ledger_.duplicates(tally.duplicates);
  ledger_.undelivered(tally.undelivered);
  ledger_.anomalies(tally.anomalies);
}

batch::Batch& Process::room_for(std::uint32_t writer, std::size_t events) {
  batch::Batch*& batch = carried_[writer];
  const auto has_room = [&] {
    return batch->events.size() + events <= batch::Batch::capacity &&
           batch->fleet_events.size() < batch::Batch::capacity;
  };
  if (batch != nullptr && (batch->full() || !has_room())) {
    hand_over(writer);
  }
  if (batch == nullptr) {
    wait_for_batch();
    batch = pool_.acquire();
  }
  return *batch;
}

// Where the real process would sleep until a writer gives one back.
void Process::wait_for_batch() {
  for (unsigned waits = 0; batches_in_use() == pool_.size(); ++waits) {
    be_patient(waits, "no batch ever comes back");
    pass_time(now_ + std::chrono::milliseconds(10));
    step();
  }
}

void Process::be_patient(unsigned waits, const char* complaint) {
  demand(waits < most_waits, complaint);
  if (waits != patience) return;
  impatient_ = true;
  for (const auto& writer : writers_) writer->stop_waiting();
}

// Where nothing but space is lacking, nothing is lost by it.
bool Process::waits_for_space() const {
  return !fortune_.paced && !impatient_ && only_space_lacks_ && ground_.fake == nullptr;
}

std::size_t Process::batches_in_use() const {
  std::size_t batches = 0;
  for (std::size_t w = 0; w < queued_.size(); ++w) batches += queued_[w] + (carried_[w] != nullptr ? 1 : 0);
  return batches;
}

void Process::hand_over(std::uint32_t writer) {
  batch::Batch* batch = std::exchange(carried_[writer], nullptr);
  if (batch == nullptr) return;
  for (const batch::Reading& reading : batch->readings) {
    handed_[writer].push_back(
        {{std::string(ground_.roster[reading.sensor].id), reading.due}, reading.sensor, {}});
  }
  events_handed_ += batch->events.size() + batch->fleet_events.size() + batch->deliveries.size();
  largest_batch_ = std::max(largest_batch_, batch->readings.size());
  ++queued_[writer];
  writers_[writer]->queue().push(batch);
}

void Process::step() {
  const Books before = books();
  for (std::size_t w = 0; w < writers_.size(); ++w) {
    writers_[w]->step(now_);
    if (ground_.vfs.is_off()) throw Died();
    stepped_[w] = now_;
    if (!writers_[w]->queue().empty()) continue;
    queued_[w] = 0;
    for (auto handed = handed_[w].rbegin(); handed != handed_[w].rend() && !handed->taken; ++handed) {
      handed->taken = now_;
    }
  }
  check_losses(before);
  check_memory();
}

void Process::pass_time(SteadyTime now) {
  now_ = std::max(now_, now);
  if (collector_ && collector_->until <= now_) end_collection(ground_.dice.chance(0.8));
  if (disk_heals_ <= now_) ground_.vfs.heal();
  if (ground_.fake != nullptr) ground_.fake->answer();
}

// Rows are lost only when the backlog is full, that is, half of what may wait.
void Process::check_losses(const Books& before) const {
  const Books after = books();
  demand(after.lost_by_reason[static_cast<std::size_t>(LossReason::rows_differ)] == 0,
         "rows in the files are taken for other ones");
  if (after.lost() == before.lost() && after.events_lost == before.events_lost) return;
  demand(!waits_for_space(), "rows are lost for want of space by a fleet that could wait");
  const std::size_t half = std::max<std::size_t>(2, ground_.config.write.pending_rows / carried_.size()) / 2;
  demand(count_held() + (after.written - before.written) + events_handed_ >= half,
         "rows are lost while there is room: " + std::to_string(count_held()) + " readings wait, " +
             std::to_string(half) + " may");
}

// Besides what is allowed to wait, one batch, which is dealt out whole, and a row of each shard.
void Process::check_memory() const {
  const std::size_t most = std::max<std::size_t>(2, ground_.config.write.pending_rows / carried_.size());
  for (std::size_t w = 0; w < writers_.size(); ++w) {
    demand(writers_[w]->held() <= most + largest_batch_ + plan_.targets[w].size(),
           "more rows wait in memory than are allowed: " + std::to_string(writers_[w]->held()) + " of " +
               std::to_string(most));
  }
}

std::uint64_t Process::count_held() const {
  std::uint64_t held = 0;
  for (const auto& writer : writers_) held += writer->held();
  return held;
}

std::vector<FakeStore::Row> Process::handed(std::size_t writer) const {
  std::vector<FakeStore::Row> rows;
  for (const Handed& handed : handed_[writer]) rows.emplace_back(handed.sensor, handed.reading.second);
  return rows;
}

std::vector<SensorTime> Process::overdue() const {
  const auto interval = std::chrono::milliseconds(ground_.config.write.flush_interval_ms);
  std::vector<SensorTime> overdue;
  for (std::size_t w = 0; w < handed_.size(); ++w) {
    for (const Handed& handed : handed_[w]) {
      if (handed.taken && *handed.taken + interval <= stepped_[w]) overdue.push_back(handed.reading);
    }
  }
  return overdue;
}

}  // namespace fleet_sim::test
