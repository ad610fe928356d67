#include "start/stored_run.h"

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/plain_text.h"
#include "base/problems.h"
#include "config/load_config.h"
#include "data/run_record.h"
#include "fleet/profile_table.h"
#include "identity/identity_parser.h"
#include "manifest/manifest.h"
#include "manifest/read_manifest.h"
#include "model/anomaly.h"
#include "postgresql/address.h"
#include "postgresql/stored_runs.h"
#include "start/describe_run.h"

namespace fleet_sim::start {
namespace {

postgresql::StoredRuns connect(const config::Config& config) {
  return postgresql::StoredRuns(postgresql::address_of(config.sink));
}

[[noreturn]] void refuse_record(const std::string& run_id, std::string_view what) {
  throw InvalidInput(fmt::format("--resume: run {} cannot be resumed: {}; start a new run without --resume",
                                 printable(run_id), what));
}

// A run's types may become more, but not fewer or others, so the last config has all that an identity was of.
std::shared_ptr<const types::Catalog> types_of(const std::string& last_config) {
  Problems problems;
  const config::Config config = config::read_config(last_config, "run_reloads", problems);
  return problems.empty() ? fleet::types_under(config, types::built_in_types()) : types::built_in_types();
}

std::vector<identity::IdentityRecord> records_in(const std::string& lines, const types::Catalog& types,
                                                 const std::string& run_id) {
  identity::IdentityFindings findings;
  identity::parse_identity_lines(lines, 1, types, findings, identity::largest_recorded_bytes);
  if (!findings.mistakes.empty())
    refuse_record(run_id, "the table run_identities has something that fleet-sim never writes");
  std::vector<identity::IdentityRecord> records;
  for (identity::FoundIdentity& found : findings.identities) records.push_back(std::move(found.record));
  return records;
}

tables::RecordedIdentities identities_of(postgresql::StoredRuns& runs, const postgresql::StoredRun& run,
                                         std::uint64_t number, const types::Catalog& types) {
  const auto lines = runs.identities(run.number, number);
  if (!lines) {
    refuse_record(run.run_id, number == 0 ? "the table run_identities lacks the sensors that it began with"
                                          : "the table run_identities lacks what a reload changed");
  }
  tables::RecordedIdentities found{records_in(lines->identities, types, run.run_id), {}};
  for (identity::IdentityRecord& one : records_in(lines->removed, types, run.run_id))
    found.removed.push_back(std::move(one.id));
  return found;
}

data::RunRecord record_of(postgresql::StoredRuns& runs, const postgresql::StoredRun& run) {
  std::vector<tables::RunReload> reloads = runs.reloads(run.number);
  const auto types = types_of(reloads.empty() ? run.config : reloads.back().config);
  data::RunRecord record;
  record.began_with = identities_of(runs, run, 0, *types).identities;
  std::uint64_t number = 0;
  for (tables::RunReload& reload : reloads) {
    if (reload.number != ++number) refuse_record(run.run_id, "the table run_reloads lacks a reload");
    record.reloads.push_back({std::move(reload), identities_of(runs, run, number, *types)});
  }
  return record;
}

// What the server holds of the sensors of one place. A sensor that reloads have changed may have been in
// others before: its rows lie in the same table.
class FoundTable final : public data::FoundShard {
 public:
  FoundTable(postgresql::StoredRuns runs, const tables::RunInfo& run, const types::Schema& type,
             const data::FindSensor& find_sensor, const write::FoundRows::SensorOf& sensor_of,
             std::vector<bool> is_here, std::vector<bool> is_elsewhere)
      : FoundShard(write::FoundRows(sensor_of)),
        runs_(std::move(runs)),
        run_(runs_.find(run.run_id)),
        type_(type),
        is_here_(std::move(is_here)),
        is_elsewhere_(std::move(is_elsewhere)) {
    if (!run_) return;
    runs_.take_over(run_->number);
    const Timestamp complete = runs_.complete_until(run_->number, type_);
    runs_.readings(run_->number, type_, complete,
                   [&](std::string_view id, Timestamp due, Timestamp arrived_at,
                       std::span<const double> values, std::string_view anomaly) {
                     const auto sensor = find_sensor(id);
                     if (sensor && is_here_[*sensor]) rows_.add(*sensor, due, arrived_at, values, anomaly);
                   });
    rows_.keep_from(complete);
  }

  // The place that a sensor has mainly tells of what is under way.
  Waiting read_waiting(Timestamp moment, const data::FindSensor& find_sensor) override {
    if (!run_) return {};
    Arrivals arrivals(moment);
    runs_.waiting(run_->number, moment, [&](const postgresql::StoredRuns::FoundDelivery& one) {
      const auto sensor = find_sensor(one.sensor);
      if (sensor && is_here_[*sensor] && !is_elsewhere_[*sensor])
        arrivals.add({*sensor, one.kind, one.due, one.arrived_at, one.sequence});
    });
    return std::move(arrivals).take();
  }

  std::vector<Underway> read_deliveries(Timestamp moment, const data::FindSensor& find_sensor) override {
    if (!run_) return {};
    std::vector<Underway> seats;
    runs_.deliveries(run_->number, moment, [&](const postgresql::StoredRuns::FoundDelivery& one) {
      const auto sensor = find_sensor(one.sensor);
      if (sensor && is_here_[*sensor])
        sort_delivery({*sensor, one.kind, one.due, one.arrived_at, one.sequence}, moment, seats);
    });
    std::erase_if(seats, [&](const Underway& seat) { return is_elsewhere_[seat.sensor]; });
    return seats;
  }

  std::vector<BegunBefore> read_events(Timestamp moment, const data::FindSensor& find_sensor) override {
    std::vector<BegunBefore> begun;
    if (!run_) return begun;
    runs_.events(run_->number, [&](const postgresql::StoredRuns::Event& event) {
      const auto sensor = find_sensor(event.sensor);
      if (!sensor || !is_here_[*sensor]) return;
      const BegunBefore found{*sensor, request_of(event), event.started_at};
      // One place tells of it; but each of agings, which are weighed place by place.
      if (is_elsewhere_[*sensor] && found.request.type != AnomalyType::aging) {
        if (event.ended_at != latest_timestamp) rows_.add_ended(*sensor, event.started_at);
        return rows_.add_event(*sensor, event.started_at);
      }
      sort_event(found, event.ended_at, run_->start, moment, begun);
    });
    return begun;
  }

  void read_fleet_events(Timestamp moment, const data::FindSensor& find_sensor) override {
    if (!run_) return;
    runs_.fleet_events(run_->number, moment,
                       [&](std::string_view id, Timestamp started_at, std::string_view name) {
                         const auto sensor = find_sensor(id);
                         if (sensor && is_here_[*sensor]) sort_fleet_event(*sensor, started_at, name);
                       });
  }

 private:
  template <class T>
  static T required(const std::optional<T>& value) {
    if (!value)
      throw std::runtime_error("the table anomaly_events has something that fleet-sim never writes");
    return *value;
  }

  // What the row of an injected one says was so, whether it was asked for or drawn. Others are drawn again.
  [[nodiscard]] model::AnomalyRequest request_of(const postgresql::StoredRuns::Event& event) const {
    model::AnomalyRequest request{.type = required(anomaly_type_of(event.type))};
    request.cause = required(anomaly_cause_of(event.cause));
    if (request.cause != AnomalyCause::injected) return request;
    if (!event.channel.empty()) request.channel = Channel(required(type_.find_channel(event.channel)));
    request.severity = event.severity;
    request.duration = event.duration;
    return request;
  }

  postgresql::StoredRuns runs_;
  std::optional<postgresql::StoredRun> run_;
  const types::Schema& type_;
  std::vector<bool> is_here_;       // by sensor
  std::vector<bool> is_elsewhere_;  // and mainly so
};

}  // namespace

std::optional<ResumableRun> find_stored_run(const config::Config& asked) {
  postgresql::StoredRuns runs = connect(asked);
  const auto here = manifest::find_run(manifest::Paths(asked.data_directory(), asked.fleet.partition).run);
  std::optional<postgresql::StoredRun> run;
  if (here && here->sink == asked.sink.address.text()) run = runs.find(here->run.run_id);
  if (!run) run = runs.find_latest(setting_text(asked, "fleet.partition"));
  if (!run) return std::nullopt;
  if (run->has_losses) {
    refuse_record(run->run_id,
                  "it lost or skipped rows because writing failed or was too slow (table run_losses)");
  }
  return ResumableRun{*run, record_of(runs, *run)};
}

ReadShard stored_shards(const config::Config& config, const tables::RunInfo& run,
                        const identity::Roster& roster, const write::Places& places) {
  return [&](write::Place place, const write::Target& target, const data::FindSensor& find_sensor,
             const write::FoundRows::SensorOf& sensor_of) -> std::unique_ptr<data::FoundShard> {
    std::vector<bool> is_here(roster.size());
    std::vector<bool> is_elsewhere(roster.size());
    for (std::uint32_t identity = 0; identity < roster.size(); ++identity) {
      const bool has_other = sensor_of && identity < sensor_of->size();
      const std::uint32_t sensor = has_other ? (*sensor_of)[identity] : identity;
      if (places[identity] == place) is_here[sensor] = true;
      if (sensor == identity && places[identity] != place) is_elsewhere[sensor] = true;
    }
    return std::make_unique<FoundTable>(connect(config), run, *target.schema, find_sensor, sensor_of,
                                        std::move(is_here), std::move(is_elsewhere));
  };
}

}  // namespace fleet_sim::start
