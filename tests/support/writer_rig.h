// One writer on a bench: a roster, a plan, files in a folder of their own, and a clock that the test turns by
// hand. Time passes only in advance(); only finish() looks at the real clock, which the bench's is an hour
// behind.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/ledger.h"
#include "batch/batch_queue.h"
#include "data/found_shard.h"
#include "rosters.h"
#include "shard_reader.h"
#include "sqlite/shard_plan.h"
#include "sqlite/sqlite_sink.h"
#include "temporary_folder.h"
#include "write/writer.h"

namespace fleet_sim::test {

inline constexpr Microseconds millisecond = 1'000;
inline constexpr Microseconds second = 1'000'000;

// The launch of a paced fleet, whose readings were due long ago.
inline SteadyTime an_hour_ago() {
  return std::chrono::steady_clock::now() - std::chrono::hours(1);
}

struct RigOptions {
  std::size_t sensors = 1;
  std::size_t pending_rows = 1'000'000;
  std::size_t open_shards = 100;
  std::string vfs = {};
  write::StallLimits stall_limits = {};
  std::optional<SteadyTime> launched = {};  // of its clock at the first reading; none: unpaced
  std::function<std::unique_ptr<write::Sink>()> make_sink = {};  // none: SQLite's
};

inline config::Config rig_config(const TemporaryFolder& folder) {
  config::Config config;
  config.sharding.key = config::ShardKey::sensor;
  config.sqlite.data_dir = folder.path().string();
  config.write.batch_size = 10;
  return config;
}

class WriterRig {
 public:
  static constexpr Timestamp first_due = 1'767'225'600'000'000;

  // `adjust` changes the config before the writer is made.
  explicit WriterRig(const RigOptions& options = {}, const std::function<void(config::Config&)>& adjust = {})
      : roster(roster_of(options.sensors)),
        config(rig_config(folder)),
        clock(first_due, options.launched.value_or(SteadyTime()),
              options.launched ? std::optional(1.0) : std::nullopt),
        sent_(options.sensors) {
    if (adjust) adjust(config);
    run.run_id = "test-run";
    run.version = "0";
    plan = sqlite::plan_shards(roster, all_of(roster), std::vector<double>(options.sensors, 1.0), config);
    context_ = std::make_unique<write::WriterContext>(
        write::WriterContext{.roster = roster,
                             .settings = config.write,
                             .place_of = plan.place_of,
                             .clock = clock,
                             .pool = pool,
                             .ledger = ledger,
                             .errors = error_counts,
                             .pending_rows = options.pending_rows,
                             .log = {[this](const std::string& line) { log.push_back(line); },
                                     [this](const std::string& line) {
                                       const std::lock_guard lock(details_mutex_);
                                       details.push_back(line);
                                     }},
                             .give_up = [this] { ++gave_up; },
                             .stall_limits = options.stall_limits});
    make_sink_ = [this, options](sqlite::ExpectedFiles expected) -> std::unique_ptr<write::Sink> {
      if (options.make_sink) return options.make_sink();
      const sqlite::ShardContext shards{roster, config.sqlite, run, options.vfs};
      return std::make_unique<sqlite::SqliteSink>(shards, options.open_shards, context_->log,
                                                  std::move(expected));
    };
    make_writer({});
  }

  // Makes the writer anew, as a process does that resumes what the files hold.
  void resume(const data::FindSensor& find_sensor) {
    sqlite::ExpectedFiles files;
    std::vector<write::FoundRows> found;
    for (const auto& [path, schema] : plan.targets.at(0)) {
      data::FoundFile shard(path, run.run_id, find_sensor);
      files.emplace(path, shard.last_ids());
      found.push_back(std::move(shard).take_rows());
    }
    make_writer(std::move(files));
    writer_->take_up(std::move(found));
  }

  [[nodiscard]] write::Writer& writer() { return *writer_; }
  [[nodiscard]] SteadyTime now() const { return now_; }
  [[nodiscard]] std::string path_of(std::uint32_t sensor) const {
    return plan.targets[0][plan.place_of[sensor].shard].name;
  }

  // Puts `count` readings of a sensor into the queue; each has a due time and values of its own.
  void send(std::uint32_t sensor, std::size_t count) {
    batch::Batch* batch = nullptr;
    for (std::size_t i = 0; i < count; ++i) {
      if (batch == nullptr) batch = pool.acquire();
      const auto serial = static_cast<double>(serial_);
      batch->readings.push_back(
          {first_due + serial_ * 1'000, {serial, serial / 3, -serial}, sensor, std::nullopt});
      sent_[sensor].push_back(batch->readings.back());
      ++serial_;
      if (batch->full() || i + 1 == count) push(std::exchange(batch, nullptr));
    }
  }

  void send(const batch::AnomalyEvent& event) {
    batch::Batch* batch = pool.acquire();
    batch->events.push_back(event);
    push(batch);
  }

  // Of rows of their own that arrived in ways of their own.
  void send(const batch::Delivery& delivery) {
    batch::Batch* batch = pool.acquire();
    batch->deliveries.push_back(delivery);
    push(batch);
  }

  // One step, now or after some time.
  SteadyTime step() { return writer_->step(now_); }
  SteadyTime advance(Microseconds span) {
    now_ += std::chrono::microseconds(span);
    return step();
  }

  // Steps through `span` as the writer's thread would, from one of its deadlines to the next.
  void run_for(Microseconds span) {
    const SteadyTime until = now_ + std::chrono::microseconds(span);
    for (SteadyTime next = step(); next < until; next = step()) now_ = std::max(next, now_);
    now_ = until;
    step();
  }

  void finish() {
    writer_->finish();
    writer_->run();
  }

  [[nodiscard]] std::size_t rows_in_file(std::uint32_t sensor) const {
    return rows_of(path_of(sensor)).size();
  }

  // Whether the file holds exactly the first `count` readings sent for a sensor, once each, in order.
  [[nodiscard]] bool has_first(std::uint32_t sensor, std::size_t count) const {
    const std::vector<Row> rows = rows_of(path_of(sensor));
    if (rows.size() != count || sent_[sensor].size() < count) return false;
    for (std::size_t i = 0; i < count; ++i) {
      const batch::Reading& reading = sent_[sensor][i];
      const bool same =
          rows[i].timestamp == timestamp_text(reading.due) && rows[i].sensor_id == roster[sensor].id &&
          batch::Values{rows[i].temperature, rows[i].vibration, rows[i].voltage} == reading.values;
      if (!same) return false;
    }
    return true;
  }
  [[nodiscard]] bool has_all(std::uint32_t sensor) const { return has_first(sensor, sent_[sensor].size()); }
  [[nodiscard]] bool has_everything() const {
    for (std::uint32_t sensor = 0; sensor < sent_.size(); ++sensor) {
      if (!has_all(sensor)) return false;
    }
    return true;
  }

  [[nodiscard]] std::uint64_t errors() const {
    const PerErrorClass counts = error_counts.counts();
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  }
  [[nodiscard]] std::uint64_t errors(ErrorClass of) const {
    return error_counts.counts()[static_cast<std::size_t>(of)];
  }

  // Empty when every row sent was written, is held, or was counted as lost.
  [[nodiscard]] std::string imbalance() const {
    Books books = ledger.books();
    books.due = books.generated = serial_;
    return books.imbalance(serial_, writer_->held());
  }

  TemporaryFolder folder;
  identity::Roster roster;
  config::Config config;
  tables::RunInfo run;
  sqlite::ShardPlan plan;
  batch::BatchPool pool{64};
  SimulationClock clock;
  Ledger ledger;
  ErrorCounts error_counts;
  std::vector<std::string> log;
  std::vector<std::string> details;  // by any thread: read while none is in a call
  int gave_up = 0;

 private:
  void make_writer(sqlite::ExpectedFiles files) {
    writer_ =
        std::make_unique<write::Writer>(*context_, make_sink_(std::move(files)), plan.targets.at(0), 64);
  }
  void push(batch::Batch* batch) { writer_->queue().push(batch); }

  std::mutex details_mutex_;
  std::unique_ptr<write::WriterContext> context_;
  std::function<std::unique_ptr<write::Sink>(sqlite::ExpectedFiles)> make_sink_;
  std::unique_ptr<write::Writer> writer_;
  SteadyTime now_ = std::chrono::steady_clock::now() - std::chrono::hours(1);
  std::vector<std::vector<batch::Reading>> sent_;  // per sensor
  std::uint32_t serial_ = 0;
};

inline batch::AnomalyEvent event_of(batch::AnomalyEvent::Kind kind, std::uint32_t affected,
                                    Microseconds started = 0) {
  return {WriterRig::first_due + started,
          WriterRig::first_due + started + 5'000'000,
          2.5,
          0,
          affected,
          AnomalyType::spike,
          kind,
          Channel{2},
          -1};
}

inline std::vector<std::string> events_in(const WriterRig& rig) {
  return query(rig.path_of(0),
               "SELECT sensor_id, anomaly_type, channel, direction, magnitude, substr(started_at, 18), "
               "substr(ended_at, 18), readings_affected FROM anomaly_events ORDER BY id");
}

// Which shards' files this process has open, by the number of the sensor.
inline std::set<std::string> open_files(const TemporaryFolder& folder) {
  std::set<std::string> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code vanished;
    const std::filesystem::path target = std::filesystem::read_symlink(entry.path(), vanished);
    if (target.parent_path() == folder.path() && target.extension() == ".db")
      open.insert(target.stem().string());
  }
  return open;
}

using Names = std::set<std::string>;

}  // namespace fleet_sim::test
