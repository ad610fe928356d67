// What `fleet-sim bench` varies: a cell is one way to write, a matrix the lists of values its cells are made
// of. Values only; any thread; nothing fails but memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace fleet_sim::benchmark {

struct BenchCell {
  std::uint32_t shards = 1;
  std::uint32_t writers = 1;
  std::uint32_t batch_size = 1;
  config::Synchronous synchronous = config::Synchronous::normal;
  bool unsynced_index = true;
  std::uint32_t collectors = 0;  // at work while the cell is measured, as are …
  std::uint32_t queries = 0;     // … so many who ask
  std::uint32_t page_size = config::usual_page_size;
  config::Layout layout = config::Layout::wide;
  std::optional<double> rate = {};  // readings per second over all sensors; none: as many as possible
  config::SinkAddress sink = {};

  // Whether it fills files of SQLite. Other sinks have only writers, batch and rate.
  [[nodiscard]] bool fills_files() const { return sink.sink == config::Sink::sqlite; }

  bool operator==(const BenchCell&) const = default;
};

// Each list has at least one value; the first ones make the base cell. Every sink has the same cells, as far
// as it can.
struct BenchMatrix {
  std::vector<std::uint32_t> shards;
  std::vector<std::uint32_t> writers;
  std::vector<std::uint32_t> batch_sizes;
  std::vector<config::Synchronous> synchronous;
  std::vector<bool> unsynced_index;
  std::vector<std::uint32_t> collectors;
  std::vector<std::uint32_t> queries{0};
  std::vector<std::uint32_t> page_sizes{config::usual_page_size};
  std::vector<config::Layout> layouts{config::Layout::wide};
  std::vector<std::optional<double>> rates{std::nullopt};
  std::vector<config::SinkAddress> sinks{config::SinkAddress{}};

  bool operator==(const BenchMatrix&) const = default;
};

struct ExpandedMatrix {
  std::vector<BenchCell> cells;     // each once; the base cell first
  std::vector<BenchCell> left_out;  // those that cannot be measured
};

// Why a cell cannot be measured; empty when it can.
std::string why_left_out(const BenchCell& cell);

// The base cell, and from there one list at a time: few cells, each showing what one setting does; each with
// every number of queries. Of each sink, one after the other.
ExpandedMatrix vary_one_at_a_time(const BenchMatrix& matrix);

// Every combination.
ExpandedMatrix cross_product(const BenchMatrix& matrix);

std::string_view name_of(config::Synchronous synchronous);
std::string_view name_of(config::Layout layout);

// "16 shards, 1 writer, batch 5000, synchronous normal, index, 0 collectors", then what few cells have, or
// "ndjson:-, 1 writer, batch 5000"
std::string cell_text(const BenchCell& cell);

// How a cell differs from the base: "2 writers, no index"; "base" if it does not.
std::string difference_text(const BenchCell& cell, const BenchCell& base);

}  // namespace fleet_sim::benchmark
