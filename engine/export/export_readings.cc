#include "export/export_readings.h"

#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "export/block_index.h"
#include "export/slice_reader.h"

namespace fleet_sim {
namespace {

// Opening a shard costs about as much as a hundred rows, so that with many shards a slice has to be long to
// be worth it; its rows are what memory has to hold, and several slices are under way.
constexpr std::size_t least_rows_per_slice = 32'768;
constexpr std::size_t most_rows_per_slice = 262'144;
constexpr std::size_t rows_per_shard_and_slice = 256;
constexpr std::size_t most_bytes_per_slice = std::size_t{96} << 20;

// A block is the least that is read of a shard, and the part of it that lies outside a slice is read in vain.
constexpr std::size_t blocks_per_shard_and_slice = 8;
constexpr std::size_t least_rows_per_block = 64;

constexpr std::size_t bytes_at_once = std::size_t{1} << 20;  // handed to `take`

std::size_t rows_per_slice(std::size_t shards) {
  return std::clamp(shards * rows_per_shard_and_slice, least_rows_per_slice, most_rows_per_slice);
}

std::size_t rows_per_block(std::size_t shards) {
  return std::max(least_rows_per_block, rows_per_slice(shards) / shards / blocks_per_shard_and_slice);
}

struct ReadSlice {
  Slice slice;
  SliceLines lines;
};

Position begin_of(const Slice& slice) {
  return {slice.from, 0, std::numeric_limits<std::int64_t>::min()};
}

// Hands lines over in pieces of about a megabyte.
class Handover {
 public:
  explicit Handover(const TakeLines& take) : take_(take) {}

  void add(const SliceLines& slice) {
    for (const SliceLines::Line& line : slice.lines) {
      buffer_.append(slice.text, line.offset, line.size);
      ++(line.size > 0 ? counts_.rows : counts_.left_out);
      if (buffer_.size() >= bytes_at_once) flush();
    }
  }

  void add(std::string_view text) { buffer_ += text; }

  void flush() {
    take_(buffer_, counts_);
    buffer_.clear();
  }

  [[nodiscard]] const ExportCounts& counts() const { return counts_; }

 private:
  const TakeLines& take_;
  std::string buffer_;
  ExportCounts counts_;
};

// The slice, and what was too much to be read at once.
void add_whole(Handover& handover, const SliceReader& reader, const ReadSlice& read) {
  handover.add(read.lines);
  for (std::optional<Position> rest = read.lines.rest; rest;) {
    const SliceLines more = reader.read(read.slice, *rest);
    handover.add(more);
    rest = more.rest;
  }
}

}  // namespace

ExportCounts export_readings(const std::vector<SourceShard>& shards, const Selection& selection,
                             RowFormat format, const TakeLines& take) {
  const std::size_t shard_count = std::max<std::size_t>(1, shards.size());
  const std::size_t rows = rows_per_slice(shard_count);
  Slices slices(index_readings(shards, selection, static_cast<std::uint32_t>(rows_per_block(shard_count))),
                rows);
  const SliceReader reader(shards, selection, format, {rows, most_bytes_per_slice});
  Handover handover(take);
  handover.add(header_of(format));

  const auto plan = [&](tbb::flow_control& control) {
    auto slice = slices.next();
    if (!slice) control.stop();
    return std::make_shared<ReadSlice>(ReadSlice{slice ? std::move(*slice) : Slice{}, {}});
  };
  const auto read = [&](std::shared_ptr<ReadSlice> one) {
    one->lines = reader.read(one->slice, begin_of(one->slice));
    return one;
  };
  const auto hand_over = [&](const std::shared_ptr<ReadSlice>& one) { add_whole(handover, reader, *one); };

  using Token = std::shared_ptr<ReadSlice>;
  const auto threads = static_cast<std::size_t>(tbb::this_task_arena::max_concurrency());
  tbb::parallel_pipeline(threads + 1,
                         tbb::make_filter<void, Token>(tbb::filter_mode::serial_in_order, plan) &
                             tbb::make_filter<Token, Token>(tbb::filter_mode::parallel, read) &
                             tbb::make_filter<Token, void>(tbb::filter_mode::serial_in_order, hand_over));
  handover.flush();
  return handover.counts();
}

}  // namespace fleet_sim
