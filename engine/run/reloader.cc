#include "run/reloader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "base/problems.h"
#include "base/text.h"
#include "config/load_config.h"
#include "preview/scenario_check.h"
#include "preview/sensors_met.h"
#include "start/describe_run.h"
#include "start/sinks.h"
#include "timeline/script.h"

namespace fleet_sim::run {
namespace {

constexpr std::size_t changes_logged = 50;  // of a config; the rest are counted
constexpr std::size_t longest_detail = 1'000;
constexpr std::size_t most_recorders = 8;                // shards that are asked to tell of a reload at once
constexpr std::chrono::milliseconds counting_time{500};  // for the sensors that an added entry meets

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
  if (!later.empty()) detail += fmt::format("{}after a restart: {}", detail.empty() ? "" : "; ", later);
  return detail;
}

// Entries of a scenario that came too late.
void log_ignored(log::Log& log, const timeline::Script& script) {
  std::string names;
  std::size_t ignored = 0;
  for (std::uint32_t entry = 0; entry < script.size(); ++entry) {
    if (!script.is_ignored(entry)) continue;
    if (++ignored <= changes_logged) names += (names.empty() ? "" : ", ") + script[entry].entry.name;
  }
  if (ignored == 0) return;
  log.warn(
      "scenario_ignored",
      fmt::format("ignoring new and changed entries of the scenario that would have begun by now: {}", names),
      {{"entries", ignored}});
}

bool is_added(const scenario::Entry& entry) {
  return entry.added.by_request;
}

bool has_entry(const config::Config& config, const std::string& name) {
  return std::ranges::find(config.scenario, name, &scenario::Entry::name) != config.scenario.end();
}

}  // namespace

Reloader::Reloader(const ReloadTargets& targets, start::LatestEdition latest)
    : targets_(targets), latest_(std::move(latest)), wanted_(targets.inputs.config) {
  std::ranges::copy_if(wanted_.scenario, std::back_inserter(added_), is_added);
  const history::History* const history = targets_.inputs.history.get();
  for (std::size_t i = 0; history != nullptr && i <= history->reloads().size(); ++i)
    forgotten_.follow(history->config_after(i)->scenario);
  forgotten_.follow(latest_.edition.config->scenario);
}

// What cannot be taken up now may be later: the files are looked at again then.
void Reloader::catch_up() {
  catching_up_ = true;
  std::string ignored;
  try {
    reload_config();
    ignored = reload_identities().why;
  } catch (const InvalidInput& error) {
    ignored = error.what();
  }
  if (!ignored.empty()) {
    targets_.log.warn("reload_refused",
                      fmt::format("change ignored, keeping the recorded version: {}", in_one_line(ignored)));
  }
  catching_up_ = false;
}

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
    ++asked_;
  }
  woken_.notify_all();
}

std::optional<std::vector<status::ReloadRecord>> Reloader::check_now(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  return await_look(lock, at_most);
}

std::optional<std::vector<status::ReloadRecord>> Reloader::await_look(std::unique_lock<std::mutex>& lock,
                                                                      std::chrono::milliseconds at_most) {
  const std::uint64_t mine = ++asked_;
  woken_.notify_all();
  const bool known = looked_.wait_for(lock, at_most, [&] { return answered_ >= mine; });
  return known ? std::optional(outcome_) : std::nullopt;
}

status::AddedEntry Reloader::add(scenario::Entry entry, std::chrono::milliseconds at_most) {
  status::AddedEntry added;
  added.name = entry.name;
  entry.added.by_request = true;
  std::unique_lock lock(mutex_);
  if (asked_entries_.size() >= targets_.limits.waiting_entries) {
    ++history_.turned_away;
    added.is_turned_away = true;
    return added;
  }
  asked_entries_.push_back(std::move(entry));
  added.outcome = await_look(lock, at_most);
  if (!added.outcome) return added;
  std::erase_if(*added.outcome, [&](const status::ReloadRecord& one) { return one.entry != added.name; });
  if (added.outcome->empty()) added.outcome.reset();  // the run ends
  return added;
}

status::ReloadHistory Reloader::history() const {
  const std::lock_guard lock(mutex_);
  return history_;
}

// The watchers are made here, because to look at 100,000 files takes a moment that the start does not have.
void Reloader::run() {
  const start::Inputs& inputs = targets_.inputs;
  if (const auto files = start::config_files(*inputs.arguments); !files.empty()) {
    config_.emplace(Source{"config", ErrorClass::config, files::FileWatcher(files, inputs.read_at)});
  }
  const auto paths = start::identity_paths(inputs.config.fleet);
  if (!paths.empty()) {
    identities_.emplace(
        Source{"identities", ErrorClass::identity, files::FileWatcher(paths, inputs.read_at)});
  }
  while (wait()) {
    check();
    answer();
  }
}

// False when the thread is to end.
bool Reloader::wait() {
  const config::ConfigReloadSettings settings = latest_.edition.config->config_reload;
  std::unique_lock lock(mutex_);
  const auto called = [this] { return asked_ > taken_up_ || stopping_; };
  if (settings.enabled) {
    const std::chrono::duration<double> interval(settings.check_interval_seconds);
    woken_.wait_for(lock, interval, called);
  } else {
    woken_.wait(lock, called);
  }
  taken_up_ = asked_;
  outcome_.clear();
  return !stopping_;
}

// Whoever has asked is told, also where there is nothing to tell.
void Reloader::answer() {
  const std::lock_guard lock(mutex_);
  if (answered_ == taken_up_) return;
  if (targets_.scheduler.reached() < targets_.not_before) return;  // the look is still to come
  answered_ = taken_up_;
  if (outcome_.empty())
    targets_.log.info("reload_unneeded", "nothing changed in the config and identity files");
  looked_.notify_all();
}

void Reloader::check() {
  if (targets_.scheduler.reached() < targets_.not_before) return;
  take_entries();
  if (config_) attempt(*config_, &Reloader::reload_config);
  if (identities_) attempt(*identities_, &Reloader::reload_identities);
}

// What was refused is tried again at the next look: it may have been half written.
void Reloader::attempt(Source& source, Refused (Reloader::*reload)()) {
  if (!source.files.look()) return;
  Refused refused;
  try {
    if (!targets_.takes_no_changes.empty()) throw InvalidInput(std::string(targets_.takes_no_changes));
    refused = (this->*reload)();
  } catch (const std::exception& error) {
    refused = {std::string(source.what), error.what()};
  }
  if (!refused.why.empty()) return refuse(source, refused);
  source.files.take_up();
  source.refused.clear();
}

// Each by itself, so that one that cannot be takes no other with it. Whoever has asked for anything by then
// is answered by this look: the files are still to be looked at.
void Reloader::take_entries() {
  scenario::Entries asked;
  {
    const std::lock_guard lock(mutex_);
    asked = std::exchange(asked_entries_, {});
    taken_up_ = asked_;
  }
  for (const scenario::Entry& entry : asked) {
    if (is_stopping()) return;
    take_entry(entry);
  }
}

void Reloader::take_entry(const scenario::Entry& entry) {
  config::Config wanted = wanted_;
  wanted.scenario.push_back(entry);
  std::string why;
  try {
    why = targets_.takes_no_changes.empty() ? take(wanted, "scenario", entry.name).why
                                            : targets_.takes_no_changes;
  } catch (const std::exception& error) {
    why = error.what();
  }
  if (!why.empty()) return remember(false, "scenario", shortened(why), entry.name);
  added_.push_back(entry);
  note_sensors(entry.name);
}

// That it meets none may be a slip.
void Reloader::note_sensors(const std::string& entry) {
  const std::optional<std::uint64_t> sensors = count_met(entry);
  if (sensors == 0U)
    targets_.log.warn(
        "scenario_meets_none",
        fmt::format("scenario.{} meets no sensor: none matches its `where` when it begins", entry),
        {{"entry", entry}});
  const std::lock_guard lock(mutex_);
  for (std::vector<status::ReloadRecord>* records : {&history_.last, &outcome_}) {
    if (!records->empty() && records->back().entry == entry) records->back().sensors = sensors;
  }
}

std::optional<std::uint64_t> Reloader::count_met(const std::string& entry) {
  const std::shared_ptr<const timeline::Script> script = followed_->script;
  const auto until = std::chrono::steady_clock::now() + counting_time;
  const auto may_go_on = [&] { return std::chrono::steady_clock::now() < until && !is_stopping(); };
  for (std::uint32_t i = 0; script && i < script->size(); ++i) {
    if ((*script)[i].entry.name == entry)
      return preview::sensors_met(script, i, targets_.roster, *latest_.edition.members, may_go_on);
  }
  return std::nullopt;
}

bool Reloader::is_stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

// Entries that were added keep their place behind those of the files, unless a file has one of that name.
config::Config Reloader::with_added(config::Config config) const {
  for (const scenario::Entry& entry : added_) {
    if (!has_entry(config, entry.name)) config.scenario.push_back(entry);
  }
  return config;
}

Reloader::Refused Reloader::reload_config() {
  config::Config defaults = targets_.inputs.defaults;
  std::erase_if(defaults.scenario, is_added);
  const config::Config files = start::reread_config(*targets_.inputs.arguments, defaults);
  Refused refused = take(with_added(files), "config");
  if (refused.why.empty())
    std::erase_if(added_, [&](const scenario::Entry& entry) { return has_entry(files, entry.name); });
  return refused;
}

Reloader::Refused Reloader::take(const config::Config& wanted, std::string_view what,
                                 const std::string& entry) {
  std::vector<config::ConfigChange> changes = config::config_changes(wanted_, wanted);
  if (changes.empty()) return {};
  start::Edition next = latest_.edition;
  const config::Config& running = *latest_.edition.config;
  const auto adopted = std::make_shared<const config::Config>(config::adopt(running, wanted));
  config::mark_waiting(changes, *adopted, wanted);
  Problems problems;
  const auto types = fleet::types_under(*adopted, latest_.profiles->types());
  fleet::check_members(targets_.roster, *next.members, *adopted, problems, *types);
  if (!problems.empty()) throw InvalidInput(problems.text());
  preview::check_scenario_of_reload(running, *adopted, forgotten_);

  const std::string detail = shortened(detail_of(changes));
  const bool reads_otherwise =
      config::readings_config_text(*adopted) != config::readings_config_text(running);
  if (reads_otherwise) {
    check_limits(0);
    const auto profiles =
        std::make_shared<fleet::ProfileTable>(targets_.roster, adopted, types, latest_.profiles->seed());
    fleet::FleetChange change = fleet::plan_fleet_change(
        running, profiles, start::everyone_stays(*next.members, targets_.places), {});
    if (adopted->scenario != running.scenario) {
      timeline::note_texts(targets_.roster, adopted->scenario);
      change.script = std::make_shared<const timeline::Script>(
          timeline::plan_of(adopted->scenario, targets_.run.start), targets_.roster, targets_.run.seed);
    }
    next.config = adopted;
    tables::RunReload reload;
    reload.changes = detail;
    if (!swap_fleet(next, std::move(change), std::move(reload))) return {};
    forgotten_.follow(adopted->scenario);
    latest_ = {std::move(next), profiles};
    ++latest_.edition.number;
  } else {
    start::Edition same = *targets_.editions.current();
    same.config = latest_.edition.config = adopted;
    targets_.editions.begin(std::move(same));
  }
  targets_.log.lower_level(adopted->logging.level);  // told if either level has it told
  log_changes(changes);
  remember(true, what, detail, entry);
  targets_.log.set_level(adopted->logging.level);
  wanted_ = wanted;
  return {};
}

// Before anything grows: what is refused is tried again at every look.
void Reloader::check_limits(std::size_t coming) const {
  const auto& [reloads, new_identities, waiting_entries] = targets_.limits;
  if (targets_.reloads.size() >= reloads) {
    throw InvalidInput(
        fmt::format("this run was already reloaded {} times; restart it to apply more changes", reloads));
  }
  if (new_identities_ + coming > new_identities) {
    throw InvalidInput(fmt::format(
        "more than {} identities were added or changed since the start; restart to apply more changes",
        new_identities));
  }
}

void Reloader::log_changes(const std::vector<config::ConfigChange>& changes) {
  for (std::size_t i = 0; i < std::min(changes.size(), changes_logged); ++i) {
    const config::ConfigChange& change = changes[i];
    if (change.at_once) {
      targets_.log.info("config_changed", fmt::format("config: {}", config::change_text(change)));
    } else {
      targets_.log.warn("config_needs_restart",
                        fmt::format("config: {} takes effect after a restart", config::change_text(change)));
    }
  }
  if (changes.size() > changes_logged)
    targets_.log.info("config_changed", "config: more changes", {{"more", changes.size() - changes_logged}});
}

// Where the running identities stand, by the files of the start or of the look that was taken up last.
const identity::StandingFiles& Reloader::standing() {
  const start::Inputs& inputs = targets_.inputs;
  if (!standing_ && inputs.standing) standing_ = inputs.standing;
  if (!standing_) standing_.emplace(inputs.identities.sources, targets_.roster);
  return *standing_;
}

// The members but for those that stay as they are, because their file is refused.
start::Members Reloader::members_not_kept(const identity::Taken& taken) {
  if (std::ranges::find(taken.kept, true) == taken.kept.end()) return *latest_.edition.members;
  start::Members members;
  for (const std::uint32_t member : *latest_.edition.members) {
    const auto position = standing().find(targets_.roster[member].id);
    if (!position || !taken.kept[*position]) members.push_back(member);
  }
  return members;
}

Reloader::Refused Reloader::reload_identities() {
  const start::Edition& running = latest_.edition;
  start::IdentityLook look =
      start::reread_identities(*running.config, *latest_.profiles->types(), standing());
  const identity::Taken& taken = look.taken;
  const start::Members free = members_not_kept(taken);
  start::check_fleet_size(running.members->size() - free.size() + look.members.size(),
                          look.identities.roster.size(), *running.config);
  const identity::IdentityChanges changes =
      identity::compare_identities(targets_.roster, free, look.identities.roster, look.members);
  if (!changes.empty() && !change_identities(changes, look.identities.roster)) return {};
  const Refused refused{counted(taken.refused_files, "identity file"), taken.refused_text()};
  {
    const std::lock_guard lock(mutex_);
    history_.refused_files = taken.refused_files;
    history_.refused = taken.refused;
    for (std::string& why : history_.refused) why = shortened(in_one_line(why));
  }
  standing_ = std::move(look.taken.standing);
  return refused;
}

// False when the run ended before.
bool Reloader::change_identities(const identity::IdentityChanges& changes,
                                 const identity::Roster& wanted_roster) {
  start::Edition next = latest_.edition;
  identity::Roster& roster = targets_.roster;
  check_limits(changes.new_identities());
  const std::string detail = shortened(fleet_sim::identity::changes_text(changes, roster, wanted_roster));
  std::vector<bool> removed(roster.size(), false);
  for (const std::uint32_t member : changes.removed) removed[member] = true;
  for (const identity::IdentityChanges::Changed& changed : changes.changed) removed[changed.from] = true;
  start::Members members;
  std::ranges::copy_if(*next.members, std::back_inserter(members),
                       [&](std::uint32_t m) { return !removed[m]; });
  const std::vector<fleet::WantedSensor> sensors = place(changes, wanted_roster, next);
  for (const fleet::WantedSensor& sensor : sensors) members.push_back(sensor.to);
  next.members = std::make_shared<const start::Members>(std::move(members));

  fleet::FleetChange change =
      fleet::plan_fleet_change(*next.config, latest_.profiles, sensors, changes.removed);
  tables::RunReload reload;
  reload.changes = detail;
  for (const fleet::WantedSensor& sensor : sensors) reload.identities.push_back(sensor.to);
  reload.removed = changes.removed;
  if (!swap_fleet(next, std::move(change), std::move(reload))) return false;
  latest_.edition = std::move(next);
  ++latest_.edition.number;
  remember(true, "identities", detail);
  return true;
}

// Gives the new identities their indices in the roster, and their sensors a shard each, whose file the
// writers and the next edition have before the first of them is in the fleet.
std::vector<fleet::WantedSensor> Reloader::place(const identity::IdentityChanges& changes,
                                                 const identity::Roster& wanted, start::Edition& next) {
  std::vector<std::uint32_t> coming = changes.added;
  for (const identity::IdentityChanges::Changed& changed : changes.changed) coming.push_back(changed.to);
  if (!shards_) shards_.emplace(*next.targets, targets_.inputs.config, *targets_.inputs.types);
  const sqlite::ShardPlaces::Proposal proposal = shards_->propose(wanted, coming);
  if (start::sink_of(targets_.inputs.config).keeps_files) {
    Problems problems;
    sqlite::check_shard_files(proposal.new_targets, problems);
    if (!problems.empty()) throw InvalidInput(problems.text());
  }
  shards_->accept(proposal);
  write::Targets files = *next.targets;
  for (std::size_t writer = 0; writer < proposal.new_targets.size(); ++writer) {
    const std::vector<write::Target>& added = proposal.new_targets[writer];
    if (added.empty()) continue;
    targets_.writers[writer]->add_shards(added);
    files[writer].insert(files[writer].end(), added.begin(), added.end());
  }
  next.targets = std::make_shared<const write::Targets>(std::move(files));
  next.shard_count = shards_->size();
  const std::unordered_set<std::string_view> former = former_ids(changes, wanted);
  std::vector<fleet::WantedSensor> sensors;
  write::Places& place_of = targets_.places;
  for (std::size_t i = 0; i < coming.size(); ++i) {
    fleet::WantedSensor sensor;
    sensor.to = targets_.roster.add(wanted.record(wanted[coming[i]]));
    sensor.comes_back = former.contains(targets_.roster[sensor.to].id);
    sensor.writer = proposal.places[i].writer;
    place_of.grow_to_at_least(targets_.roster.size());
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
  for (std::size_t i = 0; !added.empty() && i < targets_.roster.size(); ++i) {
    if (added.contains(targets_.roster[i].id)) former.insert(targets_.roster[i].id);
  }
  return former;
}

// Has the scheduler carry out the change and begin the edition. False when the run ended before.
bool Reloader::swap_fleet(start::Edition next, fleet::FleetChange change, tables::RunReload reload) {
  reload.fleet_size = next.members->size();
  reload.config = config::config_text(*next.config);
  next.config_hash = reload.config_hash = start::readings_config_hash(*next.config);
  reload.fleet_hash = start::fleet_hash(targets_.roster, *next.members);
  ++next.number;
  const std::string detail = reload.changes;
  auto begin = [targets = targets_, has_other_scenario = change.script != nullptr, followed = followed_,
                next = std::move(next), reload = std::move(reload)](Timestamp moment) mutable {
    reload.at = moment;
    targets.reloads.add(std::move(reload));
    next.readings_per_second = targets.fleet.readings_per_second();
    targets.editions.begin(std::move(next));
    followed->script = targets.fleet.script();
    if (has_other_scenario) log_ignored(targets.log, *targets.fleet.script());
  };
  auto shared_change = std::make_shared<fleet::FleetChange>(std::move(change));
  if (!catching_up_) return swap_now(std::move(shared_change), std::move(begin), detail);
  const Timestamp moment = targets_.not_before;
  targets_.scheduler.agenda().add(moment,
                                  {std::move(shared_change), [begin, moment]() mutable { begin(moment); }});
  targets_.log.info(
      "reloaded", fmt::format("reloaded, starting with readings at {}: {}", timestamp_text(moment), detail));
  return true;
}

// Between the next two windows, and waits for it.
bool Reloader::swap_now(std::shared_ptr<fleet::FleetChange> change, std::function<void(Timestamp)> begin,
                        const std::string& detail) {
  struct Swapped {
    Timestamp moment;
    std::chrono::duration<double, std::milli> took;
  };
  const auto promise = std::make_shared<std::promise<Swapped>>();
  std::future<Swapped> swapped = promise->get_future();
  targets_.scheduler.between_windows([&scheduler = targets_.scheduler, promise, change, begin] {
    const auto began = std::chrono::steady_clock::now();
    const Timestamp moment = scheduler.change_fleet(*change);
    begin(moment);
    promise->set_value({moment, std::chrono::steady_clock::now() - began});
  });
  while (swapped.wait_for(wake_interval) != std::future_status::ready) {
    if (targets_.scheduler.wait_for(std::chrono::milliseconds(0))) return false;
  }
  const auto [moment, took] = swapped.get();
  record_now();
  targets_.log.info("reloaded",
                    fmt::format("reloaded, starting with readings at {}: {}", timestamp_text(moment), detail),
                    {{"swap_ms", took.count()}});
  return true;
}

// One shard of those there were tells it at once. The others do so with their next rows, but some may never
// get any, and a reload that none tells of cannot be followed.
void Reloader::record_now() const {
  const tables::RunReload& reload = targets_.reloads[targets_.reloads.size() - 1];
  std::size_t attempts = 0;
  for (const std::vector<write::Target>& files : *latest_.edition.targets) {
    for (const write::Target& file : files) {
      if (tables::record_reload_now(file.name, targets_.run, targets_.roster, reload)) return;
      if (++attempts == most_recorders) return;
    }
  }
}

void Reloader::refuse(Source& source, const Refused& refused) {
  const std::string& why = refused.why;
  const std::uint64_t sight = source.files.seen();
  source.files.look();
  if (source.files.seen() != sight) return;  // written meanwhile: what is there now is for the next look
  if (source.refused == why && source.refused_sight == sight) {
    const std::lock_guard lock(mutex_);
    outcome_.push_back({system_now(), false, std::string(source.what), shortened(why)});
    return;
  }
  source.refused = why;
  source.refused_sight = sight;
  targets_.errors.add(source.error_class);
  targets_.log.error("reload_refused", fmt::format("{} not reloaded, keeping the current version: {}",
                                                   refused.what, in_one_line(why)));
  remember(false, source.what, shortened(why));
}

void Reloader::remember(bool accepted, std::string_view what, const std::string& detail,
                        const std::string& entry) {
  const std::lock_guard lock(mutex_);
  ++(accepted ? history_.accepted : history_.rejected);
  if (history_.last.size() == status::ReloadHistory::kept) history_.last.erase(history_.last.begin());
  history_.last.push_back({system_now(), accepted, std::string(what), detail, entry});
  outcome_.push_back(history_.last.back());
}

}  // namespace fleet_sim::run
