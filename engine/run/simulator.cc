#include "run/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/faults.h"
#include "base/problems.h"
#include "base/text.h"
#include "data/write_access.h"
#include "run/stop_signals.h"
#include "sqlite/set_aside.h"
#include "sqlite/sqlite_sink.h"
#include "start/describe_run.h"
#include "start/open_files.h"
#include "start/refuse_doubling.h"
#include "start/resume.h"
#include "start/run_span.h"
#include "status/process.h"
#include "status/run_text.h"
#include "timeline/script.h"

namespace fleet_sim::run {
namespace {

constexpr std::chrono::milliseconds look_for_end{5};
constexpr double live_interval_seconds = 0.5;     // of the progress line on a terminal
constexpr double plain_interval_seconds = 10;     // of progress lines elsewhere
constexpr double between_deletions_seconds = 60;  // told in the log
constexpr std::size_t queued_per_writer =
    64;  // batches; covers a stall of the disk without stopping the fleet

// What a fleet takes from the clock's setting to its first reading, and its writers to make files ahead,
// generously: on 2 cores, a million sensors with a thousand entries of a scenario took 0.3 s, and 10,000
// files 4 s.
std::chrono::microseconds time_to_begin(std::size_t sensors, std::size_t files) {
  return std::chrono::microseconds(sensors / 2 + files * 400);
}

unsigned thread_count(const config::Config& config) {
  return config.fleet.threads > 0 ? config.fleet.threads : status::core_count();
}

std::optional<double> pace(const config::Speed& speed) {
  return speed.max ? std::nullopt : std::optional(speed.factor);
}

std::vector<double> rates_of(const identity::Roster& roster, std::span<const std::uint32_t> members,
                             const config::Config& config) {
  std::vector<double> rates;
  rates.reserve(members.size());
  for (const std::uint32_t member : members)
    rates.push_back(fleet::rate_of(roster, roster[member], config).per_second());
  return rates;
}

// Whether a folder that cannot be made now may well be made later, as it stands; the rest are mistakes.
bool may_pass(const std::error_code& error) {
  return error == std::errc::no_space_on_device || error == std::errc::read_only_file_system ||
         error == std::errc::io_error || error == std::errc::too_many_files_open ||
         error == std::errc::too_many_files_open_in_system ||
         error == std::error_code(EDQUOT, std::generic_category());
}

std::string name_of_process(pid_t process) {
  return process > 0 ? fmt::format("process {}", process) : "a process that is not visible from here";
}

double seconds_of(Microseconds span) {
  return static_cast<double>(span) * 1e-6;
}

// The words of the status.
log::LogFields summary_fields(const status::Snapshot& now, const status::Snapshot& before) {
  const Books& books = now.books;
  const double seconds = std::max(now.elapsed_seconds - before.elapsed_seconds, 1e-6);
  log::LogFields fields{
      {"elapsed_seconds", now.elapsed_seconds},
      {"simulated_seconds", now.simulated_seconds.value_or(0)},
      {"due", books.due},
      {"skipped", books.skipped},
      {"silent", books.silent},
      {"generated", books.generated},
      {"missing", books.missing},
      {"dropped", books.dropped},
      {"undelivered", books.undelivered},
      {"duplicates", books.duplicates},
      {"written", books.written},
      {"found", books.found},
      {"pending", books.pending()},
      {"lost", books.lost()},
      {"written_per_second", static_cast<double>(books.written - before.books.written) / seconds},
      {"anomalies", books.anomalies},
      {"errors", total_of(now.errors)}};
  if (!now.keeps_pace()) return fields;
  fields.insert(fields.end(), {{"lag_p50_seconds", seconds_of(now.lag_p50)},
                               {"lag_p99_seconds", seconds_of(now.lag_p99)},
                               {"lag_max_seconds", seconds_of(now.lag_max)}});
  return fields;
}

double seconds_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Simulator::Simulator(start::Inputs inputs, log::Console& console, log::Log& log, ErrorCounts& errors)
    : roster_(std::move(inputs.identities.roster)),
      inputs_(std::move(inputs)),
      sink_(start::sink_of(inputs_.config)),
      console_(console),
      log_(log),
      run_(inputs_.resumed ? *inputs_.resumed
                           : start::describe_run(inputs_.config, roster_, inputs_.members)),
      errors_(errors) {
  run_.reloads = &reloads_;
  // A look at every sensor, and none that the clock waits for.
  if (!inputs_.resumed) forecast_ = start::forecast(inputs_.config, roster_, inputs_.members, *inputs_.types);
  plan_storage();
  for (std::size_t i = 0; inputs_.history && i <= inputs_.history->reloads().size(); ++i)
    timeline::note_texts(roster_, inputs_.history->config_after(i)->scenario);
  const bool goes_on = inputs_.resumed && start::keeps_runs(inputs_.config);
  if (goes_on) {
    resumption_ = start::plan_resumption(roster_, plan_, run_, *inputs_.history, inputs_.types,
                                         start::shard_reader(inputs_.config, run_, roster_, plan_.place_of));
  } else if (inputs_.resumed) {
    resumption_ = start::plan_replay(roster_, plan_, run_, inputs_.config);
  }
  // To load a million identities takes more than to have them.
  status::return_free_memory();
  set_clock();
  choose_filling();
  build_fleet();
  if (goes_on) {
    fleet_->resume_at(resumption_.moment, resumption_.past, resumption_.lives);
    fleet_->resume_delivery(resumption_.late);
  }
  build_writers();
  begin_manifest();
}

void Simulator::choose_filling() {
  schedule_->by_sensor = start::fills_by_sensor(inputs_, resumption_);
  if (schedule_->by_sensor) {
    schedule_->whole = start::whole_sensors(inputs_, roster_, plan_, resumption_, run_.start, schedule_->end);
  }
}

// As the run begins, or as it was where it goes on.
void Simulator::build_fleet() {
  const history::History* history = inputs_.history.get();
  auto config = history ? history->config_after(resumption_.reloads)
                        : std::make_shared<const config::Config>(inputs_.config);
  auto members = std::make_shared<const start::Members>(history ? history->members_after(resumption_.reloads)
                                                                : inputs_.members);
  std::vector<std::uint32_t> writer_of;
  for (const std::uint32_t member : *members) writer_of.push_back(places_[member].writer);
  const auto types = fleet::types_under(*config, inputs_.types);
  fleet::note_names(roster_, *types);
  fleet_ = std::make_unique<fleet::Fleet>(
      fleet::build_fleet(roster_, *members, writer_of, *config, run_.seed, run_.start, types,
                         schedule_->by_sensor ? 1 : fleet::Cohort::most_sensors));
  if (history && start::keeps_runs(inputs_.config)) {
    fleet_->go_on(resumption_.script, resumption_.moment, std::exchange(resumption_.stories, {}));
  } else if (!config->scenario.empty()) {
    timeline::Plan plan = timeline::plan_of(config->scenario, run_.start);
    fleet_->follow(std::make_shared<const timeline::Script>(std::move(plan), roster_, run_.seed));
  }
  if (start::folder_of_run(inputs_.config) && (!inputs_.resumed || !start::keeps_runs(inputs_.config)))
    run_.spread = start::spread_text(*fleet_->profiles(), *members);
  reloads_.begin_with(run_.start, history ? history->began_with() : inputs_.members);
  for (const history::PastReload& past : history ? history->reloads() : std::vector<history::PastReload>()) {
    reloads_.add(past.reload);
  }
  std::string hash = start::readings_config_hash(*config);
  editions_.begin({std::move(config), std::move(hash), std::move(members),
                   std::make_shared<const write::Targets>(plan_.targets), plan_.shard_count,
                   fleet_->readings_per_second(), resumption_.reloads});
}

void Simulator::plan_storage() {
  const config::Config& config = inputs_.config;
  const start::Members sensors = inputs_.history ? inputs_.history->everyone() : inputs_.members;
  plan_ = sqlite::plan_shards(roster_, sensors, rates_of(roster_, sensors, config), config, *inputs_.types);
  places_ = plan_.place_of;
  if (!start::folder_of_run(config)) return;
  make_data_directory();
  if (!sink_.keeps_files) return lock_data_directory();
  // Before the lock, so that a start that is refused leaves no file behind.
  check_rights();
  Problems problems;
  const sqlite::ExistingFiles existing = sqlite::check_shard_files(plan_.targets, problems);
  if (!problems.empty()) throw NoStorage(problems.text());
  lock_data_directory();
  remove_leftovers();
  if (!inputs_.resumed && !config.simulation.append) refuse_doubling();
  set_aside_corrupt(existing);
  if (existing.files > 0) {
    log_.info("files_found", "found files of earlier runs, appending to them",
              {{"files", existing.files}, {"rows", existing.rows}});
  }
  const bool are_made_ahead = start::plan_open_files(config, plan_.shard_count).take_turns() &&
                              plan_.shard_count <= config.write.writers * sqlite::SqliteSink::most_made_ahead;
  if (are_made_ahead)
    files_to_make_ = plan_.shard_count - std::min<std::size_t>(plan_.shard_count, existing.files);
}

// Whoever has them open is another partition.
void Simulator::remove_leftovers() {
  const bool is_alone = inputs_.config.fleet.partition.count == 1;
  const std::string folder = inputs_.config.data_directory();
  const std::size_t removed = sqlite::remove_nameless(folder, is_alone ? nullptr : &plan_.targets);
  if (removed > 0) {
    log_.info("unfinished_files_removed", "removed files that an earlier process was killed in",
              {{"files", removed}, {"file", folder}});
  }
}

void Simulator::refuse_doubling() const {
  const config::Config& config = inputs_.config;
  const Timestamp from = start::start_of(config, forecast_, system_now());
  std::optional<Timestamp> until;
  if (forecast_.seconds) until = start::later(from, *forecast_.seconds);
  start::refuse_doubling(config, roster_, inputs_.members, from, until);
}

void Simulator::make_data_directory() {
  const std::string directory = inputs_.config.data_directory();
  if (const std::string why = data::why_not_writable(directory); !why.empty()) throw NoStorage(why);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (!error) return;
  if (!inputs_.config.write.memory_fallback || !may_pass(error)) {
    throw NoStorage(fmt::format("{}: cannot be created: {}", directory, error.message()));
  }
  log_.warn("storage_unavailable",
            fmt::format("cannot be created yet; rows wait in memory: {}", error.message()),
            {{"file", directory}});
}

// A file that somebody else owns is not written by waiting for it.
void Simulator::check_rights() const {
  for (const std::vector<write::Target>& of_writer : plan_.targets) {
    for (const write::Target& target : of_writer) {
      if (const std::string why = data::why_not_writable_file(target.name); !why.empty())
        throw NoStorage(why);
    }
  }
}

void Simulator::lock_data_directory() {
  const std::string directory = inputs_.config.data_directory();
  switch (lock_.take(directory, inputs_.config.fleet.partition)) {
    case data::DirectoryLock::Verdict::taken:
      return;
    case data::DirectoryLock::Verdict::held:
      throw NoStorage(
          fmt::format("{}: {} writes the same sensors there; stop it, choose another --data-dir, or give "
                      "each process its own --partition",
                      directory, name_of_process(lock_.holder())));
    case data::DirectoryLock::Verdict::unavailable:
      log_.warn("lock_unavailable",
                fmt::format("cannot be locked ({}); make sure that no other fleet-sim writes there",
                            lock_.reason()),
                {{"file", directory}});
  }
}

// The lock goes with a data directory that somebody deletes, and comes back with the next one.
void Simulator::keep_lock() {
  if (!start::folder_of_run(inputs_.config) || lock_is_contested_) return;
  const std::string directory = inputs_.config.data_directory();
  if (lock_.keep(directory, inputs_.config.fleet.partition) != data::DirectoryLock::Verdict::held) return;
  lock_is_contested_ = true;
  log_.error("lock_lost",
             fmt::format("{} writes the same sensors to the data directory", name_of_process(lock_.holder())),
             {{"file", directory}});
}

// Where the sink keeps runs, it has all that the manifest says, and such a run can do without.
void Simulator::begin_manifest() {
  const auto folder = start::folder_of_run(inputs_.config);
  if (!folder) return;
  manifest_.emplace(manifest::Paths(*folder, inputs_.config.fleet.partition), run_,
                    inputs_.config.sink.address.text());
  const bool keeps_runs = start::keeps_runs(inputs_.config);
  try {
    sink_.keeps_files ? manifest_->begin() : manifest_->begin(roster_, reloads_, injected_so_far());
  } catch (const std::system_error& error) {
    if (!keeps_runs) throw NoStorage(fmt::format("the manifest of the run: {}", error.what()));
    log_.warn("manifest", fmt::format("cannot be written: {}", error.what()));
    if (!sink_.keeps_files) return manifest_.reset();  // rather than add to that of an earlier run
  }
  if (sink_.keeps_files) return;
  reloads_.tell([this](const tables::RunReload& reload) {
    if (const std::string wrong = manifest_->add_reload(reload, roster_); !wrong.empty())
      log_.error("manifest", fmt::format("lacks a reload: {}", wrong));
  });
}

// In a run that is resumed, as its record tells of them.
std::vector<manifest::Injected> Simulator::injected_so_far() const {
  std::vector<manifest::Injected> injected;
  for (const auto* some : {&resumption_.earlier_injections, &resumption_.injections}) {
    for (const fleet::Injection& one : *some) {
      batch::AnomalyEvent event{};
      event.type = one.request.type;
      event.started_at = one.due;
      event.ended_at = one.due + one.request.duration.value_or(1) - 1;
      event.severity = one.request.severity;
      event.sensor = one.sensor;
      event.channel = one.request.channel;
      injected.push_back(named(event));
    }
  }
  return injected;
}

manifest::Injected Simulator::named(const batch::AnomalyEvent& event) const {
  return {event, roster_[event.sensor].id, type_of(event.sensor).schema.name_of(event.channel)};
}

// Where the sink cannot be asked what it has: not more often than it takes to send little again.
void Simulator::note_progress(bool durable) {
  constexpr auto interval = std::chrono::seconds(1);
  if (!manifest_ || !start::keeps_progress(inputs_.config)) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (progress_noted_ && now - *progress_noted_ < interval) return;
  progress_noted_ = now;
  manifest::Progress progress;
  for (std::size_t w = 0; w < plan_.targets.size(); ++w) {
    for (std::size_t i = 0; i < plan_.targets[w].size(); ++i) {
      const Timestamp until = writers_[w]->board().numbers(i).complete_until;
      const auto known = progress.complete_until.emplace(plan_.targets[w][i].schema->type(), until).first;
      known->second = std::min(known->second, until);
    }
  }
  std::erase_if(progress.complete_until, [](const auto& type) { return type.second == earliest_timestamp; });
  const Books books = ledger_.books();
  progress.has_losses = books.lost() - books.lost_at_stop() + books.skipped > 0;
  const std::string wrong = manifest_->note_progress(progress, durable);
  if (!wrong.empty() && !std::exchange(progress_failed_, true))
    log_.warn("manifest", fmt::format("lacks the progress of the run: {}", wrong));
}

void Simulator::note_injection(const batch::AnomalyEvent& event) const {
  if (!manifest_ || sink_.keeps_files) return;
  const std::string wrong = manifest_->add_injection(named(event));
  if (!wrong.empty()) log_.error("manifest", fmt::format("lacks an injected anomaly: {}", wrong));
}

void Simulator::set_aside_corrupt(const sqlite::ExistingFiles& existing) {
  for (const sqlite::ExistingFiles::Corrupt& file : existing.corrupt) {
    std::error_code error;
    const std::string name = sqlite::set_aside(file.path, "corrupt", system_now(), error);
    if (error)
      throw NoStorage(fmt::format("{}: is corrupt and cannot be set aside: {}", file.path, error.message()));
    errors_.add(ErrorClass::corrupt);
    log_.error("set_aside",
               fmt::format("is corrupt ({}) and was set aside; starting a new file", file.message),
               {{"file", file.path}, {"set_aside_as", name}});
  }
}

// The run begins when its fleet has been built and files have been made ahead, so that readings are not late
// from the first; that takes as long as is allowed for it, or less. The clock of a run that goes on stands
// where it would had the run never stopped: what of it is before that is history, whether a run is to fill it
// or was away, and comes as fast as storage allows.
void Simulator::set_clock() {
  const config::Config& config = inputs_.config;
  const std::optional<double> speed = pace(config.clock.speed);
  const bool may_be_late = speed && !inputs_.resumed;
  const auto to_begin =
      may_be_late ? time_to_begin(inputs_.members.size(), files_to_make_) : std::chrono::microseconds(0);
  const Timestamp now = system_now() + to_begin.count();
  if (inputs_.resumed) {
    run_.resumed_at = now;
  } else {
    run_.began_at = now;
    run_.start = start::start_of(config, forecast_, now);
    resumption_.moment = run_.start;
  }
  started_ = std::chrono::steady_clock::now() + to_begin;
  const auto since_it_began = std::chrono::microseconds(std::max<Microseconds>(0, now - run_.began_at));
  const SimulationClock unbroken(start::later(run_.start, config.clock.backfill_seconds),
                                 started_ - since_it_began, speed);
  // A run that was ahead of that, filled at another speed, goes on at once.
  const Timestamp launch = std::max(unbroken.simulated(started_), resumption_.moment);
  clock_.emplace(launch, started_, speed, resumption_.moment);
  schedule_.emplace(schedule::Schedule{*clock_, resumption_.moment, start::end_of(config, run_.start),
                                       thread_count(config), config.simulation.overload});
  if (const std::uint64_t count = config.simulation.count; count > 0)
    schedule_->count = count - std::min(count, resumption_.due_before);
}

void Simulator::build_writers() {
  const config::WriteSettings& settings = inputs_.config.write;
  // Who may hold a batch: each generating thread one; per writer one that small windows share, one being
  // dealt out, and those in its queue.
  const std::size_t batches = schedule_->threads + settings.writers * (queued_per_writer + 2);
  pool_ = std::make_unique<batch::BatchPool>(batches);
  const write::WriterContext context{
      .roster = roster_,
      .settings = settings,
      .place_of = places_,
      .clock = *clock_,
      .pool = *pool_,
      .ledger = ledger_,
      .errors = errors_,
      .pending_rows = std::max<std::size_t>(2, settings.pending_rows / settings.writers),
      .log = {[this](const std::string& line) { log_writer(&log::Log::warn, line); },
              [this](const std::string& line) { log_writer(&log::Log::debug, line); }},
      .give_up = [this] { gave_up_.store(true, std::memory_order_release); },
      .reader_left = [this] { request_stop(); }};
  const start::OpenFiles open = start::plan_open_files(inputs_.config, plan_.shard_count);
  const std::size_t most_open = open.at_once / settings.writers;
  if (open.take_turns() && sink_.keeps_files && !schedule_->by_sensor)
    log_.info("files_take_turns", start::text_of(open));
  files_ = inputs_.config.sqlite;
  if (!schedule_->by_sensor) files_.page_size = open.page_size;
  std::set<const types::Schema*> schemas;
  for (const std::vector<write::Target>& of_writer : plan_.targets)
    for (const write::Target& target : of_writer) schemas.insert(target.schema);
  resumption_.found.resize(plan_.targets.size());
  for (std::size_t i = 0; i < plan_.targets.size(); ++i) {
    const start::SinkParts parts{{roster_, inputs_.config, run_, static_cast<std::uint32_t>(i),
                                  schemas.size(), most_open, context.log},
                                 files_,
                                 start::found_files(plan_.targets[i], resumption_.found[i]),
                                 places_,
                                 schedule_->by_sensor};
    writers_.push_back(
        std::make_unique<write::Writer>(context, sink_.make(parts), plan_.targets[i], batches));
    if (inputs_.resumed && start::keeps_runs(inputs_.config))
      writers_[i]->take_up(start::take_rows(std::move(resumption_.found[i])));
    if (inputs_.resumed && !start::keeps_runs(inputs_.config))
      writers_[i]->take_up(std::move(resumption_.found_rows[i]));
    // What is filled without a name is not there yet; one file has the record of the run first.
    if (i == 0 || !schedule_->by_sensor) open_ahead(*writers_[i], plan_.targets[i]);
  }
}

// One destination shows whether rows can be written at all; who would rather end than have rows wait wants
// all of them looked at.
void Simulator::open_ahead(write::Writer& writer, const std::vector<write::Target>& targets) {
  const bool all = !inputs_.config.write.memory_fallback && !schedule_->by_sensor;
  const std::size_t count = all ? targets.size() : std::min<std::size_t>(1, targets.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    if (const write::Failure failure = writer.open_ahead(i); !failure.ok())
      begin_without(targets[i].name, failure);
  }
}

// The writer keeps trying; what is somebody else's will not become ours by that.
void Simulator::begin_without(const std::string& target, const write::Failure& failure) {
  if (failure.foreign() || !inputs_.config.write.memory_fallback) {
    throw NoStorage(fmt::format("{}: cannot be opened: {}", target, failure.message));
  }
  log_.warn("storage_unavailable",
            fmt::format("cannot be opened yet; rows wait in memory: {}", failure.message),
            {{"file", target}});
}

ExitCode Simulator::run(StopSignals& signals) {
  drive(signals);
  return settle();
}

void Simulator::drive(StopSignals& signals) {
  start();
  watch(signals);
  drain(signals);
}

void Simulator::start() {
  log_start();
  std::vector<batch::BatchQueue*> queues;
  for (const auto& writer : writers_) queues.push_back(&writer->queue());
  scheduler_ = std::make_unique<schedule::Scheduler>(*schedule_, *fleet_, *pool_, queues, ledger_);
  writers_at_work_.store(writers_.size(), std::memory_order_release);
  for (const auto& writer : writers_) {
    writer_threads_.emplace_back([this, &writer] {
      writer->run();
      writers_at_work_.fetch_sub(1, std::memory_order_acq_rel);
    });
  }
  start::LatestEdition latest{*editions_.current(), fleet_->profiles()};
  if (inputs_.resumed) {
    latest = start::follow_record(*inputs_.history, resumption_,
                                  {roster_, places_, *fleet_, scheduler_->agenda(), editions_});
  }
  build_reloader(std::move(latest));
  // A history may be filled before anybody looks again.
  if (clock_->simulated(started_) - schedule_->start >= microseconds_per_second) log_catching_up();
  scheduler_->start();
  if (reloader_) reloader_->start();
}

void Simulator::build_reloader(start::LatestEdition latest) {
  if (!inputs_.arguments) return;
  reloader_ = std::make_unique<Reloader>(ReloadTargets{inputs_,
                                                       roster_,
                                                       places_,
                                                       editions_,
                                                       writers_,
                                                       *fleet_,
                                                       *scheduler_,
                                                       run_,
                                                       reloads_,
                                                       errors_,
                                                       log_,
                                                       resumption_.all_new_from,
                                                       {},
                                                       takes_no_changes()},
                                         std::move(latest));
  if (inputs_.differs_from_record) reloader_->catch_up();
}

void Simulator::reload_now() {
  if (reloader_) return reloader_->check_now();
  log_.info("reload_unneeded", "there are no config and identity files to check");
}

std::optional<std::vector<status::ReloadRecord>> Simulator::reload_now(std::chrono::milliseconds at_most) {
  return reloader_ ? reloader_->check_now(at_most) : std::vector<status::ReloadRecord>();
}

status::AddedEntry Simulator::add_entry(scenario::Entry entry, std::chrono::milliseconds at_most) {
  return reloader_->add(std::move(entry), at_most);
}

void Simulator::between_windows(std::function<void(fleet::Fleet&, fleet::Agenda&)> work) {
  scheduler_->between_windows([this, work = std::move(work)] { work(*fleet_, scheduler_->agenda()); });
}

void Simulator::log_start() {
  const config::Config& config = inputs_.config;
  if (inputs_.resumed) {
    log_.info("run_resumed", "resuming a run",
              {{"run_id", run_.run_id}, {"at", timestamp_text(schedule_->start)}});
  }
  log_.info("run_started", "run started",
            {{"run_id", run_.run_id},
             {"seed", run_.seed},
             {"sensors", fleet_->size()},
             {"shards", plan_.shard_count},
             {"shard_by", run_.shard_by},
             {"data_directory", start::place_of_readings(config)},
             {"threads", schedule_->threads},
             {"writers", writers_.size()},
             {"start", timestamp_text(run_.start)},
             {"speed", start::setting_text(config, "clock.speed")}});
  if (schedule_->by_sensor) {
    log_.info("filling_by_sensor", start::filling_by_sensor,
              {{"whole_files", static_cast<std::uint64_t>(std::ranges::count(schedule_->whole, true))}});
  }
  if (!inputs_.resumed) log_.info("forecast", "expected output", start::log_fields(forecast_));
}

// What a writer says begins with the file it is about.
void Simulator::log_writer(SayInLog say, const std::string& line) {
  const std::string folder = inputs_.config.data_directory();
  const std::size_t colon = line.starts_with(folder) ? line.find(": ", folder.size()) : line.npos;
  if (colon == line.npos) return (log_.*say)("storage", line, {});
  (log_.*say)("storage", line.substr(colon + 2), {{"file", line.substr(0, colon)}});
}

// Shows progress until the last reading has been handed to the writers, and passes on a wish to stop.
void Simulator::watch(StopSignals& signals, const KeepsRunning& keeps_running) {
  logged_ = snapshot();
  shown_ = {logged_};
  bool stopping = false;
  while (!scheduler_->wait_for(std::chrono::milliseconds(0))) {
    signals.wait_for(stopping ? look_for_end : wake_interval);
    if (signals.take_reload()) reload_now();
    keep_lock();
    note_progress();
    const status::Snapshot now = snapshot();
    if (observer_) observer_(now);
    const bool enough = stop_requested_.load(std::memory_order_acquire) ||
                        (!stopping && keeps_running && !keeps_running(now));
    if (!stopping && (enough || signals.received() != 0 || gave_up_.load(std::memory_order_acquire))) {
      stopping = true;
      stopped_by_signal_ = signals.received() != 0;
      if (stopped_by_signal_) {
        log_.info(
            "run_stopping",
            fmt::format("{}: writing the remaining readings (a second signal stops at once)",
                        signals.received() == SIGHUP ? "stopping: the terminal was closed" : "stopping"));
      }
      scheduler_->request_stop();
      stop_waiting();
    }
    furthest_behind_seconds_ = std::max(furthest_behind_seconds_, behind_seconds());
    report(now);
  }
  if (reloader_) reloader_->stop();
}

void Simulator::drain(StopSignals& signals) {
  for (const auto& writer : writers_) writer->finish();
  while (writers_at_work_.load(std::memory_order_acquire) > 0) {
    signals.wait_for(look_for_end);
    if (signals.received() != 0 || stop_requested_.load(std::memory_order_acquire)) stop_waiting();
    note_progress();
    const status::Snapshot now = snapshot();
    if (observer_) observer_(now);
    report(now);
  }
  for (std::thread& thread : writer_threads_) thread.join();
}

// A run that is to end does not wait for space on a full disk.
void Simulator::stop_waiting() {
  for (const auto& writer : writers_) writer->stop_waiting();
}

// How far the fleet is behind its clock, in real time.
double Simulator::behind_seconds() const {
  if (!clock_->paced()) return 0;
  return seconds_of(clock_->lag(scheduler_->reached(), std::chrono::steady_clock::now()));
}

// On the terminal and in the log, each when its interval is over.
void Simulator::report(const status::Snapshot& now) {
  const double interval = console_.live() ? live_interval_seconds : plain_interval_seconds;
  if (now.elapsed_seconds - shown_.back().elapsed_seconds >= interval) {
    while (shown_.size() > 1 &&
           now.elapsed_seconds - shown_[1].elapsed_seconds >= status::rate_span_seconds) {
      shown_.pop_front();
    }
    console_.show_progress(status::progress_text(now, shown_.front(), console_.width()));
    shown_.push_back(now);
  }
  log_catching_up();
  log_faults();
  log_.report_repeats();
  const double since_deletions = now.elapsed_seconds - deletions_logged_.elapsed_seconds;
  if (deletions_logged_.readings_deleted == 0 || since_deletions >= between_deletions_seconds)
    log_deletions(now);
  const double between_summaries = inputs_.config.logging.summary_interval_seconds;
  if (between_summaries > 0 && now.elapsed_seconds - logged_.elapsed_seconds >= between_summaries) {
    log_.summary("run_summary", "summary", summary_fields(now, logged_), !console_.shows_progress());
    logged_ = now;
  }
}

void Simulator::log_catching_up() {
  if (fills_history_ == clock_->fills_history()) return;
  fills_history_ = !fills_history_;
  if (fills_history_) {
    log_.info("filling_history", "filling history as fast as storage allows",
              {{"behind_seconds", seconds_of(clock_->simulated(started_) - schedule_->start)}});
  } else {
    log_.info("history_filled", "history is filled; continuing at the clock's pace",
              {{"until", timestamp_text(clock_->history_until())}});
  }
}

// The first ones at once.
void Simulator::log_faults() {
  for (const std::string& fault : take_fault_texts()) {
    log_.critical("fault", fmt::format("internal error in fleet-sim, please report it: {}", fault));
  }
}

void Simulator::log_deletions(const status::Snapshot& now) {
  const status::Snapshot& before = deletions_logged_;
  if (now.readings_deleted == before.readings_deleted) return;
  log_.info("rows_deleted", "deleted by database.retention",
            {{"readings_deleted", now.readings_deleted - before.readings_deleted},
             {"events_deleted", now.events_deleted - before.events_deleted}});
  deletions_logged_ = now;
}

// One line for each thing that could not be done, over all writers.
void Simulator::log_unfinished() {
  constexpr std::size_t most_names = 5;
  write::Writer::Unfinished all;
  for (const auto& writer : writers_) {
    for (const auto& [what, names] : writer->unfinished()) {
      all[what].insert(all[what].end(), names.begin(), names.end());
    }
  }
  for (auto& [what, names] : all) {
    std::ranges::sort(names);
    const std::size_t count = names.size();
    names.resize(std::min(count, most_names));
    const std::string more = count > most_names ? fmt::format(" and {} more", count - most_names) : "";
    log_.warn("storage", what,
              {{"files", count}, {"file", fmt::format("{}{}", fmt::join(names, ", "), more)}});
  }
}

status::Snapshot Simulator::snapshot() const {
  status::Snapshot snapshot;
  const SteadyTime real = std::chrono::steady_clock::now();
  const Timestamp reached = scheduler_->reached();
  const Timestamp end = scheduler_->end();
  snapshot.elapsed_seconds = std::max(0.0, seconds_between(started_, real));
  snapshot.simulated_seconds = seconds_of(scheduler_->covered());
  snapshot.reached = reached;
  if (end != latest_timestamp) snapshot.simulated_total = seconds_of(end - schedule_->start);
  snapshot.speed = clock_->speed();
  if (clock_->fills_history())
    snapshot.history_left =
        seconds_of(std::max<Microseconds>(0, std::min(clock_->simulated(real), end) - reached));
  if (scheduler_->has_counted()) snapshot.counted = inputs_.config.simulation.count;
  snapshot.books = ledger_.books();
  snapshot.errors = errors_.counts();
  const std::shared_ptr<const start::Edition> edition = editions_.current();
  snapshot.sensors = edition->members->size();
  snapshot.shards = edition->shard_count;
  if (reloader_) snapshot.reloads = reloader_->history();
  snapshot.writers = writers_.size();
  snapshot.cores = status::core_count();
  snapshot.furthest_behind_seconds = furthest_behind_seconds_;
  Histogram lag;
  add_lag_to(lag);
  for (const auto& writer : writers_) {
    snapshot.files_written += writer->files_written();
    const write::RowsDeleted deleted = writer->deleted();
    snapshot.readings_deleted += deleted.readings;
    snapshot.events_deleted += deleted.events;
    snapshot.writer_busy_share = std::max(snapshot.writer_busy_share, writer->busy_share());
  }
  snapshot.lag_p50 = lag.percentile(0.5);
  snapshot.lag_p99 = lag.percentile(0.99);
  snapshot.lag_max = lag.max();
  return snapshot;
}

void Simulator::add_lag_to(Histogram& lag) const {
  for (const auto& writer : writers_) lag.merge(writer->lag());
}

std::string Simulator::losses_hint(const Books& books) const {
  const bool are_at_end = books.skipped + books.rejected + books.lost() == books.lost_at_stop();
  if (are_at_end && start::resumes_behind_losses(inputs_.config)) return status::resume_hint();
  return status::losses_hint(run_.seed, run_.start, sink_.keeps_files);
}

// Closes the books and tells the user what the run came to.
ExitCode Simulator::settle() {
  status::Snapshot last = snapshot();
  last.peak_memory_bytes = status::peak_memory_bytes();
  // A signal that came as the last reading was taken changed nothing.
  last.cut_short = stopped_by_signal_ && last.simulated_total && scheduler_->reached() < scheduler_->end();
  log_deletions(last);
  log_unfinished();
  console_.end_progress();
  std::uint64_t held = 0;
  for (const auto& writer : writers_) held += writer->held();
  const std::string imbalance = last.books.imbalance(scheduler_->due(), held);
  if (!imbalance.empty())
    log_.critical("books_do_not_balance", fmt::format("the books do not balance: {}", imbalance));
  ensure(imbalance.empty(), "the books balance at a stop");
  log_faults();
  if (gave_up_.load(std::memory_order_acquire)) log_.error("gave_up", "gave up; see the reason above");

  if (manifest_) {
    const bool has_caught_up = scheduler_->reached() > resumption_.last;
    const std::string wrong = has_caught_up
                                  ? manifest_->end(last.books, scheduler_->reached())
                                  : "it stopped before it came to the last reading that is there; resume it";
    if (!wrong.empty()) log_.warn("manifest", fmt::format("lacks the end of the run: {}", wrong));
    progress_noted_.reset();
    note_progress(true);
  }
  std::string summary = status::summary_text(last, start::place_of_readings(inputs_.config));
  if (sink_.keeps_files) summary += status::writers_hint(last);
  if (last.books.not_written() > 0) summary += losses_hint(last.books);
  std::FILE* const out = start::takes_standard_output(inputs_.config) ? stderr : stdout;
  std::fwrite(summary.data(), 1, summary.size(), out);
  std::fflush(out);
  log::LogFields fields = summary_fields(last, status::Snapshot());
  fields.insert(fields.begin(), {"run_id", run_.run_id});
  log_.info("run_ended", last.cut_short ? "run ended, cut short by a signal" : "run ended", fields);
  const bool reader_left = last.books.unwanted() > 0;
  const bool clean = imbalance.empty() && fault_count() == 0 && last.books.not_written() == 0 &&
                     (last.books.events_lost == 0 || reader_left) && last.books.events_unconfirmed == 0 &&
                     !gave_up_.load(std::memory_order_acquire);
  if (!clean) return ExitCode::lost_or_gave_up;
  return last.cut_short ? ExitCode::cut_short : ExitCode::done;
}

}  // namespace fleet_sim::run
