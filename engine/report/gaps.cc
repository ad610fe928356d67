#include "report/gaps.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace fleet_sim {
namespace {

std::pair<std::uint32_t, Timestamp> place_of(const MissingSpan& span) {
  return {span.sensor, span.from};
}

bool is_longer(const Gap& a, const Gap& b) {
  return std::tuple(b.length(), a.from, std::string_view(a.sensor_id)) <
         std::tuple(a.length(), b.from, std::string_view(b.sensor_id));
}

}  // namespace

void MissingSpans::add(std::string_view sensor_id, const MissingSpan& span) {
  spans_.push_back(span);
  spans_.back().sensor = sensors_.intern(sensor_id);
}

void MissingSpans::sort() {
  std::ranges::sort(spans_, {}, place_of);
}

std::uint64_t MissingSpans::count_between(std::string_view sensor_id, Timestamp last, Timestamp next,
                                          Microseconds period) const {
  const auto sensor = sensors_.find(sensor_id);
  if (!sensor) return 0;
  // Due times are known to the microsecond, the period only rounded down: a quarter of it covers both.
  const Microseconds slack = period / 4;
  const Microseconds due_within = next - last - period + slack;  // of the last reading between the two
  std::uint64_t count = 0;
  Microseconds counted_until = 0;  // from `last`: two runs may have left the same event
  // There is a reading at `last`, so what explains the absence of later ones began after it.
  auto span = std::ranges::lower_bound(spans_, std::pair(*sensor, last), {}, place_of);
  for (; span != spans_.end() && span->sensor == *sensor && span->from < next; ++span) {
    const Microseconds from = std::max({span->from - last - slack, period - slack, counted_until});
    const Microseconds until = std::min(std::min(span->until, next) - last + slack, due_within);
    if (until < from) continue;
    count += static_cast<std::uint64_t>(until / period - (from - 1) / period);
    counted_until = until + 1;
  }
  return count;
}

void GapTally::add(Gap gap) {
  ++count;
  readings += gap.readings;
  length += gap.length();
  keep_if_long(std::move(gap));
}

GapTally& GapTally::operator+=(const GapTally& other) {
  count += other.count;
  readings += other.readings;
  length += other.length;
  between_runs += other.between_runs;
  between_runs_length += other.between_runs_length;
  for (const Gap& gap : other.longest) keep_if_long(gap);
  return *this;
}

void GapTally::keep_if_long(Gap gap) {
  const auto place = std::ranges::upper_bound(longest, gap, is_longer);
  if (longest.size() == longest_kept && place == longest.end()) return;
  longest.insert(place, std::move(gap));
  if (longest.size() > longest_kept) longest.pop_back();
}

}  // namespace fleet_sim
