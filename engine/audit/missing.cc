#include "audit/missing.h"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <bit>
#include <mutex>
#include <optional>
#include <utility>

namespace fleet_sim::audit {
namespace {

constexpr std::uint64_t most_cells = 500'000;  // of the picture, 16 bytes each
constexpr std::uint64_t tracks_at_once = 256;

bool is_larger(const Gap& a, const Gap& b) {
  return std::tuple(b.readings, a.from, a.sensor) < std::tuple(a.readings, b.from, b.sensor);
}

// Bits of the readings that came, as one sensor's.
class Bits {
 public:
  Bits(std::span<const std::uint64_t> words, std::uint64_t first) : words_(words), first_(first) {}

  [[nodiscard]] std::uint64_t count(std::uint64_t from, std::uint64_t end) const {
    std::uint64_t sum = 0;
    while (from < end) {
      const std::uint64_t bit = first_ + from;
      const std::uint64_t take = std::min(end - from, 64 - bit % 64);
      sum += static_cast<std::uint64_t>(std::popcount(masked(bit, take)));
      from += take;
    }
    return sum;
  }

  // The first reading from there on that came, or did not; `end` if there is none before.
  [[nodiscard]] std::uint64_t find(bool came, std::uint64_t from, std::uint64_t end) const {
    while (from < end) {
      const std::uint64_t bit = first_ + from;
      const std::uint64_t take = std::min(end - from, 64 - bit % 64);
      std::uint64_t word = words_[bit / 64] >> (bit % 64);
      if (!came) word = ~word;
      const auto skipped = static_cast<std::uint64_t>(std::countr_zero(word));
      if (skipped < take) return from + skipped;
      from += take;
    }
    return end;
  }

 private:
  [[nodiscard]] std::uint64_t masked(std::uint64_t bit, std::uint64_t take) const {
    const std::uint64_t word = words_[bit / 64] >> (bit % 64);
    return take == 64 ? word : word & ((std::uint64_t{1} << take) - 1);
  }

  std::span<const std::uint64_t> words_;
  std::uint64_t first_;
};

// What several sensors come to.
struct Part {
  std::map<Timestamp, MissingRows::OfTrack> hours;
  std::vector<Gap> gaps;
  std::uint64_t gap_count = 0;
};

class Finder {
 public:
  Finder(const Expectation& expected, std::span<const std::uint64_t> seen)
      : expected_(expected), seen_(seen) {
    rows_.tracks.resize(expected.tracks().size());
    for (const history::RunPart& part : expected.parts()) {
      std::vector<std::uint64_t>& left = left_.emplace_back();
      for (const history::Lacking& lacking : part.lacking) left.push_back(lacking.rows.value_or(UINT64_MAX));
    }
    plan_picture();
  }

  MissingRows find() {
    const auto count = static_cast<std::uint64_t>(expected_.tracks().size());
    tbb::parallel_for(tbb::blocked_range<std::uint64_t>(0, count, tracks_at_once),
                      [&](const tbb::blocked_range<std::uint64_t>& range) {
                        Part part;
                        for (std::uint64_t i = range.begin(); i < range.end(); ++i)
                          look_at(static_cast<std::uint32_t>(i), part);
                        merge(std::move(part));
                      });
    std::ranges::sort(rows_.gaps, is_larger);
    if (rows_.gaps.size() > most_gaps) rows_.gaps.resize(most_gaps);
    return std::move(rows_);
  }

 private:
  void plan_picture() {
    std::map<std::string_view, std::size_t> numbers;
    std::optional<Timestamp> from;
    Timestamp until = 0;
    for (std::uint32_t i = 0; i < expected_.tracks().size(); ++i) {
      numbers.try_emplace(expected_.location_of(i));
      const Track& track = expected_.tracks()[i];
      if (track.readings == 0) continue;
      from = std::min(from.value_or(track.due(0)), track.due(0));
      until = std::max(until, track.due(track.readings - 1));
    }
    Picture& picture = rows_.picture;
    for (auto& [name, number] : numbers) {
      number = picture.places.size();
      picture.places.push_back({std::string(name), {}});
    }
    for (std::uint32_t i = 0; i < expected_.tracks().size(); ++i)
      place_of_.push_back(static_cast<std::uint32_t>(numbers[expected_.location_of(i)]));
    if (!from) return;
    picture.from = hour_of(*from);
    picture.step = hour_length;
    const auto steps = [&] { return static_cast<std::uint64_t>((until - picture.from) / picture.step + 1); };
    while (steps() * picture.places.size() > most_cells && steps() > 1) picture.step *= 2;
    for (PlaceSteps& place : picture.places) place.steps.resize(steps());
  }

  void look_at(std::uint32_t number, Part& part) {
    const Track& track = expected_.tracks()[number];
    if (track.readings == 0) return;
    const Bits bits(seen_, track.first_bit);
    MissingRows::OfTrack all;
    std::size_t absence = 0;
    std::vector<MissingRows::OfTrack> steps;
    for (std::uint64_t first = 0; first < track.readings;) {
      const Timestamp hour = hour_of(track.due(first));
      const std::uint64_t end =
          std::min(std::max(track.due_between(hour, hour + hour_length).end, first + 1), track.readings);
      MissingRows::OfTrack of = count(track, bits, first, end, absence);
      take_lacking(track, bits, first, end, of);
      all += of;
      part.hours[hour] += of;
      note_step(number, hour, of);
      first = end;
    }
    rows_.tracks[number] = all;
    if (all.missing > 0) find_gaps(number, bits, part);
  }

  static MissingRows::OfTrack count(const Track& track, const Bits& bits, std::uint64_t first,
                                    std::uint64_t end, std::size_t& absence) {
    const std::vector<Absence>& absences = track.absences;
    while (absence < absences.size() && absences[absence].end() <= first) ++absence;
    std::uint64_t expected = end - first;
    for (std::size_t i = absence; i < absences.size() && absences[i].first < end; ++i)
      expected -= std::min(absences[i].end(), end) - std::max(absences[i].first, first);
    const std::uint64_t came = bits.count(first, end);
    return {expected, expected - came};
  }

  // Where the run says that it lacks rows itself, those that did not come are these, as many as it says.
  void take_lacking(const Track& track, const Bits& bits, std::uint64_t first, std::uint64_t end,
                    MissingRows::OfTrack& of) {
    const auto take = [&](Timestamp since, Timestamp until, const std::string& reason, std::uint64_t& left) {
      if (of.missing == 0) return;
      const Track::Span span = track.due_between(since, until);
      const std::uint64_t from = std::max(span.first, first);
      const std::uint64_t to = std::min(span.end, end);
      if (from >= to) return;
      std::size_t absence = 0;
      const std::uint64_t missing = std::min(count(track, bits, from, to, absence).missing, of.missing);
      const std::lock_guard lock(mutex_);
      const std::uint64_t taken = std::min(missing, left);
      if (left != UINT64_MAX) left -= taken;
      of.missing -= taken;
      of.expected -= taken;
      if (taken > 0) rows_.lacking[reason] += taken;
    };
    const history::RunPart& part = expected_.parts()[track.part];
    static const std::string broke_off = "the run broke off", on_its_way = "late or held";
    std::uint64_t any = UINT64_MAX;
    for (const Track::Unsure& one : track.unsure)
      take(one.from, one.to, part.goes_on ? on_its_way : broke_off, any);
    const std::vector<history::Lacking>& spans = part.lacking;
    for (std::size_t i = 0; i < spans.size(); ++i)
      take(spans[i].since, spans[i].until + 1, spans[i].reason, left_[track.part][i]);
  }

  void note_step(std::uint32_t number, Timestamp hour, const MissingRows::OfTrack& of) {
    Picture& picture = rows_.picture;
    const auto step = static_cast<std::size_t>((hour - picture.from) / picture.step);
    const std::lock_guard lock(mutex_);
    PlaceSteps::Step& cell = picture.places[place_of_[number]].steps[step];
    cell.expected += of.expected;
    cell.missing += of.missing;
  }

  // A gap goes on over readings that the run did not write.
  void find_gaps(std::uint32_t number, const Bits& bits, Part& part) {
    const Track& track = expected_.tracks()[number];
    std::optional<Track::Span> open;
    std::uint64_t readings = 0;
    const auto close = [&] {
      if (open) keep(number, *open, readings, part);
      open.reset();
      readings = 0;
    };
    const auto look = [&](std::uint64_t from, std::uint64_t end) {
      while (from < end) {
        const std::uint64_t first = bits.find(false, from, end);
        if (first > from) close();
        if (first == end) return;
        const std::uint64_t last = bits.find(true, first, end);
        if (!open) open = Track::Span{first, last};
        open->end = last;
        readings += last - first;
        from = last;
      }
    };
    std::uint64_t from = 0;
    for (const Absence& absence : track.absences) {
      look(from, absence.first);
      from = absence.end();
    }
    look(from, track.readings);
    close();
  }

  void keep(std::uint32_t number, const Track::Span& span, std::uint64_t readings, Part& part) {
    const Track& track = expected_.tracks()[number];
    const Timestamp from = track.due(span.first);
    const Timestamp until = track.due(span.end - 1);
    for (const Track::Unsure& unsure : track.unsure) {
      if (from >= unsure.from && until < unsure.to) return;
    }
    for (const history::Lacking& lacking : expected_.parts()[track.part].lacking) {
      const bool is_lacking = from >= lacking.since && until <= lacking.until;
      if (is_lacking && !lacking.rows) return;
    }
    ++part.gap_count;
    part.gaps.push_back(
        {std::string(track.id), std::string(expected_.location_of(number)), from, until, readings});
    if (part.gaps.size() < 2 * most_gaps) return;
    std::ranges::nth_element(part.gaps, part.gaps.begin() + most_gaps, is_larger);
    part.gaps.resize(most_gaps);
  }

  void merge(Part part) {
    const std::lock_guard lock(mutex_);
    for (const auto& [hour, of] : part.hours) rows_.hours[hour] += of;
    rows_.gap_count += part.gap_count;
    rows_.gaps.insert(rows_.gaps.end(), part.gaps.begin(), part.gaps.end());
    if (rows_.gaps.size() < 4 * most_gaps) return;
    std::ranges::nth_element(rows_.gaps, rows_.gaps.begin() + most_gaps, is_larger);
    rows_.gaps.resize(most_gaps);
  }

  const Expectation& expected_;
  std::span<const std::uint64_t> seen_;
  std::vector<std::vector<std::uint64_t>> left_;  // by part and span: how many more the run lacks
  std::vector<std::uint32_t> place_of_;           // by track
  std::mutex mutex_;                              // of what follows, and left_
  MissingRows rows_;
};

}  // namespace

MissingRows find_missing(const Expectation& expected, std::span<const std::uint64_t> seen) {
  return Finder(expected, seen).find();
}

}  // namespace fleet_sim::audit
