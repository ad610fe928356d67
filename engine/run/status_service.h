// Connects a run to the HTTP server: publishes where the run stands, and answers what the status API asks
// for. The main thread publishes; everything else runs on the HTTP thread, and reads what was published, the
// writers' boards, the roster and the files' sizes. Borrows the simulator and the server; lives between
// start() and the end of the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/histogram.h"
#include "base/ledger.h"
#include "run/scenario_count.h"
#include "run/sensor_watch.h"
#include "run/simulator.h"
#include "status/history.h"
#include "status/http_server.h"
#include "status/status.h"

namespace fleet_sim::run {

// Throws InvalidInput if the config asks for an address that is not available. Does not take it, and logs
// nothing.
void check_status_address(const config::MonitoringSettings& settings);

// The server that the config asks for; null if it asks for none, or the default address is taken, which is
// logged. Throws InvalidInput if the config asks for an address that is not available.
std::unique_ptr<status::HttpServer> open_http_server(const config::MonitoringSettings& settings,
                                                     ErrorCounts& errors, log::Log& log);

class StatusService {
 public:
  StatusService(Simulator& simulator, status::HttpServer& server);
  ~StatusService();
  StatusService(const StatusService&) = delete;
  StatusService& operator=(const StatusService&) = delete;

 private:
  struct Shard {
    std::string name;
    std::string path;
    std::size_t writer;
    std::size_t index;  // among the writer's
  };
  using Shards = std::vector<Shard>;

  void publish(const status::Snapshot& now);
  void list_shards(const std::shared_ptr<const write::Targets>& targets);
  [[nodiscard]] status::RunFacts facts(const start::Edition& edition) const;
  [[nodiscard]] std::vector<std::string> count_shards(status::Status& status) const;
  [[nodiscard]] status::HeldLogs held_logs() const;
  void measure_files();
  [[nodiscard]] double recent_rate(const status::Snapshot& now);
  void count_sensors(const start::Edition& edition, double elapsed_seconds);
  [[nodiscard]] std::vector<status::FirmwareRow> firmware_rows(const status::Snapshot& now);

  [[nodiscard]] std::shared_ptr<const status::Status> published() const;
  std::string published_json();
  [[nodiscard]] std::shared_ptr<const Shards> listed() const;
  [[nodiscard]] status::Page<status::ShardRow> shard_page(std::size_t limit, std::uint64_t after) const;
  [[nodiscard]] status::ShardRow shard_row(const Shard& shard) const;
  [[nodiscard]] status::Page<status::SensorRow> sensor_page(std::string_view query, std::size_t limit,
                                                            std::uint64_t after) const;
  [[nodiscard]] status::SensorRow sensor_row(const start::Edition& edition, std::uint32_t sensor) const;
  [[nodiscard]] status::EventRow event_row(const batch::AnomalyEvent& event) const;
  [[nodiscard]] std::vector<status::EventRow> recent_events(std::size_t limit) const;
  std::optional<status::SensorDetail> sensor_detail(std::string_view id, status::Absence& why);
  [[nodiscard]] status::Page<status::ScenarioRow> scenario_page(std::size_t limit, std::uint64_t after);
  status::AddedEntry add_entry(const std::string& json);
  status::Injected inject(const status::AskedAnomaly& asked, const std::vector<std::string>& ids);

  Simulator& simulator_;
  status::HttpServer& server_;

  // Main thread.
  double published_at_ = -1;                       // seconds of the run
  std::shared_ptr<const write::Targets> targets_;  // that are listed
  std::deque<std::pair<double, std::uint64_t>> written_before_;
  // Sensors by firmware, and the scenario, as the fleet last said between two windows. Outlives this object
  // where the scheduler still holds work for it.
  struct SensorsWith {
    std::mutex mutex;  // of all that follows
    bool is_asked = false;
    PerFirmware<std::uint64_t> firmware{};
    std::shared_ptr<const timeline::Script> script;  // that it goes through, if any
  };
  std::shared_ptr<SensorsWith> sensors_with_ = std::make_shared<SensorsWith>();
  std::shared_ptr<const start::Members> members_;  // that were counted last …
  double counted_at_ = 0;                          // … in seconds of the run
  std::deque<std::pair<double, PerFirmware<FirmwareCounts>>> taken_before_;
  RecentHistogram recent_lag_;
  RecentHistogram recent_commit_;
  std::vector<std::uint64_t> file_bytes_;
  std::size_t next_file_ = 0;
  std::uint64_t storage_bytes_ = 0;

  mutable std::mutex mutex_;
  std::shared_ptr<const status::Status> status_;  // under mutex_
  std::shared_ptr<const Shards> shards_;          // under mutex_, by name

  status::History history_;       // has a lock of its own, as has …
  ScenarioCount scenario_count_;  // … this

  // HTTP thread.
  std::shared_ptr<const status::Status> asked_for_;  // last, as JSON …
  std::string asked_for_json_;                       // … this
  std::optional<SensorWatch> watch_;                 // once the run has begun
};

}  // namespace fleet_sim::run
