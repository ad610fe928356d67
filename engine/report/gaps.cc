#include "report/gaps.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace fleet_sim::report {
namespace {

std::pair<std::uint32_t, Timestamp> place_of(const EventSpan& span) {
  return {span.sensor, span.from};
}

bool is_longer(const Gap& a, const Gap& b) {
  return std::tuple(b.length(), a.from, std::string_view(a.sensor_id)) <
         std::tuple(a.length(), b.from, std::string_view(b.sensor_id));
}

}  // namespace

void EventSpans::add(std::string_view sensor_id, const EventSpan& span) {
  spans_.push_back(span);
  spans_.back().sensor = sensors_.intern(sensor_id);
}

void EventSpans::sort() {
  std::ranges::sort(spans_, {}, place_of);
}

std::uint64_t EventSpans::count_between(std::string_view sensor_id, Timestamp last, Timestamp next,
                                        std::uint64_t spacings) const {
  const auto sensor = sensors_.find(sensor_id);
  if (!sensor) return 0;
  // The i-th reading was due at last + i·period, give or take a microsecond. A span begins with a reading and
  // ends a microsecond before one; a little earlier at both ends tells them apart.
  const double period = static_cast<double>(next - last) / static_cast<double>(spacings);
  const double slack = std::min(2.0, period / 4);
  const auto spacings_until = [&](Timestamp at) { return (static_cast<double>(at - last) - slack) / period; };
  double count = 0;
  double counted = 0;  // up to this one: two runs may have left the same event
  auto span = std::ranges::lower_bound(spans_, std::pair(*sensor, last), {}, place_of);
  // There is a reading at `last`, so what explains the absence of later ones began after it, unless it leaves
  // some.
  const auto leaves_some = [&](const EventSpan& one) {
    return one.sensor == *sensor && one.until > last && takes_rows(one.type) && !takes_all_rows(one.type);
  };
  if (span != spans_.begin() && leaves_some(span[-1])) --span;
  for (; span != spans_.end() && span->sensor == *sensor && span->from < next; ++span) {
    const double first = std::max(std::ceil(spacings_until(span->from)), counted + 1);
    const double until = std::floor(spacings_until(std::min(span->until, next)));
    if (until < first) continue;
    count += until - first + 1;
    counted = until;
  }
  return static_cast<std::uint64_t>(count);
}

bool EventSpans::hold(std::string_view sensor_id, Timestamp at) const {
  const auto sensor = sensors_.find(sensor_id);
  if (!sensor) return false;
  const auto after = std::ranges::upper_bound(spans_, std::pair(*sensor, at), {}, place_of);
  return after != spans_.begin() && after[-1].sensor == *sensor && after[-1].until >= at;
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

}  // namespace fleet_sim::report
