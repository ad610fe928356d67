// All shards put together: what each sensor has, whichever shards it lies in, and the groups that follow from
// it. 48 bytes and an id for each sensor. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "course/course.h"
#include "report/read_shard.h"
#include "report/report.h"
#include "report/tally.h"
#include "report/text_index.h"

namespace fleet_sim::report {

class FleetTally {
 public:
  // Borrows the course.
  explicit FleetTally(const course::Course& course) : course_(course), slots_(course.slots.size()) {}

  // Adds a shard, and returns what the report says about it.
  ReportShard add(const std::string& file, const ReadShard& shard);

  // The shards that may hold a reading twice or share one with another shard, by the order in which they were
  // added.
  [[nodiscard]] std::vector<std::size_t> shards_with_repeats();

  // Puts figures for the whole and for every group into the report. Called once, after the last shard.
  void complete(Report& report);

 private:
  // What is alike in many readings: their traits, and so all groups they belong to.
  struct Kind {
    std::string sensor_type;
    std::string firmware;
    std::string model;
    std::string manufacturer;
    std::string location_class;
    std::uint64_t readings = 0;
    std::uint64_t missing = 0;
    std::uint64_t injected = 0;
    std::uint64_t synced = 0;
    PerAnomalyType<std::uint64_t> anomalous{};
    PerAnomalyType<double> expected{};   // readings
    std::uint64_t with_expectation = 0;  // due readings
    VariedSensor varied;
  };

  // A sensor's readings of one kind in one shard.
  struct Member {
    std::uint32_t sensor;
    std::uint32_t kind;
    std::uint64_t due;
    std::uint64_t anomalous;
  };

  // When a sensor has readings in one shard.
  struct Stay {
    std::uint32_t sensor;
    std::uint32_t shard;
    Timestamp first;
    Timestamp last;
  };

  using NameOf = std::function<std::string(const Kind&)>;

  // The number of the kind that each of a tally's combinations belongs to.
  std::vector<std::uint32_t> kinds_of(const ReadShard& shard);
  std::uint32_t kind_of(const std::string& sensor_type, const Traits& traits, const config::Config& config);
  void add_cell(const Cell& cell, const PerAnomalyType<std::uint64_t>& missing, std::uint32_t kind,
                std::uint32_t sensor);
  // Returns what share is expected of each strand of the shard; none where that is not known.
  std::vector<std::optional<double>> add_expectation(const ReadShard& shard,
                                                     std::span<const std::uint32_t> kinds,
                                                     std::span<const PerAnomalyType<std::uint64_t>> missing);
  void add_slots(const ReadShard& shard, std::span<const std::optional<double>> expected);
  [[nodiscard]] OverTime over_time() const;
  void offer(const Cell& cell, const PerAnomalyType<std::uint64_t>& missing, std::uint32_t kind,
             const std::string& file, const ReadingTally& tally);
  void add_stays(const ReadingTally& tally);
  void add_daily(const ReadShard& shard);
  [[nodiscard]] std::vector<VariedSensor> most_varied() const;
  [[nodiscard]] std::vector<ReportGroup> group_by(const NameOf& name) const;

  TextIndex sensors_;
  std::vector<Member> members_;
  std::vector<Stay> stays_;
  std::vector<bool> goes_back_;  // by shard
  std::map<std::vector<std::string>, std::uint32_t> number_of_kind_;
  std::vector<Kind> kinds_;
  data::ExpectedShares shares_;
  std::vector<TypicalDay> daily_;
  EventTally events_;
  MissingData missing_;
  DeliveryTally delivery_;
  GapTally gaps_;
  const course::Course& course_;
  std::vector<std::map<std::string, FirmwareShare, std::less<>>> slots_;  // by firmware
};

}  // namespace fleet_sim::report
