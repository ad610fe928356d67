// What a schema holds of earlier runs, for one that is to go on with them. Owns a connection. While starting,
// one thread at a time. Throws NoStorage when there is no connection, and std::runtime_error for what the
// server refuses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "batch/reading.h"
#include "postgresql/address.h"
#include "postgresql/connection.h"
#include "tables/run_reloads.h"
#include "tables/schema.h"
#include "types/schema.h"

namespace fleet_sim::postgresql {

struct StoredRun : tables::RunInfo {
  std::int32_t number = 0;
  bool has_losses = false;
};

class StoredRuns {
 public:
  explicit StoredRuns(const Address& address);

  // The latest run of a partition, if there is one.
  std::optional<StoredRun> find_latest(const std::string& partition);
  std::optional<StoredRun> find(const std::string& run_id);

  // Reloads without identities, in their order; and the identities of one or, for 0, of the start: lines of
  // JSON. Nothing where they were not recorded.
  std::vector<tables::RunReload> reloads(std::int32_t run);
  struct Lines {
    std::string identities;
    std::string removed;
  };
  std::optional<Lines> identities(std::int32_t run, std::uint64_t number);

  // From now on no other process commits rows of this run: one that still does has finished its lot, and
  // finds out with the next.
  void take_over(std::int32_t run);

  // Every reading of this type that arrived before is there, once the run has been taken over. The earliest
  // moment when some writer has left nothing.
  Timestamp complete_until(std::int32_t run, const types::Schema& type);

  // The readings of this type that arrived then or later, in any order.
  using OnReading = std::function<void(std::string_view sensor, Timestamp due, Timestamp arrived_at,
                                       std::span<const double>, std::string_view anomaly)>;
  void readings(std::int32_t run, const types::Schema& type, Timestamp since, const OnReading& on_reading);

  // All events, of sensors of any type.
  struct Event {
    std::string_view sensor;
    std::string_view type;
    std::string_view cause;
    std::string_view channel;  // empty: none
    Timestamp started_at = 0;
    Timestamp ended_at = latest_timestamp;  // that: not yet
    std::optional<double> severity = {};
    std::optional<Microseconds> duration = {};
  };
  void events(std::int32_t run, const std::function<void(const Event&)>& on_event);
  // What delivery did to readings that were due or arrived at `moment` or later; and what tells what waited
  // then: all holds, and the late readings that arrived then or later. By due time; that a hold was drained
  // follows the hold.
  struct FoundDelivery {
    std::string_view sensor;
    batch::Delivery::Kind kind;
    Timestamp due;
    std::optional<Timestamp> arrived_at;
    std::uint64_t sequence;
  };
  using OnDelivery = std::function<void(const FoundDelivery&)>;
  void deliveries(std::int32_t run, Timestamp moment, const OnDelivery& on_delivery);
  void waiting(std::int32_t run, Timestamp moment, const OnDelivery& on_delivery);
  // Those of the fleet that began then or later, each as its sensor, its time and the name of its entry.
  using OnFleetEvent =
      std::function<void(std::string_view sensor, Timestamp started_at, std::string_view name)>;
  void fleet_events(std::int32_t run, Timestamp since, const OnFleetEvent& on_event);

 private:
  void deliveries(std::int32_t run, std::string_view which, Timestamp moment, const OnDelivery& on_delivery);
  std::optional<StoredRun> find_run(const std::string& condition, const Parameters& parameters);
  bool is_there(std::string_view table);
  void run(const std::string& sql, const Parameters& parameters, const Connection::OnRow& on_row);
  [[nodiscard]] std::string table(std::string_view name) const;

  Address address_;
  Connection connection_;
};

}  // namespace fleet_sim::postgresql
