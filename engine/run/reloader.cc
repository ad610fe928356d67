#include "run/reloader.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "base/clock.h"
#include "base/problems.h"
#include "base/text.h"
#include "config/load_config.h"
#include "run/describe_run.h"

namespace fleet_sim::run {
namespace {

constexpr std::size_t changes_logged = 50;  // of a config; the rest are counted
constexpr std::size_t longest_detail = 1'000;
constexpr std::chrono::milliseconds look_for_swap{50};

std::string shortened(std::string_view text) {
  return cut_to_bytes(text, longest_detail, " …");
}

// Problems come one to a line; the log keeps an event on one.
std::string in_one_line(std::string text) {
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', end)) text.replace(end, 1, "; ");
  return text;
}

std::string changes_text(const std::vector<config::ConfigChange>& changes, bool at_once) {
  std::string text;
  for (const config::ConfigChange& change : changes) {
    if (change.at_once == at_once) text += (text.empty() ? "" : ", ") + config::change_text(change);
  }
  return text;
}

std::string detail_of(const std::vector<config::ConfigChange>& changes) {
  std::string detail = changes_text(changes, true);
  const std::string later = changes_text(changes, false);
  if (!later.empty()) detail += (detail.empty() ? "" : "; ") + ("after a restart: " + later);
  return detail;
}

}  // namespace

Reloader::Reloader(const ReloadTargets& targets)
    : targets_(targets),
      roster_(targets.inputs.identities.roster),
      running_(targets.inputs.config),
      wanted_(running_),
      members_(std::make_shared<const RunningFleet::Members>(targets.inputs.members)),
      invalid_(targets.inputs.identities.invalid),
      sensor_count_(members_->size()),
      shard_count_(targets.plan.shard_count),
      fleet_{std::make_shared<const config::Config>(running_), members_,
             std::make_shared<const RunningFleet::Paths>(targets.plan.paths),
             targets.fleet.readings_per_second()} {}

void Reloader::start() {
  thread_ = std::thread([this] { run(); });
}

void Reloader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Reloader::check_now() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  woken_.notify_all();
}

RunningFleet Reloader::fleet() const {
  const std::lock_guard lock(mutex_);
  return fleet_;
}

status::ReloadHistory Reloader::history() const {
  const std::lock_guard lock(mutex_);
  return history_;
}

// The watchers are made here, because to look at 100,000 files takes a moment that the start does not have.
void Reloader::run() {
  const Inputs& inputs = targets_.inputs;
  if (const auto file = config_file(*inputs.arguments)) {
    config_.emplace(Source{"config", ErrorClass::config, config::ConfigWatcher({*file}, inputs.read_at)});
  }
  const auto paths = identity_paths(running_.fleet);
  if (!paths.empty()) {
    identities_.emplace(
        Source{"identities", ErrorClass::identity, config::ConfigWatcher(paths, inputs.read_at)});
  }
  while (wait()) check();
}

// False when the thread is to end.
bool Reloader::wait() {
  std::unique_lock lock(mutex_);
  const auto called = [this] { return asked_ || stopping_; };
  if (running_.config_reload.enabled) {
    const std::chrono::duration<double> interval(running_.config_reload.check_interval_seconds);
    woken_.wait_for(lock, interval, called);
  } else {
    woken_.wait(lock, called);
  }
  asked_ = false;
  return !stopping_;
}

void Reloader::check() {
  if (targets_.scheduler.reached() < targets_.not_before) return;
  if (config_) attempt(*config_, &Reloader::reload_config);
  if (identities_) attempt(*identities_, &Reloader::reload_identities);
}

// What was refused is tried again at the next look: it may have been half written.
void Reloader::attempt(Source& source, void (Reloader::*reload)()) {
  if (!source.files.look()) return;
  try {
    (this->*reload)();
    source.files.take_up();
    source.refused.clear();
  } catch (const std::exception& error) {
    refuse(source, error.what());
  }
}

void Reloader::reload_config() {
  const config::Config wanted = reread_config(*targets_.inputs.arguments, targets_.inputs.defaults);
  const std::vector<config::ConfigChange> changes = config::config_changes(wanted_, wanted);
  if (changes.empty()) return;
  const config::Config next = config::adopt(running_, wanted);
  Problems problems;
  fleet::check_members(roster_, *members_, next, problems);
  if (!problems.empty()) throw InvalidInput(problems.text());

  const std::string detail = shortened(detail_of(changes));
  if (config::readings_config_text(next) != config::readings_config_text(running_)) {
    check_limits(0);
    std::vector<fleet::WantedSensor> everyone;
    everyone.reserve(members_->size());
    for (const std::uint32_t member : *members_) {
      const std::uint32_t writer = targets_.plan.place_of[member].writer;
      everyone.push_back({member, member, writer, writer, false});
    }
    if (!swap_fleet(next, everyone, {}, members_, detail)) return;
  }
  targets_.log.lower_level(next.logging.level);  // told if either level has it told
  log_changes(changes);
  remember(true, "config", detail);
  targets_.log.set_level(next.logging.level);
  running_ = next;
  wanted_ = wanted;
}

// Before anything grows: what is refused is tried again at every look.
void Reloader::check_limits(std::size_t coming) const {
  const auto& [reloads, new_identities] = targets_.limits;
  if (targets_.reloads.size() >= reloads) {
    throw InvalidInput("this run was reloaded " + std::to_string(reloads) +
                       " times already; restart to go on");
  }
  if (new_identities_ + coming > new_identities) {
    throw InvalidInput("more than " + std::to_string(new_identities) +
                       " identities were added or changed since the start; restart to go on");
  }
}

void Reloader::log_changes(const std::vector<config::ConfigChange>& changes) {
  for (std::size_t i = 0; i < std::min(changes.size(), changes_logged); ++i) {
    const config::ConfigChange& change = changes[i];
    if (change.at_once) {
      targets_.log.info("config_changed", "config: " + config::change_text(change));
    } else {
      targets_.log.warn("config_needs_restart", "config: " + config::change_text(change) +
                                                    " needs a restart; until then it stays as it was");
    }
  }
  if (changes.size() > changes_logged)
    targets_.log.info("config_changed", "config: and more changes",
                      {{"more", changes.size() - changes_logged}});
}

void Reloader::reload_identities() {
  const Inputs wanted = reread_identities(running_, invalid_);
  const identity::Roster& wanted_roster = wanted.identities.roster;
  const identity::IdentityChanges changes =
      identity::compare_identities(roster_, *members_, wanted_roster, wanted.members);
  invalid_ = wanted.identities.invalid;
  if (changes.empty()) return;
  check_limits(changes.new_identities());
  const std::string detail = shortened(fleet_sim::identity::changes_text(changes, roster_, wanted_roster));
  const std::vector<fleet::WantedSensor> sensors = place(changes, wanted_roster);
  std::vector<bool> gone(roster_.size(), false);
  for (const std::uint32_t member : changes.removed) gone[member] = true;
  for (const identity::IdentityChanges::Changed& changed : changes.changed) gone[changed.from] = true;
  const auto members = std::make_shared<RunningFleet::Members>();
  std::ranges::copy_if(*members_, std::back_inserter(*members), [&](std::uint32_t m) { return !gone[m]; });
  for (const fleet::WantedSensor& sensor : sensors) members->push_back(sensor.to);

  if (!swap_fleet(running_, sensors, changes.removed, members, detail)) return;
  members_ = members;
  sensor_count_.store(members_->size(), std::memory_order_relaxed);
  remember(true, "identities", detail);
}

// Gives the new identities their indices in the roster, and their sensors a shard each.
std::vector<fleet::WantedSensor> Reloader::place(const identity::IdentityChanges& changes,
                                                 const identity::Roster& wanted) {
  std::vector<std::uint32_t> coming = changes.added;
  for (const identity::IdentityChanges::Changed& changed : changes.changed) coming.push_back(changed.to);
  if (!places_) places_.emplace(targets_.plan, running_);
  const sqlite::ShardPlaces::Proposal proposal = places_->propose(wanted, coming);
  if (running_.write.sink == config::Sink::sqlite) {
    sqlite::ShardPlan new_files;
    new_files.paths = proposal.new_paths;
    Problems problems;
    sqlite::check_shard_files(new_files, problems);
    if (!problems.empty()) throw InvalidInput(problems.text());
  }
  places_->accept(proposal);
  shard_count_.store(places_->size(), std::memory_order_relaxed);
  for (std::size_t writer = 0; writer < proposal.new_paths.size(); ++writer) {
    if (!proposal.new_paths[writer].empty()) targets_.writers[writer]->add_shards(proposal.new_paths[writer]);
  }
  publish_paths(proposal.new_paths);
  const std::unordered_set<std::string_view> former = former_ids(changes, wanted);
  std::vector<fleet::WantedSensor> sensors;
  sqlite::ShardPlan::Places& place_of = targets_.plan.place_of;
  for (std::size_t i = 0; i < coming.size(); ++i) {
    fleet::WantedSensor sensor;
    sensor.to = roster_.add(wanted.record(wanted[coming[i]]));
    sensor.comes_back = former.contains(roster_[sensor.to].id);
    sensor.writer = proposal.places[i].writer;
    place_of.grow_to_at_least(roster_.size());
    place_of[sensor.to] = proposal.places[i];
    if (i >= changes.added.size()) {
      sensor.from = changes.changed[i - changes.added.size()].from;
      sensor.writer_now = place_of[*sensor.from].writer;
      sensor.to_another_shard = place_of[*sensor.from] != proposal.places[i];
    }
    sensors.push_back(sensor);
  }
  new_identities_ += coming.size();
  return sensors;
}

// Those of the added ones that left the fleet earlier in this run.
std::unordered_set<std::string_view> Reloader::former_ids(const identity::IdentityChanges& changes,
                                                          const identity::Roster& wanted) const {
  std::unordered_set<std::string_view> added;
  for (const std::uint32_t identity : changes.added) added.insert(wanted[identity].id);
  std::unordered_set<std::string_view> former;
  for (std::size_t i = 0; !added.empty() && i < roster_.size(); ++i) {
    if (added.contains(roster_[i].id)) former.insert(roster_[i].id);
  }
  return former;
}

// Has the scheduler carry out the change, and waits for it. False when the run ended before.
bool Reloader::swap_fleet(const config::Config& next, std::span<const fleet::WantedSensor> wanted,
                          std::span<const std::uint32_t> removed,
                          const std::shared_ptr<const RunningFleet::Members>& members,
                          const std::string& detail) {
  auto profiles = targets_.fleet.profiles();
  if (&next != &running_) {
    profiles = std::make_shared<fleet::ProfileTable>(roster_, std::make_shared<const config::Config>(next));
  }
  const auto change =
      std::make_shared<fleet::FleetChange>(fleet::plan_fleet_change(running_, profiles, wanted, removed));
  sqlite::RunReload reload;
  reload.changes = detail;
  reload.fleet_size = members->size();
  reload.config = config::config_text(next);
  reload.config_hash = readings_config_hash(next);
  reload.fleet_hash = fleet_hash(roster_, *members);

  struct Swapped {
    Timestamp moment;
    std::chrono::duration<double, std::milli> took;
    double readings_per_second;
  };
  const auto promise = std::make_shared<std::promise<Swapped>>();
  std::future<Swapped> swapped = promise->get_future();
  targets_.scheduler.between_windows([&scheduler = targets_.scheduler, &fleet = targets_.fleet,
                                      &reloads = targets_.reloads, change, promise, reload]() mutable {
    const auto began = std::chrono::steady_clock::now();
    reload.at = scheduler.change_fleet(*change);
    const Timestamp moment = reload.at;
    reloads.add(std::move(reload));
    promise->set_value({moment, std::chrono::steady_clock::now() - began, fleet.readings_per_second()});
  });
  while (swapped.wait_for(look_for_swap) != std::future_status::ready) {
    if (targets_.scheduler.wait_for(std::chrono::milliseconds(0))) return false;
  }
  const auto [moment, took, readings_per_second] = swapped.get();
  begin_edition(next, members, readings_per_second);
  targets_.log.info("reloaded", "reloaded for readings from " + timestamp_text(moment) + " on: " + detail,
                    {{"swap_ms", took.count()}});
  return true;
}

void Reloader::begin_edition(const config::Config& config,
                             const std::shared_ptr<const RunningFleet::Members>& members,
                             double readings_per_second) {
  auto shared = std::make_shared<const config::Config>(config);
  const std::lock_guard lock(mutex_);
  fleet_.config = std::move(shared);
  fleet_.members = members;
  fleet_.readings_per_second = readings_per_second;
  ++fleet_.edition;
}

// Before the first of their sensors is in the fleet.
void Reloader::publish_paths(const RunningFleet::Paths& new_paths) {
  auto paths = std::make_shared<RunningFleet::Paths>(*fleet().paths);
  for (std::size_t writer = 0; writer < new_paths.size(); ++writer) {
    (*paths)[writer].insert((*paths)[writer].end(), new_paths[writer].begin(), new_paths[writer].end());
  }
  const std::lock_guard lock(mutex_);
  fleet_.paths = std::move(paths);
}

void Reloader::refuse(Source& source, const std::string& why) {
  const std::uint64_t sight = source.files.seen();
  source.files.look();
  if (source.files.seen() != sight) return;  // written meanwhile: what is there now is for the next look
  if (source.refused == why && source.refused_sight == sight) return;
  source.refused = why;
  source.refused_sight = sight;
  targets_.errors.add(source.error_class);
  targets_.log.error("reload_refused", std::string(source.what) +
                                           " not reloaded, the running version stays: " + in_one_line(why));
  remember(false, source.what, shortened(why));
}

void Reloader::remember(bool accepted, std::string_view what, const std::string& detail) {
  const std::lock_guard lock(mutex_);
  ++(accepted ? history_.accepted : history_.rejected);
  if (history_.last.size() == status::ReloadHistory::kept) history_.last.erase(history_.last.begin());
  history_.last.push_back({system_now(), accepted, std::string(what), detail});
}

}  // namespace fleet_sim::run
