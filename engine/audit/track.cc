#include "audit/track.h"

#include <algorithm>

namespace fleet_sim::audit {

Timestamp Track::due(std::uint64_t number) const {
  const auto after = std::ranges::upper_bound(segments, number, {}, &Segment::first);
  return (after - 1)->due(number);
}

Track::Span Track::due_between(Timestamp from, Timestamp to) const {
  Span span;
  bool is_found = false;
  for (const Segment& segment : segments) {
    const auto number_at = [&](Timestamp at) {
      const std::uint64_t before = segment.cadence.count_before(at - segment.first_due);
      return segment.first + std::min(before - std::min(before, segment.skipped), segment.count);
    };
    const std::uint64_t first = number_at(from);
    const std::uint64_t end = number_at(to);
    if (first < end || !is_found) span = {is_found ? span.first : first, end};
    is_found = is_found || first < end;
    if (end < segment.first + segment.count) break;  // the later ones are due later
  }
  return span;
}

std::optional<std::uint64_t> Track::find(Timestamp due) const {
  for (const Segment& segment : segments) {
    const std::uint64_t before = segment.cadence.count_before(due - segment.first_due);
    if (before < segment.skipped || before - segment.skipped >= segment.count) continue;
    const std::uint64_t number = segment.first + (before - segment.skipped);
    if (segment.due(number) == due) return number;
  }
  return std::nullopt;
}

const Absence* Track::absence_of(std::uint64_t number) const {
  const auto after = std::ranges::upper_bound(absences, number, {}, &Absence::first);
  if (after == absences.begin() || (after - 1)->end() <= number) return nullptr;
  return &*(after - 1);
}

const model::Anomaly* Track::anomaly_at(Timestamp at) const {
  const auto after =
      std::ranges::upper_bound(kept, at, {}, [](const KeptAnomaly& one) { return one.anomaly.started_at; });
  if (after == kept.begin() || (after - 1)->until < at) return nullptr;
  return &(after - 1)->anomaly;
}

bool Track::is_twice(std::uint64_t number) const {
  return std::ranges::binary_search(twice, number);
}

void Track::skip_to(std::uint64_t number) {
  if (number <= next) return;
  if (!absences.empty() && !absences.back().is_dropped && absences.back().end() == next) {
    absences.back().count += number - next;
  } else {
    absences.push_back({next, number - next});
  }
  next = number;
}

// A late reading, or one that was held, comes after others.
void Track::fill(std::uint64_t number) {
  const auto after = std::ranges::upper_bound(absences, number, {}, &Absence::first);
  if (after == absences.begin() || (after - 1)->end() <= number) {
    twice.push_back(number);
    return;
  }
  const auto found = after - 1;
  const std::uint64_t end = found->end();
  if (number == found->first) {
    ++found->first;
    if (--found->count == 0) absences.erase(found);
    return;
  }
  found->count = number - found->first;
  if (number + 1 < end) absences.insert(found + 1, {number + 1, end - number - 1, found->is_dropped});
}

void Track::note_row(std::uint64_t number) {
  if (number + 1 < rows_until) ++out_of_order;
  rows_until = std::max(rows_until, number + 1);
  if (number < next) return fill(number);
  skip_to(number);
  next = number + 1;
}

void Track::note_drop(std::uint64_t number) {
  const Absence dropped{number, 1, true};
  if (number < next) {
    fill(number);
    absences.insert(std::ranges::upper_bound(absences, number, {}, &Absence::first), dropped);
    return;
  }
  skip_to(number);
  absences.push_back(dropped);
  next = number + 1;
}

void Track::note_late(Timestamp due, Timestamp arrived) {
  const auto is_within = [](const Unsure& span, Timestamp at) { return span.from <= at && at < span.to; };
  const auto holds = [&](Timestamp at) {
    return std::ranges::any_of(unsure, [&](const Unsure& span) { return is_within(span, at); });
  };
  if (holds(arrived) && !holds(due)) unsure.push_back({due, due + 1});
}

void Track::finish() {
  skip_to(readings);
  std::ranges::sort(unsure);
  std::ranges::sort(twice);
  std::ranges::sort(odd, {}, [](const auto& one) { return one.first; });
  absences.shrink_to_fit();
}

void Track::cut(Timestamp until) {
  readings = due_between(earliest_timestamp, until).end;
  while (!segments.empty() && segments.back().first >= readings) segments.pop_back();
  if (!segments.empty()) segments.back().count = readings - segments.back().first;
  while (!absences.empty() && absences.back().first >= readings) absences.pop_back();
  if (!absences.empty())
    absences.back().count = std::min(absences.back().end(), readings) - absences.back().first;
  twice.erase(std::ranges::lower_bound(twice, readings), twice.end());
  std::erase_if(unsure, [until](const Unsure& span) { return span.from >= until; });
}

}  // namespace fleet_sim::audit
