#include "data/block_index.h"

#include <fmt/format.h>
#include <tbb/concurrent_vector.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <utility>

namespace fleet_sim::data {
namespace {

// A large shard is read in several pieces at once.
constexpr std::uint64_t ids_per_piece = 500'000;
constexpr std::uint64_t most_pieces = 64;

std::vector<IdRange> pieces_of(const SourceShard& shard, std::uint32_t number) {
  if (!shard.has_readings) return {};
  tables::Database database = open(shard);
  const auto ids = find_reading_ids(database, shard.file);
  if (!ids) return {};
  const auto first = static_cast<std::uint64_t>(ids->first);
  const std::uint64_t span = static_cast<std::uint64_t>(ids->last) - first;  // may exceed a signed number
  const std::uint64_t count = std::clamp<std::uint64_t>(span / ids_per_piece, 1, most_pieces);
  std::vector<IdRange> pieces;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t begin = first + span / count * i + (i > 0 ? 1 : 0);
    const std::uint64_t end = i + 1 < count ? first + span / count * (i + 1) : first + span;
    pieces.push_back({number, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end)});
  }
  return pieces;
}

std::vector<Block> blocks_of(const SourceShard& shard, const IdRange& piece, const Selection& selection,
                             std::uint32_t rows_per_block) {
  tables::Database database = open(shard);
  tables::Statement row = prepare_query(
      database,
      fmt::format("SELECT id, timestamp FROM sensor_readings WHERE id BETWEEN ?1 AND ?2{} ORDER BY id",
                  condition_of(selection, 3)),
      shard.file);
  row.bind(1, piece.first);
  row.bind(2, piece.last);
  bind(row, selection, 3);
  TimestampReader reader;
  std::vector<Block> blocks;
  while (next_row(row, database, shard.file)) {
    const Timestamp at = moment_of_reading(row, reader, shard);
    if (at < selection.from || at >= selection.to) continue;
    const std::int64_t id = row.integer(0);
    if (blocks.empty() || blocks.back().rows == rows_per_block)
      blocks.push_back({piece.shard, 0, id, id, at, at});
    Block& block = blocks.back();
    ++block.rows;
    block.last_id = id;
    block.first = std::min(block.first, at);
    block.last = std::max(block.last, at);
  }
  return blocks;
}

// From `at` on there are so many readings more, or fewer, per microsecond.
struct Step {
  Timestamp at;
  double change;
};

std::vector<Step> steps_of(std::span<const Block> blocks) {
  std::vector<Step> steps;
  steps.reserve(2 * blocks.size());
  for (const Block& block : blocks) {
    const double density = block.rows / static_cast<double>(block.last - block.first + 1);
    steps.push_back({block.first, density});
    steps.push_back({block.last + 1, -density});
  }
  std::ranges::sort(steps, {}, &Step::at);
  return steps;
}

// The moments at which another `rows_per_slice` readings have passed, and the end.
std::vector<Timestamp> cuts_of(std::span<const Block> blocks, double rows_per_slice) {
  std::vector<Timestamp> cuts;
  double density = 0;
  double rows = 0;  // since the last cut
  Timestamp at = 0;
  for (const Step& step : steps_of(blocks)) {
    while (rows + density * static_cast<double>(step.at - at) >= rows_per_slice) {
      const double until_cut = std::max(1.0, (rows_per_slice - rows) / density);
      at = std::min(at + static_cast<Timestamp>(until_cut), step.at);
      cuts.push_back(at);
      rows = 0;
    }
    rows += density * static_cast<double>(step.at - at);
    density = std::max(0.0, density + step.change);
    at = step.at;
  }
  if (!blocks.empty()) cuts.push_back(at);
  return cuts;
}

// Sorted, and neighbors made one.
std::vector<IdRange> ranges_of(const std::vector<Block>& blocks, const std::vector<std::size_t>& chosen) {
  std::vector<IdRange> ranges;
  for (const std::size_t i : chosen) {
    ranges.push_back({blocks[i].shard, blocks[i].first_id, blocks[i].last_id});
  }
  std::ranges::sort(ranges, {}, [](const IdRange& range) { return std::pair(range.shard, range.first); });
  std::vector<IdRange> joined;
  for (const IdRange& range : ranges) {
    const bool follows =
        !joined.empty() && joined.back().shard == range.shard && joined.back().last == range.first - 1;
    if (follows) {
      joined.back().last = range.last;
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

}  // namespace

std::vector<Block> index_readings(const std::vector<SourceShard>& shards, const Selection& selection,
                                  std::uint32_t rows_per_block) {
  tbb::concurrent_vector<IdRange> pieces;
  tbb::parallel_for(std::size_t{0}, shards.size(), [&](std::size_t i) {
    for (const IdRange& piece : pieces_of(shards[i], static_cast<std::uint32_t>(i))) pieces.push_back(piece);
  });
  std::vector<std::vector<Block>> found(pieces.size());
  tbb::parallel_for(std::size_t{0}, pieces.size(), [&](std::size_t i) {
    found[i] = blocks_of(shards[pieces[i].shard], pieces[i], selection, rows_per_block);
  });
  std::vector<Block> blocks;
  for (std::vector<Block>& some : found) {
    blocks.insert(blocks.end(), some.begin(), some.end());
    std::vector<Block>().swap(some);
  }
  return blocks;
}

Slices::Slices(std::vector<Block> blocks, std::uint64_t rows_per_slice)
    : blocks_(std::move(blocks)), cuts_(cuts_of(blocks_, static_cast<double>(rows_per_slice))) {
  std::ranges::sort(blocks_, {}, &Block::first);
}

std::optional<Slice> Slices::next() {
  if (next_cut_ == cuts_.size()) return std::nullopt;
  Slice slice;
  slice.from = next_cut_ == 0 ? blocks_.front().first : cuts_[next_cut_ - 1];
  slice.to = cuts_[next_cut_++];
  while (next_block_ < blocks_.size() && blocks_[next_block_].first < slice.to)
    open_.push_back(next_block_++);
  slice.ranges = ranges_of(blocks_, open_);
  std::erase_if(open_, [&](std::size_t i) { return blocks_[i].last < slice.to; });
  return slice;
}

}  // namespace fleet_sim::data
