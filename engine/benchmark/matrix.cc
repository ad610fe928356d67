#include "benchmark/matrix.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace fleet_sim::benchmark {
namespace {

// Calls with each member of a cell and the list of its values.
template <class Visit>
void for_each_list(const BenchMatrix& matrix, const Visit& visit) {
  visit(&BenchCell::shards, matrix.shards);
  visit(&BenchCell::writers, matrix.writers);
  visit(&BenchCell::batch_size, matrix.batch_sizes);
  visit(&BenchCell::synchronous, matrix.synchronous);
  visit(&BenchCell::unsynced_index, matrix.unsynced_index);
  visit(&BenchCell::collectors, matrix.collectors);
  visit(&BenchCell::queries, matrix.queries);
  visit(&BenchCell::page_size, matrix.page_sizes);
  visit(&BenchCell::layout, matrix.layouts);
  visit(&BenchCell::rate, matrix.rates);
}

BenchCell base_cell(const BenchMatrix& matrix, const config::SinkAddress& sink) {
  BenchCell cell;
  cell.sink = sink;
  for_each_list(matrix, [&](auto field, const auto& values) { cell.*field = values.front(); });
  return cell;
}

// What a sink does not have is the same in all of its cells.
BenchCell as_measured(BenchCell cell) {
  if (cell.fills_files()) return cell;
  BenchCell plain;
  plain.writers = cell.writers;
  plain.batch_size = cell.batch_size;
  plain.rate = cell.rate;
  plain.sink = cell.sink;
  return plain;
}

void add(ExpandedMatrix& expanded, const BenchCell& varied) {
  const BenchCell cell = as_measured(varied);
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

constexpr std::size_t first_rare_word = 7;  // from there on, only what is not as usual is said of a cell

// In words, in the order of the columns; empty for what its sink does not have.
std::array<std::string, 11> words(const BenchCell& cell) {
  const bool files = cell.fills_files();
  return {cell.sink.text(),
          files ? counted(cell.shards, "shard") : "",
          counted(cell.writers, "writer"),
          fmt::format("batch {}", cell.batch_size),
          files ? fmt::format("synchronous {}", name_of(cell.synchronous)) : "",
          files ? (cell.unsynced_index ? "index" : "no index") : "",
          files ? counted(cell.collectors, "collector") : "",
          files ? fmt::format("queries {}", cell.queries) : "",
          files ? fmt::format("page size {}", cell.page_size) : "",
          files ? std::string(name_of(cell.layout)) : "",
          cell.rate ? fmt::format("{} readings/s", grouped(static_cast<std::uint64_t>(*cell.rate))) : ""};
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

ExpandedMatrix vary_one_at_a_time(const BenchMatrix& matrix) {
  ExpandedMatrix expanded;
  for (const config::SinkAddress& sink : matrix.sinks) {
    const std::vector<BenchCell> base{base_cell(matrix, sink)};
    for_each_list(matrix, [&](auto field, const auto& values) {
      const std::vector<BenchCell> varied = times(base, field, values);
      for (const BenchCell& cell : times(varied, &BenchCell::queries, matrix.queries)) add(expanded, cell);
    });
  }
  return expanded;
}

ExpandedMatrix cross_product(const BenchMatrix& matrix) {
  ExpandedMatrix expanded;
  for (const config::SinkAddress& sink : matrix.sinks) {
    std::vector<BenchCell> cells{base_cell(matrix, sink)};
    for_each_list(matrix, [&](auto field, const auto& values) { cells = times(cells, field, values); });
    for (const BenchCell& cell : cells) add(expanded, cell);
  }
  return expanded;
}

std::string why_left_out(const BenchCell& cell) {
  // Collectors have each of their files open, three descriptors, beside the writers; a process may have
  // 1,024.
  constexpr std::uint32_t most_collected_shards = 100;
  if (cell.sink.sink == config::Sink::text && cell.writers > 1) return "a sink of text has one writer";
  if (!cell.fills_files()) return {};
  if (cell.writers > cell.shards) return "more writers than shards";
  if (cell.shards <= most_collected_shards || (cell.collectors == 0 && cell.queries == 0)) return {};
  return fmt::format("{} keep all shards open, so at most {} are allowed",
                     cell.collectors > 0 ? "collectors" : "queries", most_collected_shards);
}

std::string_view name_of(config::Synchronous synchronous) {
  constexpr std::array<std::string_view, 3> names{"off", "normal", "full"};
  return names[static_cast<std::size_t>(synchronous)];
}

std::string_view name_of(config::Layout layout) {
  return layout == config::Layout::wide ? "wide" : "compact";
}

std::string cell_text(const BenchCell& cell) {
  const auto all = words(cell);
  const auto usual = words(BenchCell{});
  std::vector<std::string> said;
  for (std::size_t i = cell.fills_files() ? 1 : 0; i < all.size(); ++i) {
    const bool is_rare = i >= first_rare_word && all[i] == usual[i];
    if (!all[i].empty() && !is_rare) said.push_back(all[i]);
  }
  return joined(said);
}

std::string difference_text(const BenchCell& cell, const BenchCell& base) {
  const auto ours = words(cell);
  const auto theirs = words(base);
  std::vector<std::string> differences;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (ours[i] != theirs[i] && !ours[i].empty()) differences.push_back(ours[i]);
  }
  return differences.empty() ? "base" : joined(differences);
}

}  // namespace fleet_sim::benchmark
