#include "data/rows_in_span.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <vector>

#include "base/cadence.h"
#include "data/data_directory.h"
#include "tables/database.h"

namespace fleet_sim::data {
namespace {

constexpr std::uint64_t most_looks = 1'024;  // per file, beside two for each of its runs
constexpr std::uint64_t fewest_ids_between_looks = 4'096;

// Of those in the span: so many from its start on, which show every sensor of a shard in turn, and so many
// spread over the rest.
constexpr std::int64_t most_rows_in_a_row = 100'000;
constexpr std::int64_t most_rows_spread = 65'536;

struct Look {
  std::int64_t id;
  Timestamp at;
};

// Rows between two looks, and when they were due.
struct Stretch {
  std::int64_t first_id;
  std::int64_t last_id;
  Timestamp earliest;
  Timestamp latest;
};

// A run may begin anywhere in time, so that its first row and the one before it are looked at too.
std::vector<std::int64_t> ids_to_look_at(tables::Database& shard, ReadingIds ids) {
  std::vector<std::int64_t> places;
  const auto span = static_cast<std::uint64_t>(ids.last) - static_cast<std::uint64_t>(ids.first);
  const std::uint64_t step = std::max(fewest_ids_between_looks, span / most_looks + 1);
  for (std::uint64_t offset = 0; offset < span; offset += std::min(step, span - offset)) {
    places.push_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(ids.first) + offset));
  }
  places.push_back(ids.last);
  const auto add_run = [&](const tables::Statement& row) {
    const std::int64_t first = row.integer(0);
    if (first <= ids.first || first > ids.last) return;
    places.insert(places.end(), {first - 1, first});
  };
  // An older file does not say where its runs begin.
  (void)shard.query("SELECT first_reading_id FROM run_info WHERE first_reading_id IS NOT NULL", add_run);
  std::ranges::sort(places);
  const auto twice = std::ranges::unique(places);
  places.erase(twice.begin(), twice.end());
  return places;
}

std::vector<Look> look_along(tables::Database& shard, ReadingIds ids, const std::filesystem::path& file) {
  tables::Statement row = prepare_query(
      shard, "SELECT id, timestamp FROM sensor_readings WHERE id >= ?1 ORDER BY id LIMIT 1", file);
  std::vector<Look> looks;
  for (const std::int64_t id : ids_to_look_at(shard, ids)) {
    row.reset();
    row.bind(1, id);
    if (!next_row(row, shard, file)) break;
    if (const auto at = parse_timestamp(row.text(1))) looks.push_back({row.integer(0), *at});
  }
  return looks;
}

std::vector<Stretch> stretches_in_span(const std::vector<Look>& looks, Timestamp from, Timestamp to) {
  std::vector<Stretch> stretches;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    const Look& here = looks[i];
    const Look& there = looks[std::min(i + 1, looks.size() - 1)];
    const Stretch stretch{here.id, there.id, std::min(here.at, there.at), std::max(here.at, there.at)};
    if (stretch.latest + longest_window >= from && stretch.earliest - longest_window < to)
      stretches.push_back(stretch);
  }
  return stretches;
}

// Reads rows of the span until one of a sensor that is asked for turns up.
class Search {
 public:
  Search(const std::filesystem::path& file, Timestamp from, Timestamp to,
         const std::function<bool(std::string_view)>& is_asked_for)
      : file_(file),
        from_(from),
        to_(to),
        from_text_(timestamp_text(std::max(from, earliest_timestamp))),
        to_text_(timestamp_text(std::min(to, latest_timestamp))),
        is_asked_for_(is_asked_for) {}

  std::optional<RowsInSpan> run() {
    tables::Database shard = open_shard(file_);
    const auto ids = find_reading_ids(shard, file_);
    if (!ids) return std::nullopt;
    const std::vector<Stretch> stretches = stretches_in_span(look_along(shard, *ids, file_), from_, to_);
    if (stretches.empty()) return std::nullopt;
    const std::int64_t spread =
        std::max<std::int64_t>(1, most_rows_spread / static_cast<std::int64_t>(stretches.size()));
    tables::Statement row = prepare_query(
        shard,
        "SELECT timestamp, sensor_id FROM sensor_readings WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3",
        file_);
    for (const Stretch& stretch : stretches) {
      row.reset();
      row.bind(1, stretch.first_id);
      row.bind(2, stretch.last_id);
      row.bind(3, std::max(spread, most_rows_in_a_row - rows_read_));
      while (next_row(row, shard, file_)) {
        ++rows_read_;
        if (!is_meant(row)) continue;
        return found(std::string(row.text(1)), *parse_timestamp(row.text(0)), stretches);
      }
    }
    return std::nullopt;
  }

 private:
  // Texts of fixed width sort as their times do.
  bool is_meant(const tables::Statement& row) const {
    const std::string_view at = row.text(0);
    return at >= from_text_ && at < to_text_ && is_asked_for_(row.text(1)) && parse_timestamp(at);
  }

  RowsInSpan found(std::string sensor_id, Timestamp at, const std::vector<Stretch>& stretches) const {
    RowsInSpan rows{file_, std::move(sensor_id), at, at};
    for (const Stretch& stretch : stretches) {
      rows.first = std::min(rows.first, std::max(stretch.earliest, from_));
      rows.last = std::max(rows.last, std::min(stretch.latest, to_));
    }
    return rows;
  }

  const std::filesystem::path& file_;
  Timestamp from_;
  Timestamp to_;
  std::string from_text_;
  std::string to_text_;
  const std::function<bool(std::string_view)>& is_asked_for_;
  std::int64_t rows_read_ = 0;
};

}  // namespace

std::optional<RowsInSpan> find_rows_in_span(const std::filesystem::path& directory, Timestamp from,
                                            Timestamp to,
                                            const std::function<bool(std::string_view)>& is_asked_for) {
  const std::vector<std::filesystem::path> files = list_shards(directory);
  std::vector<std::optional<RowsInSpan>> found(files.size());
  tbb::parallel_for(std::size_t{0}, files.size(), [&](std::size_t i) {
    try {
      found[i] = Search(files[i], from, to, is_asked_for).run();
    } catch (const std::exception&) {
      // Somebody else's file, or one that is damaged: whoever has to write to it says so.
    }
  });
  const auto first = std::ranges::find_if(found, [](const auto& one) { return one.has_value(); });
  return first == found.end() ? std::nullopt : *first;
}

}  // namespace fleet_sim::data
