#include "export/export_readings.h"

#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/block_index.h"
#include "export/slice_reader.h"

namespace fleet_sim::exports {
namespace {

// What one thread reads of a slice. Parts under way: one per thread, one in waiting, and those of the slice
// that is handed over next.
constexpr std::size_t rows_per_part = 32'768;
constexpr SliceLimits part_limits{2 * rows_per_part, std::size_t{24} << 20};

// Opening a shard costs as much as some hundred rows. With many shards a slice is longer, so that they are
// opened less often, and has a part for some of them each.
constexpr std::size_t shards_per_part = 256;
constexpr std::size_t most_parts = 32;

// A block is the least that is read of a shard, and what of it lies outside a slice is read in vain.
constexpr std::size_t blocks_per_shard_and_slice = 8;
constexpr std::size_t least_rows_per_block = 64;

constexpr std::size_t bytes_at_once = std::size_t{1} << 20;  // handed to `take`

std::size_t parts_per_slice(std::size_t shards) {
  return std::clamp<std::size_t>(shards / shards_per_part, 1, most_parts);
}

std::uint32_t rows_per_block(std::size_t shards) {
  const std::size_t rows = parts_per_slice(shards) * rows_per_part / std::max<std::size_t>(1, shards);
  return static_cast<std::uint32_t>(std::max(least_rows_per_block, rows / blocks_per_shard_and_slice));
}

// The readings of a slice that are in some of the shards.
struct Part {
  data::Slice slice;
  bool is_last = false;  // of its slice
  SliceLines read;
};

// Gives the parts of slice after slice, and owns them all, because oneTBB lets go of what is under way when
// something is thrown. They are emptied when they have been handed over; what remains is a hundred bytes
// each.
class Parts {
 public:
  Parts(data::Slices slices, std::size_t per_slice) : slices_(std::move(slices)), per_slice_(per_slice) {}

  // Nothing after the last.
  Part* next() {
    if (next_ == parts_.size() && !begin_slice()) return nullptr;
    return &parts_[next_++];
  }

 private:
  bool begin_slice() {
    const auto slice = slices_.next();
    if (!slice) return false;
    for (std::size_t i = 0; i < per_slice_; ++i) {
      parts_.push_back({{slice->from, slice->to, {}}, i + 1 == per_slice_, {}});
    }
    for (const data::IdRange& range : slice->ranges) {
      parts_[next_ + range.shard % per_slice_].slice.ranges.push_back(range);
    }
    return true;
  }

  data::Slices slices_;
  std::size_t per_slice_;
  std::deque<Part> parts_;
  std::size_t next_ = 0;
};

// Merges the parts of a slice, and hands lines over in pieces of about a megabyte.
class Handover {
 public:
  Handover(const SliceReader& reader, const TakeLines& take) : reader_(reader), take_(take) {}

  void add(std::string_view text) { buffer_ += text; }

  void add(Part& part) {
    parts_.push_back(&part);
    if (part.is_last) add_slice();
  }

  void flush() {
    take_(buffer_, counts_);
    buffer_.clear();
  }

  [[nodiscard]] const ExportCounts& counts() const { return counts_; }

 private:
  // Where some part was too much to be read at once, all of them go on from there.
  void add_slice() {
    for (auto rest = add_before_rest(); rest; rest = add_before_rest()) {
      for (Part* part : parts_) part->read = reader_.read(part->slice, *rest);
    }
    for (Part* part : parts_) Part{std::move(*part)};  // with its memory, which an assignment might keep
    parts_.clear();
  }

  std::optional<Position> add_before_rest() {
    std::optional<Position> rest;
    for (const Part* part : parts_) {
      if (part->read.rest && (!rest || *part->read.rest < *rest)) rest = part->read.rest;
    }
    std::vector<std::size_t> next(parts_.size(), 0);
    for (auto first = first_of(next, rest); first; first = first_of(next, rest)) {
      const SliceLines& read = parts_[*first]->read;
      add(read.text, read.lines[next[*first]++]);
    }
    return rest;
  }

  // The part whose next line comes first, if it comes before the end.
  [[nodiscard]] std::optional<std::size_t> first_of(const std::vector<std::size_t>& next,
                                                    const std::optional<Position>& end) const {
    std::optional<std::size_t> first;
    const auto position = [&](std::size_t i) { return parts_[i]->read.lines[next[i]].position; };
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (next[i] == parts_[i]->read.lines.size()) continue;
      if (!first || position(i) < position(*first)) first = i;
    }
    return first && end && position(*first) >= *end ? std::nullopt : first;
  }

  void add(const std::string& text, const SliceLines::Line& line) {
    buffer_.append(text, line.offset, line.size);
    ++(line.size > 0 ? counts_.rows : counts_.left_out);
    if (buffer_.size() >= bytes_at_once) flush();
  }

  const SliceReader& reader_;
  const TakeLines& take_;
  std::vector<Part*> parts_;  // read, of the slice that is handed over next
  std::string buffer_;
  ExportCounts counts_;
};

Parts plan_parts(const std::vector<data::SourceShard>& shards, const data::Selection& selection) {
  const std::size_t per_slice = parts_per_slice(shards.size());
  std::vector<data::Block> blocks = data::index_readings(shards, selection, rows_per_block(shards.size()));
  return {data::Slices(std::move(blocks), per_slice * rows_per_part), per_slice};
}

}  // namespace

ExportCounts export_readings(const std::vector<data::SourceShard>& shards, const data::Selection& selection,
                             RowFormat format, const TakeLines& take, const CleanReadings* clean) {
  Parts parts = plan_parts(shards, selection);
  const SliceReader reader(shards, selection, format, clean, part_limits);
  Handover handover(reader, take);
  handover.add(reader.header());

  const auto next = [&](tbb::flow_control& control) {
    Part* part = parts.next();
    if (part == nullptr) control.stop();
    return part;
  };
  const auto read = [&](Part* part) {
    constexpr std::int64_t first_id = std::numeric_limits<std::int64_t>::min();
    part->read = reader.read(part->slice, {part->slice.from, 0, first_id});
    return part;
  };
  const auto threads = static_cast<std::size_t>(tbb::this_task_arena::max_concurrency());
  const auto hand_over = [&](Part* part) { handover.add(*part); };
  tbb::parallel_pipeline(threads + 1,
                         tbb::make_filter<void, Part*>(tbb::filter_mode::serial_in_order, next) &
                             tbb::make_filter<Part*, Part*>(tbb::filter_mode::parallel, read) &
                             tbb::make_filter<Part*, void>(tbb::filter_mode::serial_in_order, hand_over));
  handover.flush();
  return handover.counts();
}

}  // namespace fleet_sim::exports
