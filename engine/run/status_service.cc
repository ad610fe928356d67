#include "run/status_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <sstream>
#include <system_error>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "base/problems.h"
#include "run/injection.h"
#include "scenario/scenario.h"
#include "start/describe_run.h"
#include "status/process.h"
#include "status/status_json.h"
#include "timeline/plan.h"
#include "yaml/file_problems.h"

namespace fleet_sim::run {
namespace {

constexpr double publish_interval_seconds = 0.25;
constexpr std::size_t files_per_publication = 256;  // looked at for their size
constexpr double recent_span_seconds = 60;          // of what is said of the last minute
constexpr double count_interval_seconds = 2;        // of sensors by firmware
constexpr std::size_t most_reasons = 10;
constexpr std::chrono::seconds longest_wait_for_reload{1};  // of who asked for it, and of others meanwhile

// A file without its folder; the address of a server as it is.
std::string brief_name(const std::string& target) {
  if (target.find("://") != target.npos) return target;
  return std::filesystem::path(target).filename().string();
}

std::uint64_t file_bytes(const std::string& path) {
  std::error_code error;
  std::uint64_t bytes = 0;
  for (const char* part : {"", "-wal"}) {
    const std::uintmax_t size = std::filesystem::file_size(path + part, error);
    if (!error) bytes += size;
  }
  return bytes;
}

std::uint64_t log_bytes(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path + "-wal", error);
  return error ? 0 : size;
}

FirmwareCounts difference(const FirmwareCounts& now, const FirmwareCounts& before) {
  return {now.readings - before.readings, now.anomalous - before.anomalous, now.injected - before.injected,
          now.expected - before.expected};
}

double seconds_since(SteadyTime moment, SteadyTime now) {
  return std::chrono::duration<double>(now - moment).count();
}

bool contains_folded(std::string_view text, std::string_view folded_part) {
  return !std::ranges::search(text, folded_part, {}, [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
          }).empty();
}

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// Of what an anomaly changes in this channel: that of its level.
std::string unit_of(const types::SensorType& type, const std::optional<Channel>& channel) {
  if (!channel) return {};
  return type.is_logarithmic(index_of(*channel)) ? "ln" : type.schema.channels()[index_of(*channel)].unit;
}

// A problem each, without the place, which is always the body.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t place = line.starts_with("body") ? line.find(": ") : line.npos;
    lines.push_back(place == line.npos ? line : line.substr(place + 2));
  }
  return lines;
}

// What lasts on and on, or comes again, has no end.
std::optional<Timestamp> end_of(const timeline::PlannedEntry& planned) {
  const scenario::Entry& entry = planned.entry;
  const bool goes_on = entry.duration == 0 && (std::holds_alternative<scenario::Silence>(entry.verb) ||
                                               std::holds_alternative<scenario::Add>(entry.verb) ||
                                               std::holds_alternative<scenario::Deliver>(entry.verb));
  if (entry.every > 0 || goes_on) return std::nullopt;
  const Timestamp last = std::min(planned.at + scenario::reach_of(entry), planned.last);
  return last + std::max(entry.duration, entry.silent_for);
}

status::ScenarioRow scenario_row(const timeline::PlannedEntry& planned, Timestamp now) {
  using State = status::ScenarioRow::State;
  status::ScenarioRow row{.name = planned.entry.name,
                          .what = scenario::verb_text(planned.entry),
                          .entry = scenario::entry_text(planned.entry),
                          .at = planned.at,
                          .until = end_of(planned)};
  if (planned.at <= now) row.state = row.until && *row.until <= now ? State::over : State::under_way;
  return row;
}

// Part of a list of `size` rows, of which `row(i)` makes one.
template <class Row, class MakeRow>
status::Page<Row> part_of(std::size_t size, std::size_t limit, std::uint64_t after, const MakeRow& row) {
  status::Page<Row> page;
  page.total = size;
  const std::size_t first = std::min<std::uint64_t>(after, size);
  const std::size_t end = std::min(first + limit, size);
  for (std::size_t i = first; i < end; ++i) page.rows.push_back(row(i));
  if (end < size) page.next = end;
  return page;
}

// Whether sensors match a search. Texts that many share are looked at once.
class Search {
 public:
  Search(const identity::Roster& roster, std::string_view query) : roster_(roster), query_(folded(query)) {}

  bool matches(const identity::Identity& identity) {
    return contains_folded(identity.id, query_) || matches(identity.location) || matches(identity.model) ||
           matches(identity.manufacturer) || matches(identity.firmware_version);
  }

 private:
  bool matches(identity::Text text) {
    const auto handle = static_cast<std::size_t>(text);
    if (handle >= known_.size()) known_.resize(handle + 1, Known::not_yet);
    if (known_[handle] == Known::not_yet) {
      known_[handle] = contains_folded(roster_.text(text), query_) ? Known::yes : Known::no;
    }
    return known_[handle] == Known::yes;
  }

  enum class Known : std::uint8_t { not_yet, no, yes };
  const identity::Roster& roster_;
  std::string query_;
  std::vector<Known> known_;
};

std::optional<double> due_per_second(const config::Config& config, double readings_per_second) {
  const config::Speed& speed = config.clock.speed;
  return speed.max ? std::nullopt : std::optional(speed.factor * readings_per_second);
}

InvalidInput cannot_listen(const std::string& address, const std::system_error& error) {
  return InvalidInput(
      fmt::format("--status-address {}: cannot listen there: {}; choose another address or use --no-status",
                  address, error.code().message()));
}

}  // namespace

void check_status_address(const config::MonitoringSettings& settings) {
  if (!settings.enabled || settings.address.empty()) return;
  try {
    status::check_address(settings.address);
  } catch (const std::system_error& error) {
    throw cannot_listen(settings.address, error);
  }
}

std::unique_ptr<status::HttpServer> open_http_server(const config::MonitoringSettings& settings,
                                                     ErrorCounts& errors, log::Log& log) {
  if (!settings.enabled) return nullptr;
  const std::string address = settings.address.empty() ? status::usual_address : settings.address;
  try {
    auto server = std::make_unique<status::HttpServer>(address, status::http_connections(),
                                                       status::HttpAccess{settings.token, false}, errors);
    log.info("status_served", fmt::format("status at http://{}/", server->address()));
    return server;
  } catch (const std::system_error& error) {
    if (!settings.address.empty()) throw cannot_listen(address, error);
    log.warn(
        "status_unavailable",
        fmt::format(
            "no status page: cannot listen on {}: {}; choose another address with --status-address HOST:PORT",
            address, error.code().message()));
    return nullptr;
  }
}

StatusService::StatusService(Simulator& simulator, status::HttpServer& server)
    : simulator_(simulator), server_(server), scenario_count_(simulator) {
  simulator_.observe([this](const status::Snapshot& now) { publish(now); });
  status::StatusSources sources;
  sources.status = [this] { return published(); };
  sources.status_json = [this] { return published_json(); };
  sources.history = [this](std::optional<std::int64_t> since) { return history_.json(since); };
  sources.shards = [this](std::size_t limit, std::uint64_t after) { return shard_page(limit, after); };
  sources.sensors = [this](std::string_view query, std::size_t limit, std::uint64_t after) {
    return sensor_page(query, limit, after);
  };
  sources.sensor = [this](std::string_view id, status::Absence& why) { return sensor_detail(id, why); };
  sources.events = [this](std::size_t limit) { return recent_events(limit); };
  sources.scenario = [this](std::size_t limit, std::uint64_t after) { return scenario_page(limit, after); };
  sources.add_entry = [this](const std::string& json) { return add_entry(json); };
  sources.inject = [this](const status::AskedAnomaly& asked, const std::vector<std::string>& ids) {
    return inject(asked, ids);
  };
  sources.reload = [this] { return simulator_.reload_now(longest_wait_for_reload); };
  sources.stop = [this] {
    simulator_.log().info("stop_requested", "stopping: requested over HTTP");
    simulator_.request_stop();
  };
  server_.answer_from(std::move(sources));
}

StatusService::~StatusService() {
  server_.answer_from({});
  simulator_.observe({});
}

// The first publication is what lets the HTTP thread in: before it there is nothing to look at.
void StatusService::publish(const status::Snapshot& now) {
  if (published_at_ >= 0 && now.elapsed_seconds - published_at_ < publish_interval_seconds) return;
  const std::shared_ptr<const start::Edition> running = simulator_.edition();
  if (published_at_ < 0) watch_.emplace(simulator_);
  if (running->targets != targets_) list_shards(running->targets);
  count_sensors(*running, now.elapsed_seconds);
  published_at_ = now.elapsed_seconds;
  measure_files();

  auto status = std::make_shared<status::Status>();
  status->run = facts(*running);
  status->now = now;
  status->draining = simulator_.draining();
  status->written_per_second = recent_rate(now);
  status->firmware = firmware_rows(now);
  Histogram lag;
  Histogram commit;
  for (const auto& writer : simulator_.writers()) {
    lag.merge(writer->lag());
    commit.merge(writer->commit_time());
    status->rows_waiting += writer->waiting();
  }
  status->lag = status::distribution_of(lag);
  status->commit = status::distribution_of(commit);
  status->recent_seconds = recent_lag_.keep_recent(now.elapsed_seconds, lag);
  recent_commit_.keep_recent(now.elapsed_seconds, commit);
  status->recent_lag = status::distribution_of(lag);
  status->recent_commit = status::distribution_of(commit);
  status->batches_in_use = simulator_.batches_in_use();
  status->reasons = count_shards(*status);
  status->held_logs = held_logs();
  status->storage_bytes = storage_bytes_;
  status->reloads = running->config->config_reload.enabled;
  status->memory_bytes = status::memory_bytes();
  status->peak_memory_bytes = status::peak_memory_bytes();
  status->cpu_seconds = status::cpu_seconds();
  history_.add(system_now(), *status);
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
}

void StatusService::list_shards(const std::shared_ptr<const write::Targets>& targets) {
  auto shards = std::make_shared<Shards>();
  for (std::size_t writer = 0; writer < targets->size(); ++writer) {
    for (std::size_t i = 0; i < (*targets)[writer].size(); ++i) {
      const std::string& path = (*targets)[writer][i].name;
      shards->push_back({brief_name(path), path, writer, i});
    }
  }
  std::ranges::sort(*shards, {}, &Shard::name);
  targets_ = targets;
  file_bytes_.assign(shards->size(), 0);
  next_file_ = 0;
  storage_bytes_ = 0;
  const std::lock_guard lock(mutex_);
  shards_ = std::move(shards);
}

status::RunFacts StatusService::facts(const start::Edition& edition) const {
  const tables::RunInfo& run = simulator_.info();
  const config::Config& config = *edition.config;
  return {.run_id = run.run_id,
          .seed = run.seed,
          .version = run.version,
          .start = run.start,
          .began_at = run.began_at,
          .shard_by = run.shard_by,
          .partition = run.partition,
          .data_directory = config.data_directory(),
          .sink = start::setting_text(config, "sink.address"),
          .config_hash = edition.config_hash,
          .speed = start::setting_text(config, "clock.speed"),
          .threads = simulator_.schedule().threads,
          .writers = simulator_.writers().size(),
          .readings_per_second = edition.readings_per_second,
          .due_per_second = due_per_second(config, edition.readings_per_second),
          .batches_limit = simulator_.batches_limit(),
          .rows_limit = config.write.pending_rows};
}

// Returns why the run is not healthy.
std::vector<std::string> StatusService::count_shards(status::Status& status) const {
  const auto writers = simulator_.writers();
  std::vector<std::string> reasons;
  for (std::size_t writer = 0; writer < writers.size(); ++writer) {
    const auto troubles = writers[writer]->board().troubles();
    // Asked for afterwards: a shard that is in trouble has had rows, so this edition has its file.
    const std::shared_ptr<const write::Targets> targets = simulator_.edition()->targets;
    for (const auto& [index, trouble] : troubles) {
      ++(trouble.degraded ? status.shards_degraded : status.shards_retrying);
      if (!trouble.degraded || reasons.size() >= most_reasons) continue;
      reasons.push_back(fmt::format("{}: cannot be written since {}: {}",
                                    brief_name((*targets)[writer][index].name), timestamp_text(trouble.since),
                                    trouble.error));
    }
  }
  if (status.shards_degraded > reasons.size()) {
    reasons.push_back(fmt::format("and {} more shards", status.shards_degraded - reasons.size()));
  }
  return reasons;
}

status::HeldLogs StatusService::held_logs() const {
  status::HeldLogs all;
  const SteadyTime now = std::chrono::steady_clock::now();
  const auto writers = simulator_.writers();
  for (std::size_t writer = 0; writer < writers.size(); ++writer) {
    const auto logs = writers[writer]->board().held_logs();
    const std::shared_ptr<const write::Targets> targets = simulator_.edition()->targets;
    for (const auto& [index, log] : logs) {
      all.longest.push_back(
          {brief_name((*targets)[writer][index].name), log.bytes, seconds_since(log.since, now)});
      all.most_bytes = std::max(all.most_bytes, log.bytes);
    }
  }
  all.count = all.longest.size();
  std::ranges::sort(all.longest, std::ranges::greater(), &status::HeldLog::seconds);
  if (all.count > 0) all.most_seconds = all.longest.front().seconds;
  if (all.count > status::HeldLogs::most_named) all.longest.resize(status::HeldLogs::most_named);
  return all;
}

void StatusService::measure_files() {
  const auto shards = listed();
  for (std::size_t i = 0; i < std::min(files_per_publication, shards->size()); ++i) {
    const std::uint64_t bytes = file_bytes((*shards)[next_file_].path);
    storage_bytes_ += bytes - file_bytes_[next_file_];
    file_bytes_[next_file_] = bytes;
    next_file_ = (next_file_ + 1) % shards->size();
  }
}

double StatusService::recent_rate(const status::Snapshot& now) {
  written_before_.emplace_back(now.elapsed_seconds, now.books.written);
  while (written_before_.size() > 2 &&
         now.elapsed_seconds - written_before_[1].first >= status::rate_span_seconds) {
    written_before_.pop_front();
  }
  const auto& [since, written] = written_before_.front();
  const double span = now.elapsed_seconds - since;
  return span > 0 ? static_cast<double>(now.books.written - written) / span : 0;
}

// Only a reload or a scenario changes what sensors have. A scenario does so at any moment, and to look at a
// million sensors takes the fleet some milliseconds.
void StatusService::count_sensors(const start::Edition& edition, double elapsed_seconds) {
  const bool is_due =
      !edition.config->scenario.empty() && elapsed_seconds - counted_at_ >= count_interval_seconds;
  if (edition.members == members_ && !is_due) return;
  {
    const std::lock_guard lock(sensors_with_->mutex);
    if (std::exchange(sensors_with_->is_asked, true)) return;
  }
  members_ = edition.members;
  counted_at_ = elapsed_seconds;
  simulator_.between_windows([with = sensors_with_](fleet::Fleet& fleet, fleet::Agenda&) {
    PerFirmware<std::uint64_t> counted{};
    for (const fleet::Cohort& cohort : fleet.cohorts()) cohort.count_sensors(counted);
    const std::lock_guard lock(with->mutex);
    with->firmware = counted;
    with->script = fleet.script();
    with->is_asked = false;
  });
}

// The spellings of a version are one row.
std::vector<status::FirmwareRow> StatusService::firmware_rows(const status::Snapshot& now) {
  const PerFirmware<FirmwareCounts>& taken = now.books.by_firmware;
  while (!taken_before_.empty() && now.elapsed_seconds - taken_before_.front().first > recent_span_seconds)
    taken_before_.pop_front();
  const bool is_another_second =
      taken_before_.empty() || now.elapsed_seconds - taken_before_.back().first >= 1;
  if (is_another_second) taken_before_.emplace_back(now.elapsed_seconds, taken);
  const PerFirmware<FirmwareCounts>& before = taken_before_.front().second;
  const identity::Roster& roster = simulator_.roster();
  PerFirmware<std::uint64_t> sensors{};
  {
    const std::lock_guard lock(sensors_with_->mutex);
    sensors = sensors_with_->firmware;
  }
  std::map<std::string_view, status::FirmwareRow> by_version;
  for (std::size_t i = 0; i < most_firmwares; ++i) {
    if (sensors[i] == 0 && taken[i].readings == 0) continue;
    const bool is_named = i < roster.firmware_count();
    const std::string_view version =
        is_named ? config::canonical_firmware(roster.text(roster.firmware(i))) : status::FirmwareRow::others;
    status::FirmwareRow& row = by_version[version];
    row.version = version;
    row.sensors += sensors[i];
    row.counts += taken[i];
    row.recent += difference(taken[i], before[i]);
  }
  std::vector<status::FirmwareRow> rows;
  for (auto& [version, row] : by_version) rows.push_back(std::move(row));
  return rows;
}

std::shared_ptr<const status::Status> StatusService::published() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

// Written once for everyone who asks between two publications.
std::string StatusService::published_json() {
  const std::shared_ptr<const status::Status> now = published();
  if (now != asked_for_) {
    asked_for_json_ = status::status_json(*now);
    asked_for_ = now;
  }
  return asked_for_json_;
}

std::shared_ptr<const StatusService::Shards> StatusService::listed() const {
  const std::lock_guard lock(mutex_);
  return shards_;
}

status::Page<status::ShardRow> StatusService::shard_page(std::size_t limit, std::uint64_t after) const {
  const auto shards = listed();
  return part_of<status::ShardRow>(shards->size(), limit, after,
                                   [&](std::size_t i) { return shard_row((*shards)[i]); });
}

status::ShardRow StatusService::shard_row(const Shard& shard) const {
  const write::ShardBoard& board = simulator_.writers()[shard.writer]->board();
  const write::ShardBoard::Numbers numbers = board.numbers(shard.index);
  status::ShardRow row{.name = shard.name,
                       .file = shard.path,
                       .state = numbers.last_commit == 0 ? "idle" : "healthy",
                       .rows_written = numbers.rows_written,
                       .rows_waiting = numbers.rows_waiting,
                       .bytes = file_bytes(shard.path),
                       .last_commit = std::nullopt,
                       .error = std::nullopt,
                       .log_bytes = log_bytes(shard.path)};
  if (const auto held = board.held_log(shard.index))
    row.log_held_seconds = seconds_since(held->since, std::chrono::steady_clock::now());
  if (numbers.last_commit != 0) row.last_commit = numbers.last_commit;
  if (const auto trouble = board.trouble(shard.index)) {
    row.state = trouble->degraded ? "degraded" : "retrying";
    row.error = trouble->error;
  }
  return row;
}

status::Page<status::SensorRow> StatusService::sensor_page(std::string_view query, std::size_t limit,
                                                           std::uint64_t after) const {
  const std::shared_ptr<const start::Edition> running = simulator_.edition();
  const start::Members& members = *running->members;
  const identity::Roster& roster = simulator_.roster();
  const auto row = [&](std::size_t i) { return sensor_row(*running, members[i]); };
  if (query.empty()) return part_of<status::SensorRow>(members.size(), limit, after, row);
  status::Page<status::SensorRow> page;
  Search search(roster, query);
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!search.matches(roster[members[i]])) continue;
    ++page.total;
    if (i < after) continue;
    if (page.rows.size() < limit) {
      page.rows.push_back(row(i));
    } else if (!page.next) {
      page.next = i;
    }
  }
  return page;
}

status::SensorRow StatusService::sensor_row(const start::Edition& edition, std::uint32_t sensor) const {
  const identity::Roster& roster = simulator_.roster();
  const identity::Identity& identity = roster[sensor];
  const write::Place place = simulator_.place_of(sensor);
  const auto text = [&roster](identity::Text handle) { return std::string(roster.text(handle)); };
  return {.id = std::string(identity.id),
          .type = text(identity.type),
          .location = text(identity.location),
          .manufacturer = text(identity.manufacturer),
          .model = text(identity.model),
          .firmware_version = text(identity.firmware_version),
          .shard = brief_name((*edition.targets)[place.writer][place.shard].name)};
}

status::EventRow StatusService::event_row(const batch::AnomalyEvent& event) const {
  status::EventRow row{.sensor_id = std::string(simulator_.roster()[event.sensor].id),
                       .type = event.type,
                       .channel = simulator_.type_of(event.sensor).schema.name_of(event.channel),
                       .direction = event.direction,
                       .magnitude = event.magnitude,
                       .started_at = event.started_at,
                       .ended_at = std::nullopt,
                       .severity = event.severity,
                       .sigma = event.sigma,
                       .unit = event.sigma ? unit_of(simulator_.type_of(event.sensor), event.channel) : "",
                       .cause = event.cause};
  if (batch::ends(event.kind)) row.ended_at = event.ended_at;
  return row;
}

std::vector<status::EventRow> StatusService::recent_events(std::size_t limit) const {
  std::vector<batch::AnomalyEvent> events;
  for (const auto& writer : simulator_.writers()) {
    const std::vector<batch::AnomalyEvent> newest = writer->recent_events().newest();
    events.insert(events.end(), newest.begin(), newest.end());
  }
  std::vector<const batch::AnomalyEvent*> ordered;
  for (const batch::AnomalyEvent& event : events) ordered.push_back(&event);
  std::ranges::stable_sort(ordered, std::ranges::greater(), &batch::AnomalyEvent::started_at);
  ordered.resize(std::min(limit, ordered.size()));
  std::vector<status::EventRow> rows;
  for (const batch::AnomalyEvent* event : ordered) rows.push_back(event_row(*event));
  return rows;
}

std::optional<status::SensorDetail> StatusService::sensor_detail(std::string_view id, status::Absence& why) {
  why = status::Absence::unknown_sensor;
  const std::shared_ptr<const start::Edition> running = simulator_.edition();
  const auto found = watch_->find(*running, {std::string(id)}).front();
  if (!found) return std::nullopt;
  const std::uint32_t sensor = *found;
  const SensorWatch::Look* look = watch_->look(*running, sensor);
  why = status::Absence::fleet_held_up;
  if (look == nullptr) return std::nullopt;
  status::SensorDetail detail{.sensor = sensor_row(*running, sensor),
                              .effective = look->effective,
                              .anomaly = std::nullopt,
                              .readings = {}};
  const model::Sensor& state = look->state.sensor;
  const identity::Identity shown = simulator_.roster().shown(sensor, look->state.touched.overlay);
  const auto text = [this](identity::Text handle) { return std::string(simulator_.roster().text(handle)); };
  detail.sensor.location = text(shown.location);
  detail.sensor.manufacturer = text(shown.manufacturer);
  detail.sensor.model = text(shown.model);
  detail.sensor.firmware_version = text(shown.firmware_version);
  if (const auto event = fleet::event_now(look->state)) detail.anomaly = event_row(*event);
  const types::Schema& schema = simulator_.type_of(sensor).schema;
  for (std::size_t c = 0; c < schema.channels().size(); ++c) {
    detail.channels.push_back({schema.channels()[c], state.profile->channels[c].pattern != 0});
  }
  for (const auto& [reading, channel, missing, cause] : look->readings) {
    detail.readings.push_back(
        {reading.due, reading.values, reading.anomaly, schema.name_of(channel), missing, cause});
  }
  detail.possible = possible_anomalies(*state.profile, schema);
  return detail;
}

// Entries stand by the time at which they begin.
status::Page<status::ScenarioRow> StatusService::scenario_page(std::size_t limit, std::uint64_t after) {
  const std::shared_ptr<const start::Edition> running = simulator_.edition();
  const timeline::Plan plan = timeline::plan_of(running->config->scenario, simulator_.info().start);
  std::vector<std::size_t> order(plan.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t entry) { return plan[entry].at; });
  std::shared_ptr<const timeline::Script> script;
  {
    const std::lock_guard lock(sensors_with_->mutex);
    script = sensors_with_->script;
  }
  auto counts = scenario_count_.of(script, running->members);
  if (counts && counts->reached.size() != plan.size()) counts = nullptr;  // of the scenario before
  const Timestamp now = simulator_.reached();
  const auto is_ignored = [&](std::size_t entry) {
    return script && script->size() == plan.size() && script->is_ignored(static_cast<std::uint32_t>(entry));
  };
  return part_of<status::ScenarioRow>(plan.size(), limit, after, [&](std::size_t i) {
    status::ScenarioRow row = scenario_row(plan[order[i]], now);
    if (is_ignored(order[i])) row.state = status::ScenarioRow::State::ignored;
    if (counts) row.reached = counts->reached[order[i]];
    if (counts && counts->in_all) row.in_all = (*counts->in_all)[order[i]];
    return row;
  });
}

status::AddedEntry StatusService::add_entry(const std::string& json) {
  status::AddedEntry added;
  added.can_reload = simulator_.can_reload();
  if (!added.can_reload) return added;
  scenario::Entries entries = simulator_.edition()->config->scenario;
  const std::size_t before = entries.size();
  Problems problems;
  scenario::read_entry(json, entries, yaml::FileProblems("body", problems));
  if (entries.size() > before) {
    const scenario::Entry& entry = entries.back();
    const std::string path = scenario::path_of(entry.name);
    const timeline::Plan plan = timeline::plan_of(entries, simulator_.info().start);
    if (const std::string wrong = scenario::problem_of(entry, simulator_.edition()->config->types);
        !wrong.empty())
      problems.add("body", fmt::format("{}.{}", path, wrong));
    for (const timeline::PlanProblem& problem : timeline::problems_of(plan, simulator_.info().start)) {
      if (problem.entry + 1 == plan.size()) problems.add("body", fmt::format("{}.{}", path, problem.text));
    }
    if (problems.empty() && plan.back().at < simulator_.reached())
      problems.add("body", fmt::format("{}.at {} has passed; the run is at {}", path,
                                       brief_timestamp_text(plan.back().at),
                                       brief_timestamp_text(simulator_.reached())));
  }
  if (!problems.empty()) added.mistakes = lines_of(problems.text());
  if (!added.mistakes.empty()) return added;
  return simulator_.add_entry(entries.back(), longest_wait_for_reload);
}

status::Injected StatusService::inject(const status::AskedAnomaly& asked,
                                       const std::vector<std::string>& ids) {
  status::Injected injected;
  std::vector<std::uint32_t> sensors;
  const SensorWatch::Places places = watch_->find(*simulator_.edition(), ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (places[i]) {
      sensors.push_back(*places[i]);
    } else {
      injected.absence = status::Absence::unknown_sensor;
      injected.passed_over.push_back({ids[i], "no sensor has this id"});
    }
  }
  if (injected.absence) return injected;
  if (const std::string_view why = simulator_.takes_no_changes(); !why.empty()) {
    for (const std::string& id : ids) injected.passed_over.push_back({id, std::string(why)});
    return injected;
  }
  const auto outcomes = watch_->inject(asked, sensors);
  if (!outcomes) injected.absence = status::Absence::fleet_held_up;
  injected.is_impossible = outcomes && std::ranges::any_of(*outcomes, &SensorWatch::Outcome::is_impossible);
  for (std::size_t i = 0; outcomes && i < ids.size(); ++i) {
    const SensorWatch::Outcome& outcome = (*outcomes)[i];
    if (!outcome.reason.empty()) {
      injected.passed_over.push_back({ids[i], outcome.reason});
    } else if (!injected.is_impossible) {
      injected.events.push_back(event_row(outcome.event));
    }
  }
  return injected;
}

}  // namespace fleet_sim::run
