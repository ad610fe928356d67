#include "audit/audit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_pipeline.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include "audit/missing.h"
#include "base/histogram.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"

namespace fleet_sim::audit {
namespace {

constexpr std::uint64_t least_to_tell = 10;   // rows that show whose they are
constexpr std::size_t blocks_per_thread = 3;  // of half a megabyte, with what was found in them

// The rows of a block on its way.
struct Work {
  TextBlock text;
  ExaminedBlock examined;
};

// What is counted of a sensor while rows come.
struct Seen {
  std::uint64_t last = 0;  // number of the latest reading so far, and one more
  std::uint64_t out_of_order = 0;
  // None of the readings from here to there is waited for: each has come, or has no row.
  std::uint64_t full_from = 0;
  std::uint64_t full_to = 0;
  std::uint32_t duplicate = 0;
  std::uint32_t altered = 0;
  std::uint32_t unexpected = 0;
};

// Takes note of rows in their order. One thread.
class Tally {
 public:
  explicit Tally(const Expectation& expected)
      : expected_(expected), bits_((expected.bits() + 63) / 64), seen_(expected.tracks().size()) {}

  void add(const ExaminedBlock& block) {
    for (const ExaminedRow& row : block.rows) add(row);
    altered_columns_.resize(block.altered_columns.size());
    for (std::size_t slot = 0; slot < altered_columns_.size(); ++slot)
      altered_columns_[slot] += block.altered_columns[slot];
    keep(block.altered, verdict_.altered);
    keep(block.strangers, verdict_.strangers);
    for (const Finding& one : block.strangers) {
      if (one.expected == stranger_names[static_cast<std::size_t>(Stranger::no_sensor)] &&
          unknown_.size() < most_findings)
        unknown_.insert(one.sensor);
    }
  }

  [[nodiscard]] std::uint64_t rows() const { return verdict_.rows_read; }
  // How many readings.
  [[nodiscard]] std::uint64_t came() const { return came_; }

  // From here on, the times of rows that do not say which reading they are of.
  void take_as_rounded() {
    are_rounded_ = true;
    if (!delays_) return;
    const auto before = std::exchange(delays_, std::make_shared<Histogram>());
    delays_->merge(*before);
  }
  [[nodiscard]] static bool depends_on_rounding(const ExaminedBlock& block) {
    return std::ranges::any_of(block.rows,
                               [](const ExaminedRow& row) { return row.choices > 1 && row.at.unit > 1; });
  }

  // The run cannot be made again without all of its sensors. Which ones the record has lost, rows may say.
  void demand_sensors() const {
    for (const history::RunPart& part : expected_.parts()) {
      if (part.sensors_lost.empty()) continue;
      throw InvalidInput(
          part.sensors_lost +
          (unknown_.empty() ? "; which ones it lacks cannot be known, for no row names any"
                            : fmt::format("; the rows have {}, which it lacks", fmt::join(unknown_, ", "))));
    }
  }
  // Throws InvalidInput where no row has anything to do with the run.
  void demand_rows_of_run(const std::string& name) const {
    if (verdict_.rows_read < least_to_tell || foreign_ + verdict_.total.unexpected < verdict_.rows_read)
      return;
    const auto nameless = verdict_.stranger_counts[static_cast<std::size_t>(Stranger::no_sensor)];
    std::string_view why = "no sensor has a reading at their times";
    if (foreign_ > 0) why = "no value is that of the reading at its time";
    if (nameless == verdict_.rows_read) why = "the run has no sensor of their names";
    throw InvalidInput(
        fmt::format("{}: none of its {} is of this run: {}", name, counted(verdict_.rows_read, "row"), why));
  }

  Verdict conclude(const std::vector<RowSource>& sources) {
    MissingRows missing = find_missing(expected_, bits_);
    count_by_sensor(missing);
    count_by_location(missing);
    count_by_hour(missing);
    verdict_.picture = std::move(missing.picture);
    verdict_.gaps = std::move(missing.gaps);
    verdict_.gap_count = missing.gap_count;
    note_not_produced(missing);
    for (std::size_t slot = 0; slot < altered_columns_.size(); ++slot) {
      if (altered_columns_[slot] > 0)
        verdict_.altered_columns.emplace_back(sources.front().columns.name(slot), altered_columns_[slot]);
    }
    for (const RowSource& source : sources) keep_new(source.columns.not_judged(), verdict_.not_judged);
    if (delays_) verdict_.delays = delays();
    return std::move(verdict_);
  }

 private:
  void add(const ExaminedRow& row) {
    ++verdict_.rows_read;
    if (row.stranger != Stranger::none) return add_stranger(row);
    const Track& track = expected_.tracks()[row.track];
    Seen& seen = seen_[row.track];
    const std::uint64_t number = chosen(track, row, seen);
    if (set(track.first_bit + number) && !is_repeated(track, number)) {
      ++seen.duplicate;
      ++counts_at(track.due(number)).duplicate;
    }
    if (number + 1 < seen.last) ++seen.out_of_order;
    seen.last = std::max(seen.last, number + 1);
    if (row.is_foreign) ++foreign_;
    if (row.is_altered) {
      ++seen.altered;
      ++counts_at(track.due(number)).altered;
    }
    if (row.delay) note_delay(*row.delay);
  }

  // Of the readings that the row may be, the first that has not come; else one that the run wrote twice.
  [[nodiscard]] std::uint64_t chosen(const Track& track, const ExaminedRow& row, Seen& seen) const {
    if (row.choices == 1) return row.number;
    const auto may_be = [&](std::uint64_t number) {
      const std::uint64_t i = number - row.number;
      return i >= bits_of_choices || ((row.which >> i) & 1) != 0;
    };
    const bool is_any = row.which == UINT64_MAX;
    const auto first_of = [&](const Track::Span& among, bool is_open) {
      std::uint64_t number = among.first;
      while (number < among.end) {
        if ((is_open && is_set(track.first_bit + number)) || !may_be(number)) {
          ++number;
        } else if (const Absence* const absence = track.absence_of(number)) {
          number = is_any ? absence->end() : number + 1;
        } else {
          break;
        }
      }
      return number;
    };
    Track::Span among{row.number, row.number + row.choices};
    if (row.at.unit > 1) {
      const Timestamp from = row.at.at - (are_rounded_ ? row.at.unit / 2 : 0);
      Track::Span likely = track.due_between(from, from + row.at.unit);
      likely = {std::max(likely.first, among.first), std::min(likely.end, among.end)};
      likely.first = first_of(likely, false);
      if (likely.first < likely.end) among = likely;
    }
    // There may be a million, of as many rows: those before that nobody waits for are passed over at once.
    const bool goes_on = is_any && seen.full_from <= among.first && among.first <= seen.full_to;
    const std::uint64_t number = first_of({goes_on ? seen.full_to : among.first, among.end}, true);
    if (is_any) {
      if (!goes_on) seen.full_from = among.first;
      seen.full_to = number;
    }
    if (number < among.end) return number;
    auto twice = std::ranges::lower_bound(track.twice, among.first);
    for (; twice != track.twice.end() && *twice < among.end; ++twice) {
      if (may_be(*twice) && !repeated_.contains(track.first_bit + *twice)) return *twice;
    }
    return among.first;
  }

  void add_stranger(const ExaminedRow& row) {
    ++verdict_.total.unexpected;
    ++verdict_.stranger_counts[static_cast<std::size_t>(row.stranger)];
    if (row.track != UINT32_MAX) ++seen_[row.track].unexpected;
  }

  [[nodiscard]] bool is_set(std::uint64_t bit) const { return ((bits_[bit / 64] >> (bit % 64)) & 1) != 0; }
  // Whether it was set before.
  bool set(std::uint64_t bit) {
    std::uint64_t& word = bits_[bit / 64];
    const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
    const bool was_set = (word & mask) != 0;
    word |= mask;
    came_ += was_set ? 0 : 1;
    return was_set;
  }

  // The run wrote it twice, and it has come twice now.
  bool is_repeated(const Track& track, std::uint64_t number) {
    if (track.twice.empty() || !track.is_twice(number)) return false;
    return repeated_.insert(track.first_bit + number).second;
  }

  Counts& counts_at(Timestamp at) { return hours_[hour_of(at)]; }

  void note_delay(Microseconds delay) {
    if (!delays_) delays_ = std::make_shared<Histogram>();
    if (delay < 0) ++negative_delays_;
    delays_->record(std::max<Microseconds>(0, delay) / 1000);  // in ms, so that weeks have room
    longest_delay_ = std::max(longest_delay_, delay);
  }

  [[nodiscard]] Delays delays() const {
    const auto at = [&](double share) { return std::min(delays_->percentile(share) * 1000, longest_delay_); };
    return {delays_->count(), at(0.5), at(0.9), at(0.99), longest_delay_, negative_delays_};
  }

  static void keep(const std::vector<Finding>& found, std::vector<Finding>& kept) {
    for (const Finding& one : found) {
      if (kept.size() < most_findings) kept.push_back(one);
    }
  }

  static void keep_new(const std::vector<std::string>& names, std::vector<std::string>& kept) {
    for (const std::string& name : names) {
      if (std::ranges::find(kept, name) == kept.end()) kept.push_back(name);
    }
  }

  void count_by_sensor(const MissingRows& missing) {
    verdict_.sensors = expected_.tracks().size();
    std::vector<std::pair<std::string, Counts>>& worst = verdict_.by_sensor;
    const auto wrong = [](const Counts& counts) {
      return counts.missing + counts.duplicate + counts.altered + counts.unexpected;
    };
    const auto is_worse = [&](const auto& a, const auto& b) {
      return std::pair(wrong(b.second), a.first) < std::pair(wrong(a.second), b.first);
    };
    for (std::uint32_t i = 0; i < expected_.tracks().size(); ++i) {
      const Counts counts = counts_of(i, missing);
      verdict_.total += without_unexpected(counts);
      if (!counts.is_clean() || counts.out_of_order > 0) ++verdict_.sensors_affected;
      worst.emplace_back(expected_.tracks()[i].id, counts);
      if (worst.size() < 2 * most_sensors_listed) continue;
      std::ranges::nth_element(worst, worst.begin() + most_sensors_listed, is_worse);
      worst.resize(most_sensors_listed);
    }
    std::ranges::sort(worst, is_worse);
    if (worst.size() > most_sensors_listed) worst.resize(most_sensors_listed);
  }

  // All of those have been counted, also of no sensor.
  static Counts without_unexpected(Counts counts) {
    counts.unexpected = 0;
    return counts;
  }

  [[nodiscard]] Counts counts_of(std::uint32_t track, const MissingRows& missing) const {
    const Seen& seen = seen_[track];
    const MissingRows::OfTrack& of = missing.tracks[track];
    const std::uint64_t by_the_run = std::min(seen.out_of_order, expected_.tracks()[track].out_of_order);
    return {of.expected,     of.expected - of.missing,      of.missing, seen.duplicate, seen.altered,
            seen.unexpected, seen.out_of_order - by_the_run};
  }

  void count_by_location(const MissingRows& missing) {
    std::map<std::string, Counts, std::less<>> by_location;
    for (std::uint32_t i = 0; i < expected_.tracks().size(); ++i)
      by_location[std::string(expected_.location_of(i))] += counts_of(i, missing);
    verdict_.by_location.assign(by_location.begin(), by_location.end());
  }

  void count_by_hour(const MissingRows& missing) {
    for (const auto& [hour, of] : missing.hours) {
      Counts& counts = hours_[hour];
      counts.expected += of.expected;
      counts.missing += of.missing;
      counts.delivered += of.expected - of.missing;
    }
    verdict_.by_hour.assign(hours_.begin(), hours_.end());
  }

  void note_not_produced(const MissingRows& missing) {
    const auto note = [&](std::string reason, std::uint64_t count) {
      if (count > 0) verdict_.not_produced.emplace_back(std::move(reason), count);
    };
    const NotProduced& of = expected_.not_produced();
    note("silent", of.silent);
    note("missing", of.missing);
    note("dropped", of.dropped);
    note("undelivered", of.undelivered);
    note("silent, missing or undelivered", of.otherwise);
    for (const auto& [reason, count] : missing.lacking) note(reason, count);
    for (const Track& track : expected_.tracks()) verdict_.repeated += track.twice.size();
    verdict_.not_repeated = verdict_.repeated - std::min<std::uint64_t>(verdict_.repeated, repeated_.size());
  }

  const Expectation& expected_;
  std::vector<std::uint64_t> bits_;
  std::vector<Seen> seen_;
  std::vector<std::uint64_t> altered_columns_;
  std::unordered_set<std::uint64_t> repeated_;  // bits of readings
  std::map<Timestamp, Counts> hours_;
  std::shared_ptr<Histogram> delays_;  // of this copy
  Microseconds longest_delay_ = 0;
  std::uint64_t negative_delays_ = 0;
  std::uint64_t foreign_ = 0;
  std::set<std::string> unknown_;  // sensors of rows, the first few
  std::uint64_t came_ = 0;
  bool are_rounded_ = false;  // times, instead of cut off
  Verdict verdict_;
};

std::string places_text(const Expectation& expected) {
  std::string text;
  for (const history::RunPart& part : expected.parts()) text += text.empty() ? part.name : ", " + part.name;
  return text;
}

// Nothing came, and nothing had to: that is no success.
void demand_anything(const Expectation& expected, const Counts& total, const ExamineOptions& options) {
  if (total.expected + total.unexpected > 0) return;
  std::string why = "the run wrote no reading";
  if (options.until != latest_timestamp)
    why = fmt::format("the run wrote no reading that is due before {}", timestamp_text(options.until));
  for (const history::RunPart& part : expected.parts()) {
    if (!part.broken_off || !part.broken_off->last_rows.empty()) continue;
    why = fmt::format(
        "run {} has not ended, or broke off, and no file has a row of it yet; --resume finishes it",
        printable(part.run.run_id));
  }
  throw InvalidInput(fmt::format("{}: there is nothing to judge: {}", places_text(expected), why));
}

// What is not asked for of runs that broke off.
void note_broken_off(const Expectation& expected, std::vector<std::string>& warnings) {
  for (std::size_t i = 0; i < expected.parts().size(); ++i) {
    const history::RunPart& part = expected.parts()[i];
    if (!part.broken_off) continue;
    const auto has_no_row = [&](const Track& track) {
      if (track.part != i) return false;
      return track.readings == 0 || (!track.unsure.empty() && track.unsure.front().from <= part.run.start);
    };
    const auto without = static_cast<std::uint64_t>(std::ranges::count_if(expected.tracks(), has_no_row));
    warnings.push_back(fmt::format(
        "run {} has not ended, or broke off: readings that its files lack do not count as missing{}",
        printable(part.run.run_id),
        without == 0 ? "" : fmt::format("; {} had no row yet", counted(without, "sensor"))));
  }
}

// Whether times are cut off or rounded shows only in the end: so that more readings have come.
struct Tallies {
  Tally cut;
  std::optional<Tally> rounded = {};  // once it makes a difference

  void add(const ExaminedBlock& block) {
    if (!rounded && Tally::depends_on_rounding(block)) rounded.emplace(cut).take_as_rounded();
    cut.add(block);
    if (rounded) rounded->add(block);
  }
  Tally& better() { return rounded && rounded->came() > cut.came() ? *rounded : cut; }
};

void judge_rows(const Expectation& expected, const RowSource& source, const ExamineOptions& options,
                Tallies& tallies, const AuditProgress& progress) {
  tbb::enumerable_thread_specific<Examiner> examiners(
      [&] { return Examiner(expected, source.columns, *source.text, options); });
  using Handed = std::shared_ptr<Work>;
  const auto read = [&](tbb::flow_control& control) -> Handed {
    auto work = std::make_shared<Work>();
    if (!source.text->next(work->text)) control.stop();
    return work;
  };
  const auto examine = [&](const Handed& work) {
    work->examined = examiners.local().examine(work->text);
    work->text = {};
    return work;
  };
  const auto note = [&](const Handed& work) {
    tallies.add(work->examined);
    if (progress) progress(tallies.cut.rows());
  };
  const auto threads = static_cast<std::size_t>(std::max(1, tbb::this_task_arena::max_concurrency()));
  tbb::parallel_pipeline(blocks_per_thread * threads,
                         tbb::make_filter<void, Handed>(tbb::filter_mode::serial_in_order, read) &
                             tbb::make_filter<Handed, Handed>(tbb::filter_mode::parallel, examine) &
                             tbb::make_filter<Handed, void>(tbb::filter_mode::serial_in_order, note));
}

}  // namespace

Verdict audit(const Expectation& expected, const std::vector<RowSource>& sources,
              const ExamineOptions& options, const AuditProgress& progress) {
  Tallies tallies{Tally(expected)};
  for (const RowSource& source : sources) judge_rows(expected, source, options, tallies, progress);
  Tally& tally = tallies.better();
  const std::string& name = sources.front().text->name();
  tally.demand_sensors();
  tally.demand_rows_of_run(name);
  Verdict verdict = tally.conclude(sources);
  demand_anything(expected, verdict.total, options);
  verdict.runs = places_text(expected);
  if (std::string missing = history::missing_partitions(expected.parts()); !missing.empty())
    verdict.warnings.push_back(std::move(missing));
  note_broken_off(expected, verdict.warnings);
  verdict.rows = name;
  return verdict;
}

}  // namespace fleet_sim::audit
