#include "benchmark/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fleet_sim::benchmark {
namespace {

BenchCell base_cell(const BenchMatrix& matrix) {
  return {matrix.shards.front(),      matrix.writers.front(),        matrix.batch_sizes.front(),
          matrix.synchronous.front(), matrix.unsynced_index.front(), matrix.collectors.front()};
}

void add(ExpandedMatrix& expanded, const BenchCell& cell) {
  auto& list = why_left_out(cell).empty() ? expanded.cells : expanded.left_out;
  if (std::ranges::find(list, cell) == list.end()) list.push_back(cell);
}

// The cells, each once more for every value of one list.
template <class Value>
std::vector<BenchCell> times(const std::vector<BenchCell>& cells, Value BenchCell::*field,
                             const std::vector<Value>& values) {
  std::vector<BenchCell> all;
  for (BenchCell cell : cells) {
    for (const Value value : values) {
      cell.*field = value;
      all.push_back(cell);
    }
  }
  return all;
}

std::string counted(std::uint32_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// In words, in the order of the columns.
std::array<std::string, 6> words(const BenchCell& cell) {
  return {counted(cell.shards, "shard"),
          counted(cell.writers, "writer"),
          fmt::format("batch {}", cell.batch_size),
          fmt::format("synchronous {}", name_of(cell.synchronous)),
          cell.unsynced_index ? "index" : "no index",
          counted(cell.collectors, "collector")};
}

}  // namespace

ExpandedMatrix vary_one_at_a_time(const BenchMatrix& matrix) {
  ExpandedMatrix expanded;
  const std::vector<BenchCell> base{base_cell(matrix)};
  const auto vary = [&](auto field, const auto& values) {
    for (const BenchCell& cell : times(base, field, values)) add(expanded, cell);
  };
  vary(&BenchCell::shards, matrix.shards);
  vary(&BenchCell::writers, matrix.writers);
  vary(&BenchCell::batch_size, matrix.batch_sizes);
  vary(&BenchCell::synchronous, matrix.synchronous);
  vary(&BenchCell::unsynced_index, matrix.unsynced_index);
  vary(&BenchCell::collectors, matrix.collectors);
  return expanded;
}

ExpandedMatrix cross_product(const BenchMatrix& matrix) {
  std::vector<BenchCell> cells{base_cell(matrix)};
  cells = times(cells, &BenchCell::shards, matrix.shards);
  cells = times(cells, &BenchCell::writers, matrix.writers);
  cells = times(cells, &BenchCell::batch_size, matrix.batch_sizes);
  cells = times(cells, &BenchCell::synchronous, matrix.synchronous);
  cells = times(cells, &BenchCell::unsynced_index, matrix.unsynced_index);
  cells = times(cells, &BenchCell::collectors, matrix.collectors);
  ExpandedMatrix expanded;
  for (const BenchCell& cell : cells) add(expanded, cell);
  return expanded;
}

std::string why_left_out(const BenchCell& cell) {
  // Collectors have each of their files open, three descriptors, beside the writers; a process may have
  // 1,024.
  constexpr std::uint32_t most_collected_shards = 100;
  if (cell.writers > cell.shards) return "more writers than shards";
  if (cell.collectors == 0 || cell.shards <= most_collected_shards) return {};
  return fmt::format("collectors keep all shards open, so at most {} are allowed", most_collected_shards);
}

std::string_view name_of(config::Synchronous synchronous) {
  constexpr std::array<std::string_view, 3> names{"off", "normal", "full"};
  return names[static_cast<std::size_t>(synchronous)];
}

std::string cell_text(const BenchCell& cell) {
  return fmt::format("{}", fmt::join(words(cell), ", "));
}

std::string difference_text(const BenchCell& cell, const BenchCell& base) {
  const auto ours = words(cell);
  const auto theirs = words(base);
  std::vector<std::string> differences;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (ours[i] != theirs[i]) differences.push_back(ours[i]);
  }
  return differences.empty() ? "base" : fmt::format("{}", fmt::join(differences, ", "));
}

}  // namespace fleet_sim::benchmark
