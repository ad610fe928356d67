#include "score/judge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace fleet_sim::score {
namespace {

constexpr std::size_t no_event = SIZE_MAX;

// ---- where detections belong ----

// The reading that a moment means: the nearest one less than a unit away.
std::size_t reading_at(const std::vector<Reading>& readings, const Detection& moment) {
  const auto after = std::ranges::lower_bound(readings, moment.from, {}, &Reading::at);
  std::size_t nearest = readings.size();
  Microseconds least = moment.unit;
  const auto look_at = [&](std::size_t i) {
    const Microseconds distance = std::abs(readings[i].at - moment.from);
    if (distance >= least) return;
    least = distance;
    nearest = i;
  };
  const auto place = static_cast<std::size_t>(after - readings.begin());
  if (place < readings.size()) look_at(place);
  if (place > 0) look_at(place - 1);
  return nearest;
}

void add_span(const std::vector<Reading>& readings, const Detection& span, Course& course) {
  const auto first = std::ranges::lower_bound(readings, span.from, {}, &Reading::at);
  for (auto i = first; i != readings.end() && i->at <= span.until; ++i) {
    const auto place = static_cast<std::size_t>(i - readings.begin());
    course.scores[place] = span.score;
    course.flagged[place] = true;
  }
}

// In order; those that overlap become one, so that no reading is visited twice.
std::vector<Detection> united(std::vector<Detection> spans) {
  std::ranges::sort(spans, {}, &Detection::from);
  std::vector<Detection> united;
  for (const Detection& span : spans) {
    if (!united.empty() && span.from <= united.back().until) {
      united.back().until = std::max(united.back().until, span.until);
    } else {
      united.push_back(span);
    }
  }
  return united;
}

// ---- which event a reading belongs to ----

// The first reading of `event`, and behind its last.
std::pair<std::size_t, std::size_t> readings_within(const SensorTruth& truth, const Event& event) {
  const auto first = std::ranges::lower_bound(truth.readings, event.from, {}, &Reading::at);
  const auto last = std::ranges::upper_bound(truth.readings, event.until, {}, &Reading::at);
  const auto begin = static_cast<std::size_t>(first - truth.readings.begin());
  return {begin, std::max(begin, static_cast<std::size_t>(last - truth.readings.begin()))};
}

// ---- groups ----

constexpr std::array<double, 4> severity_bounds{1, 2, 3, 4};
constexpr std::array<std::string_view, 6> severity_names{"below 1", "1 to 2",      "2 to 3",
                                                         "3 to 4",  "4 and above", "not graded"};

std::vector<Group> groups_of(const Event& event) {
  return {{GroupBy::kind, index_of(event.type), std::string(name_of(event.type))},
          severity_group(event.severity),
          {GroupBy::cause, static_cast<std::size_t>(event.cause), std::string(name_of(event.cause))}};
}

// Judges one sensor, group by group.
class Judge {
 public:
  Judge(const std::vector<Traits>& traits, const SensorTruth& sensor, const Course& course,
        const JudgeOptions& options)
      : traits_(traits),
        sensor_(sensor),
        course_(course),
        options_(options),
        labels_(labels_of(sensor)),
        event_of_(events_of_readings(sensor)) {
    if (options.with_areas) order_ = ranked(course.scores);
    std::ranges::copy_if(sensor.events, std::back_inserter(gaps_),
                         [](const Event& event) { return takes_rows(event.type); });
  }

  GroupedMeasures judge() {
    add_readings({GroupBy::all, 0, ""}, labels_);
    add_groups_of_events();
    add_groups_of_traits();
    for (std::size_t e = 0; e < sensor_.events.size(); ++e) add_event(e);
    add_alarms();
    add_days();
    return std::move(measures_);
  }

 private:
  void add_readings(const Group& group, const std::vector<Label>& labels) {
    Measures& into = measures_[group];
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == Label::left_out) continue;
      const bool is_anomalous = labels[i] == Label::anomalous;
      ++into.readings;
      into.anomalous += is_anomalous ? 1 : 0;
      if (course_.flagged[i]) ++(is_anomalous ? into.found : into.flagged_else);
    }
    if (!options_.with_areas || std::ranges::find(labels, Label::anomalous) == labels.end()) return;
    const RankedSeries series(course_.scores, labels, order_);
    into.roc_auc.add(roc_auc(series));
    into.average_precision.add(average_precision(series));
    into.vus_pr.add(vus_pr(series, options_.longest_buffer));
  }

  // Anomalous readings of other groups are left out.
  void add_groups_of_events() {
    std::map<Group, std::vector<bool>> events;
    for (std::size_t e = 0; e < sensor_.events.size(); ++e) {
      if (takes_rows(sensor_.events[e].type)) continue;
      for (const Group& group : groups_of(sensor_.events[e])) {
        events.try_emplace(group, sensor_.events.size(), false).first->second[e] = true;
      }
    }
    for (const auto& [group, is_in] : events) {
      std::vector<Label> labels = labels_;
      for (std::size_t i = 0; i < labels.size(); ++i) {
        const bool is_of_group = event_of_[i] != no_event && is_in[event_of_[i]];
        if (labels[i] == Label::anomalous && !is_of_group) labels[i] = Label::left_out;
      }
      add_readings(group, labels);
    }
  }

  void add_groups_of_traits() {
    std::set<std::uint32_t> traits;
    for (const Reading& reading : sensor_.readings) traits.insert(reading.traits);
    std::map<Group, std::set<std::uint32_t>> groups;
    for (const std::uint32_t one : traits) {
      for (const Group& group : groups_of_traits(one)) groups[group].insert(one);
    }
    for (const auto& [group, members] : groups) {
      std::vector<Label> labels = labels_;
      for (std::size_t i = 0; i < labels.size(); ++i) {
        if (!members.contains(sensor_.readings[i].traits)) labels[i] = Label::left_out;
      }
      add_readings(group, labels);
    }
  }

  [[nodiscard]] std::vector<Group> groups_of_traits(std::uint32_t number) const {
    const Traits& traits = traits_[number];
    return {{GroupBy::firmware, 0, traits.firmware}, {GroupBy::model, 0, traits.model}};
  }

  // Groups that a reading or an event at this place belongs to whatever is wrong with it.
  [[nodiscard]] std::vector<Group> standing_groups(std::size_t place) const {
    std::vector<Group> groups{{GroupBy::all, 0, ""}};
    if (sensor_.readings.empty()) return groups;
    const Reading& reading = sensor_.readings[std::min(place, sensor_.readings.size() - 1)];
    for (Group& group : groups_of_traits(reading.traits)) groups.push_back(std::move(group));
    return groups;
  }

  void add_event(std::size_t number) {
    const Event& event = sensor_.events[number];
    const auto [first, end] = readings_within(sensor_, event);
    std::optional<Timestamp> found;
    if (takes_rows(event.type)) {
      found = found_beside_readings(event, first, end);
    } else {
      bool has_readings = false;
      for (std::size_t i = first; i < end && !found; ++i) {
        if (event_of_[i] != number) continue;
        has_readings = true;
        if (course_.flagged[i]) found = sensor_.readings[i].at;
      }
      if (!has_readings) return;  // which retention has deleted, or another event has covered
    }
    // Nobody could see it before the data begins.
    const Timestamp begins =
        sensor_.readings.empty() ? event.from : std::max(event.from, sensor_.readings.front().at);
    std::vector<Group> groups = standing_groups(first);
    for (Group& group : groups_of(event)) groups.push_back(std::move(group));
    for (const Group& group : groups) {
      Measures& into = measures_[group];
      ++into.events;
      if (found)
        into.delays.push_back(static_cast<float>(std::max<Microseconds>(0, *found - begins)) * 1e-6F);
    }
  }

  // The first moment of an event that takes rows of which the detector says something.
  [[nodiscard]] std::optional<Timestamp> found_beside_readings(const Event& event, std::size_t first,
                                                               std::size_t end) const {
    std::optional<Timestamp> found;
    const auto offer = [&](Timestamp at) { found = found ? std::min(*found, at) : at; };
    const auto one = std::ranges::lower_bound(course_.elsewhere, event.from, {}, &Detection::until);
    if (one != course_.elsewhere.end() && one->from <= event.until) offer(std::max(one->from, event.from));
    for (std::size_t i = first; i < end; ++i) {
      if (!course_.flagged[i]) continue;
      offer(sensor_.readings[i].at);
      break;
    }
    return found;
  }

  // Flagged readings in a row are one alarm; it is false when none of them, nor what is absent between them,
  // is part of an anomaly.
  void add_alarms() {
    const std::vector<Reading>& readings = sensor_.readings;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      if (!course_.flagged[i]) continue;
      const std::size_t first = i;
      bool is_false = labels_[i] == Label::normal;
      while (i + 1 < readings.size() && course_.flagged[i + 1]) is_false &= labels_[++i] == Label::normal;
      if (!is_false || lies_over_gap(readings[first].at, readings[i].at)) continue;
      for (const Group& group : standing_groups(first)) ++measures_[group].false_alarms;
    }
  }

  // Events that take rows come one at a time, so their ends are in order, too.
  [[nodiscard]] bool lies_over_gap(Timestamp from, Timestamp until) const {
    const auto gap = std::ranges::lower_bound(gaps_, from, {}, &Event::until);
    return gap != gaps_.end() && gap->from <= until;
  }

  // The time to the next reading is that of a reading.
  void add_days() {
    std::map<std::uint32_t, Microseconds> spans;
    const std::vector<Reading>& readings = sensor_.readings;
    for (std::size_t i = 0; i + 1 < readings.size(); ++i) {
      spans[readings[i].traits] += readings[i + 1].at - readings[i].at;
    }
    for (const auto& [traits, span] : spans) {
      const double days = static_cast<double>(span) / static_cast<double>(microseconds_per_day);
      measures_[{GroupBy::all, 0, ""}].sensor_days += days;
      for (const Group& group : groups_of_traits(traits)) measures_[group].sensor_days += days;
    }
  }

  const std::vector<Traits>& traits_;
  const SensorTruth& sensor_;
  const Course& course_;
  const JudgeOptions& options_;
  std::vector<Label> labels_;
  std::vector<std::size_t> event_of_;
  std::vector<std::uint32_t> order_;
  std::vector<Event> gaps_;
  GroupedMeasures measures_;
};

std::optional<double> ratio(double part, double whole) {
  return whole == 0 ? std::nullopt : std::optional(part / whole);
}

}  // namespace

Group severity_group(double severity) {
  std::size_t rank = severity_names.size() - 1;
  if (!std::isnan(severity)) {
    rank = static_cast<std::size_t>(std::ranges::upper_bound(severity_bounds, severity) -
                                    severity_bounds.begin());
  }
  return {GroupBy::severity, rank, std::string(severity_names[rank])};
}

Measures& Measures::operator+=(const Measures& other) {
  readings += other.readings;
  anomalous += other.anomalous;
  found += other.found;
  flagged_else += other.flagged_else;
  events += other.events;
  delays.insert(delays.end(), other.delays.begin(), other.delays.end());
  false_alarms += other.false_alarms;
  sensor_days += other.sensor_days;
  roc_auc += other.roc_auc;
  average_precision += other.average_precision;
  vus_pr += other.vus_pr;
  return *this;
}

std::optional<double> Measures::precision() const {
  return ratio(static_cast<double>(found), static_cast<double>(found + flagged_else));
}

std::optional<double> Measures::recall() const {
  return ratio(static_cast<double>(found), static_cast<double>(anomalous));
}

std::optional<double> Measures::f1() const {
  if (anomalous == 0) return std::nullopt;
  return ratio(2 * static_cast<double>(found), static_cast<double>(found + flagged_else + anomalous));
}

std::optional<double> Measures::event_recall() const {
  return ratio(static_cast<double>(delays.size()), static_cast<double>(events));
}

// The least delay that at least this share of the found events do not exceed.
std::optional<double> Measures::delay(double share) const {
  if (delays.empty()) return std::nullopt;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(delays.size())));
  return delays[std::max<std::size_t>(rank, 1) - 1];
}

std::optional<double> Measures::false_alarms_per_day() const {
  return ratio(static_cast<double>(false_alarms), sensor_days);
}

Course course_of(const SensorTruth& truth, const std::vector<Detection>& detections,
                 const std::optional<double>& threshold) {
  Course course;
  course.scores.assign(truth.readings.size(), 0);
  course.flagged.assign(truth.readings.size(), false);
  std::vector<bool> is_known(truth.readings.size(), false);
  std::vector<Detection> spans;
  for (const Detection& one : detections) {
    if (one.is_span) {
      spans.push_back(one);
      continue;
    }
    const bool is_flagged = threshold ? one.score >= *threshold : one.is_flagged;
    const std::size_t place = reading_at(truth.readings, one);
    if (place == truth.readings.size()) {
      ++course.unmatched;
      if (is_flagged) course.elsewhere.push_back(one);
      continue;
    }
    course.scores[place] = is_known[place] ? std::max(course.scores[place], one.score) : one.score;
    course.flagged[place] = course.flagged[place] || is_flagged;
    is_known[place] = true;
  }
  spans = united(std::move(spans));
  for (const Detection& span : spans) add_span(truth.readings, span, course);
  course.elsewhere.insert(course.elsewhere.end(), spans.begin(), spans.end());
  course.elsewhere = united(std::move(course.elsewhere));
  for (std::size_t i = 0; threshold && i < course.scores.size(); ++i)
    course.flagged[i] = course.scores[i] >= *threshold;
  return course;
}

std::vector<Label> labels_of(const SensorTruth& truth) {
  std::vector<Label> labels;
  for (const Reading& reading : truth.readings)
    labels.push_back(reading.anomaly ? Label::anomalous : Label::normal);
  for (const Event& event : truth.events) {
    if (!takes_rows(event.type)) continue;
    const auto [first, end] = readings_within(truth, event);
    for (std::size_t i = first; i < end; ++i) {
      if (labels[i] == Label::normal) labels[i] = Label::left_out;
    }
  }
  return labels;
}

std::vector<std::size_t> events_of_readings(const SensorTruth& truth) {
  std::vector<std::size_t> event_of(truth.readings.size(), no_event);
  for (std::size_t e = 0; e < truth.events.size(); ++e) {
    if (takes_rows(truth.events[e].type)) continue;
    const auto [first, end] = readings_within(truth, truth.events[e]);
    for (std::size_t i = first; i < end; ++i) {
      if (truth.readings[i].anomaly == truth.events[e].type) event_of[i] = e;
    }
  }
  return event_of;
}

GroupedMeasures judge(const std::vector<Traits>& traits, const SensorTruth& sensor, const Course& course,
                      const JudgeOptions& options) {
  return Judge(traits, sensor, course, options).judge();
}

}  // namespace fleet_sim::score
