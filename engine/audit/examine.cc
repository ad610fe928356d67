#include "audit/examine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <utility>

#include "base/anomaly_types.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"

namespace fleet_sim::audit {
namespace {

// Programs take a time for one of another zone: by quarters of an hour, up to this many, or by a day.
constexpr Microseconds quarter = 900 * microseconds_per_second;
constexpr std::int64_t most_quarters = 56;  // 14 hours
constexpr std::size_t enough_evidence = 3;  // gauges with a resolution that show which reading a row is of
constexpr std::uint64_t most_beside = 64;   // readings around a time of another zone
constexpr std::uint64_t most_looked_at = 2'048;  // readings for a row whose time does not say which it is
constexpr std::uint64_t most_looked_at_in_vain = 2'000'000;  // of a thread, a second or two

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> texts) {
  return std::ranges::find(texts, text) != texts.end();
}
bool is_yes(std::string_view text) {
  return is_any_of(text, {"1", "t", "true", "True", "TRUE", "1.0"});
}
bool is_no(std::string_view text) {
  return is_any_of(text, {"0", "f", "false", "False", "FALSE", "0.0"});
}
// As databases and Python write it.
bool is_null(std::string_view text) {
  return is_any_of(text, {"", "\\N", "NULL", "null", "None", "NaN", "nan"});
}
bool is_telling(const types::ChannelColumn& channel) {
  return channel.kind == types::ChannelKind::gauge && channel.resolution == 0;
}
bool is_same(std::string_view text, std::string_view ours) {
  return text == ours || (ours.empty() && is_null(text));
}

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Whether the text is the number with fewer digits.
bool is_rounded(double value, std::string_view text) {
  const auto number = number_in(text);
  if (!number) return false;
  if (static_cast<float>(*number) == static_cast<float>(value)) return true;
  const std::size_t point = text.find('.');
  const std::size_t decimals = point == std::string_view::npos ? 0 : text.size() - point - 1;
  return std::fabs(*number - value) <= 1.01 * std::pow(10.0, -static_cast<double>(decimals));
}

std::string shown(std::string_view text) {
  return text.empty() ? std::string("nothing") : printable(text, 60);
}

}  // namespace

Tolerance parse_tolerance(std::string_view text) {
  if (text == "float32") return {0, true};
  const auto number = number_in(text);
  if (!number || !(*number >= 0) || !std::isfinite(*number))
    throw InvalidInput(
        fmt::format("--tolerance must be a number such as 0.0005, or float32, not {}", in_quotes(text)));
  return {*number, false};
}

ExaminedBlock Examiner::examine(const TextBlock& block) {
  ExaminedBlock examined;
  examined.altered_columns.resize(columns_.slots());
  text_.format() == TextFormat::csv ? examine_lines(CsvLines(block, text_.name()), examined)
                                    : examine_lines(JsonLines(block, text_.name()), examined);
  return examined;
}

template <class Lines>
void Examiner::examine_lines(Lines lines, ExaminedBlock& block) {
  while (columns_.next(lines, cells_)) {
    if (const auto row = examine_row(lines, block)) block.rows.push_back(*row);
  }
}

template <class Lines>
std::optional<ExaminedRow> Examiner::examine_row(const Lines& lines, ExaminedBlock& block) {
  ExaminedRow row;
  const std::string_view id = cells_[index_of(Slot::sensor_id)];
  const auto track = expected_.find(id);
  const bool has_due = has(Slot::due) && !cells_[index_of(Slot::due)].empty();
  const files::Moment at = moment(lines, has_due ? Slot::due : Slot::timestamp);
  timestamp_ = has_due ? std::nullopt : std::optional(at);
  const Microseconds slack = at.unit - 1 + (has_due ? 0 : expected_.jitter());
  if (at.at - slack >= options_.until) return std::nullopt;
  if (!track) {
    row.stranger = Stranger::no_sensor;
    note_stranger(lines, at, row, block);
    return row;
  }
  row.track = *track;
  read_values(*track);
  const history::Memories::Memory memory = memories_.of(*track);
  std::optional<Placed> placed = place(lines, *track, at, has_due ? 0 : expected_.jitter());
  if (!placed && has_due && has(Slot::timestamp))
    placed = place(lines, *track, moment(lines, Slot::timestamp), expected_.jitter());
  const Track& of = expected_.tracks()[*track];
  Remade reading;
  bool is_good = false;
  if (placed) {
    row.number = placed->number;
    row.choices = placed->choices;
    row.which = placed->which;
    if (slack == at.unit - 1) row.at = at;
    reading = expected_.reading(*track, placed->number, memory);
    compare(reading, *track, placed->number);
    is_good = of.absence_of(placed->number) == nullptr;
  }
  // It may as well be a reading that is not asked for, unless its values say which one it is.
  const bool may_be_later = slack > 0 && at.at + slack >= options_.until;
  const bool is_known = is_good && differ_.empty() && (at.at < options_.until || has_values_);
  if (may_be_later && !is_known) return std::nullopt;
  if (!is_good || all_values_differ()) {
    if (const auto shifted = find_shifted(*track, at)) {
      row.number = *shifted;
      row.choices = 1;
      reading = expected_.reading(*track, *shifted);
      compare(reading, *track, *shifted);
      is_good = true;
    }
  }
  if (!is_good) {
    row.stranger = placed ? Stranger::not_produced : why_strange(of, at);
    note_stranger(lines, at, row, block);
    return row;
  }
  judge(lines, reading, row, block);
  if (has(Slot::arrival)) note_delay(lines, row);
  return row;
}

// What the row has in the columns of its channels, as numbers.
void Examiner::read_values(std::uint32_t track) {
  if (const types::Schema& schema = expected_.schema_of(track); &schema != schema_) {
    schema_ = &schema;
    slots_ = columns_.channels_of(schema);
  }
  has_values_ = std::ranges::any_of(slots_, [&](std::size_t slot) { return has(slot); });
  numbers_.resize(slots_.size());
  for (std::size_t c = 0; c < slots_.size(); ++c) {
    if (has(slots_[c])) numbers_[c] = number_in(cells_[slots_[c]]);
  }
}

template <class Lines>
files::Moment Examiner::moment(const Lines& lines, Slot slot) {
  const std::string_view text = cells_[index_of(slot)];
  if (const auto at = read_moment(text)) return *at;
  lines.fail(
      fmt::format("{} {} is no time; write it like 2026-01-31T12:30:05.25Z, or in s, ms, µs or ns since "
                  "1970",
                  columns_.name(index_of(slot)), in_quotes(text)));
}

// Most are written as ours are, or as PostgreSQL and Python write those.
std::optional<files::Moment> Examiner::read_moment(std::string_view text) {
  constexpr std::size_t digits = timestamp_width - 1;
  if (text.size() < timestamp_width || text[digits - 7] != '.') return files::parse_moment(text);
  const std::string_view zone = text.substr(digits);
  if (zone != "Z" && zone != "+00" && zone != "+00:00") return files::parse_moment(text);
  std::array<char, timestamp_width> ours;
  std::ranges::copy(text.substr(0, digits), ours.begin());
  ours[digits] = 'Z';
  if (ours[10] == ' ') ours[10] = 'T';
  if (const auto at = timestamps_.read({ours.data(), ours.size()})) return files::Moment{*at, 1};
  return files::parse_moment(text);
}

// By its values, where it may be several. Which of those that fit is left to who sees the rows in order.
template <class Lines>
std::optional<Examiner::Placed> Examiner::place(const Lines& lines, std::uint32_t track,
                                                const files::Moment& moment, Microseconds slack) {
  const Track& of = expected_.tracks()[track];
  if (slack == 0 && moment.unit == 1) {
    const auto number = of.find(moment.at);
    return number ? std::optional(Placed{*number}) : std::nullopt;
  }
  const Microseconds around = moment.unit - 1 + slack;
  Track::Span span = of.due_between(moment.at - around, moment.at + around + 1);
  if (span.first == span.end) return std::nullopt;
  if (span.first + 1 == span.end) return Placed{span.first};
  const Track::Span cut = of.due_between(moment.at, moment.at + moment.unit);
  const bool has_flags = has(Slot::status_code) || has(Slot::anomaly_flag) || has(Slot::anomaly_type);
  const bool tells = has_values_ || has_flags;
  const std::uint64_t most = has_values_ ? most_looked_at : bits_of_choices;
  const bool is_off = slack > 0 && !has_values_;  // and nothing tells by how much
  if (is_off && cut.first < cut.end) span = cut;
  const auto demand_few = [&](std::uint64_t readings, std::uint64_t few) {
    if (readings <= few) return;
    lines.fail(
        fmt::format("its time fits {} readings of the sensor, too many to tell which one it is; write times "
                    "with more decimals",
                    grouped(readings)));
  };
  if (tells || span.end - span.first <= most) {
    demand_few(span.end - span.first, most);
    if (const auto placed = place_by_values(track, span)) {
      demand_few(placed->choices, bits_of_choices);
      return placed;
    }
  } else if (const auto placed = any_of(of, span)) {
    return placed;
  }
  if (const auto placed = any_of(of, cut)) return placed;
  span.end = std::min(span.end, span.first + most_looked_at);
  std::uint64_t nearest = span.first;
  for (std::uint64_t number = span.first; number < span.end; ++number) {
    if (std::abs(of.due(number) - moment.at) < std::abs(of.due(nearest) - moment.at)) nearest = number;
  }
  return Placed{nearest};
}

// Neighbours often have the same values. Those in which nothing else differs either go first, then a reading
// that the run made no row of, and those of which some values are the row's come last.
std::optional<Examiner::Placed> Examiner::place_by_values(std::uint32_t track, const Track::Span& span) {
  const Track& of = expected_.tracks()[track];
  std::optional<Placed> same;
  std::optional<Placed> alike;
  std::optional<Placed> without_row;
  std::optional<Placed> partly;  // as many of the values as of no other
  std::size_t most_equal = 1;
  const auto note = [](std::optional<Placed>& placed, std::uint64_t number) {
    if (!placed) placed = Placed{number, 1, 0};
    const std::uint64_t offset = number - placed->number;
    placed->choices = offset + 1;
    if (offset < bits_of_choices) placed->which |= std::uint64_t{1} << offset;
  };
  const std::vector<Remade>& readings = look_at(track, span);
  for (std::uint64_t number = span.first; number < span.end; ++number) {
    const Remade& reading = readings[number - span.first];
    const bool has_row = of.absence_of(number) == nullptr;
    if (has_values_ && !values_match(reading)) {
      const std::size_t equal = has_row ? equal_values(reading) : 0;
      if (equal > most_equal) partly.reset();
      most_equal = std::max(most_equal, equal);
      if (equal == most_equal) note(partly, number);
      continue;
    }
    if (!has_row) {
      if (!without_row) without_row = Placed{number};
      continue;
    }
    note(alike, number);
    compare(reading, track, number);
    if (differ_.empty()) note(same, number);
  }
  const bool is_few = partly && partly->choices <= bits_of_choices;
  return same ? same : alike ? alike : without_row ? without_row : is_few ? partly : std::nullopt;
}

// The readings of the span. Rows that follow each other are often of the same.
const std::vector<Remade>& Examiner::look_at(std::uint32_t track, const Track::Span& span) {
  Looked& looked = looked_at_[track % looked_at_.size()];
  if (looked.track == track && looked.span.first == span.first && looked.span.end == span.end)
    return looked.readings;
  looked.track = track;
  looked.span = span;
  looked.readings.clear();
  const history::Memories::Memory memory = memories_.of(track);
  for (std::uint64_t number = span.first; number < span.end; ++number)
    looked.readings.push_back(expected_.reading(track, number, memory));
  return looked.readings;
}

// Any of them that has a row.
std::optional<Examiner::Placed> Examiner::any_of(const Track& of, const Track::Span& span) {
  std::uint64_t first = span.first;
  while (first < span.end) {
    const Absence* const absence = of.absence_of(first);
    if (absence == nullptr) return Placed{first, span.end - first};
    first = absence->end();
  }
  return std::nullopt;
}

bool Examiner::is_equal(double value, std::size_t channel) const {
  const std::optional<double>& found = numbers_[channel];
  if (found && *found == value) return true;
  if (!found || std::isnan(*found)) return !std::isfinite(value) && is_null(cells_[slots_[channel]]);
  if (options_.tolerance.is_single) return static_cast<float>(*found) == static_cast<float>(value);
  // Half a unit of the last decimal is off by a little more or less, as numbers are stored.
  const double stored = std::numeric_limits<double>::epsilon() * std::fabs(value);
  return options_.tolerance.most > 0 && std::fabs(*found - value) <= options_.tolerance.most + stored;
}

bool Examiner::values_match(const Remade& reading) const {
  bool any = false;
  for (std::size_t c = 0; c < slots_.size() && c < reading.values.size(); ++c) {
    if (!has(slots_[c])) continue;
    if (!is_equal(reading.values[c], c)) return false;
    any = true;
  }
  return any;
}

// Only those that hardly any other reading has.
std::size_t Examiner::equal_values(const Remade& reading) const {
  std::size_t count = 0;
  for (std::size_t c = 0; c < slots_.size() && c < reading.values.size(); ++c)
    count += has(slots_[c]) && is_telling(schema_->channels()[c]) && is_equal(reading.values[c], c) ? 1 : 0;
  return count;
}

void Examiner::compare_time(const Remade& reading, Slot slot, Microseconds slack) {
  if (!has(slot)) return;
  const bool is_known = slot == Slot::timestamp && timestamp_;
  const auto found = is_known ? timestamp_ : read_moment(cells_[index_of(slot)]);
  if (!found || std::abs(found->at - reading.due) > found->unit - 1 + slack)
    differ_.push_back(index_of(slot));
}

void Examiner::compare(const Remade& reading, std::uint32_t track, std::uint64_t number) {
  differ_.clear();
  const auto differs = [&](Slot slot) { differ_.push_back(index_of(slot)); };
  const auto cell = [&](Slot slot) { return cells_[index_of(slot)]; };
  compare_time(reading, Slot::timestamp, expected_.jitter());
  compare_time(reading, Slot::due, 0);
  if (has(Slot::sequence) &&
      number_in(cell(Slot::sequence)) != std::optional(static_cast<double>(sequence_of(track, number))))
    differs(Slot::sequence);
  for (const Slot flag : {Slot::status_code, Slot::anomaly_flag}) {
    if (has(flag) && !(reading.anomaly ? is_yes(cell(flag)) : is_no(cell(flag)))) differs(flag);
  }
  const std::string_view type = reading.anomaly ? name_of(*reading.anomaly) : std::string_view();
  if (has(Slot::anomaly_type) && !is_same(cell(Slot::anomaly_type), type)) differs(Slot::anomaly_type);
  const identity::Roster& roster = expected_.roster_of(track);
  const identity::Identity is = roster.shown(reading.identity, reading.overlay);
  const auto compare_text = [&](Slot slot, identity::Text text) {
    if (has(slot) && !is_same(cell(slot), roster.text(text))) differs(slot);
  };
  compare_text(Slot::firmware_version, is.firmware_version);
  compare_text(Slot::model, is.model);
  compare_text(Slot::manufacturer, is.manufacturer);
  compare_text(Slot::location, is.location);
  for (std::size_t c = 0; c < slots_.size() && c < reading.values.size(); ++c) {
    if (has(slots_[c]) && !is_equal(reading.values[c], c)) differ_.push_back(slots_[c]);
  }
}

bool Examiner::all_values_differ() const {
  if (differ_.empty()) return false;
  bool any = false;
  for (const std::size_t slot : slots_) {
    if (!has(slot)) continue;
    if (std::ranges::find(differ_, slot) == differ_.end()) return false;
    any = true;
  }
  return any;
}

// A value in the column of another channel is the reading's, too.
bool Examiner::is_foreign(const Remade& reading) const {
  const auto is_gauge = [&](std::size_t c) {
    return schema_->channels()[c].kind == types::ChannelKind::gauge;
  };
  const std::size_t count = std::min(slots_.size(), reading.values.size());
  bool has_gauge = false;
  for (std::size_t c = 0; c < count; ++c) {
    if (!has(slots_[c]) || !is_gauge(c)) continue;
    if (is_rounded(reading.values[c], cells_[slots_[c]])) return false;
    for (std::size_t d = 0; d < count; ++d) {
      if (is_gauge(d) && is_equal(reading.values[d], c)) return false;
    }
    has_gauge = true;
  }
  return has_gauge;
}

// Only of readings with a gauge, which tells one reading from another; one whose values repeat, because it
// has a resolution, does so together with others.
std::optional<std::uint64_t> Examiner::find_shifted(std::uint32_t track, const files::Moment& moment) {
  std::size_t evidence = 0;
  for (std::size_t c = 0; c < slots_.size(); ++c) {
    const types::ChannelColumn& channel = schema_->channels()[c];
    if (!has(slots_[c]) || channel.kind != types::ChannelKind::gauge) continue;
    evidence += channel.resolution == 0 ? enough_evidence : 1;
  }
  if (evidence < enough_evidence || looked_at_in_vain_ >= most_looked_at_in_vain) return std::nullopt;
  const Track& of = expected_.tracks()[track];
  std::uint64_t looked_at = 2 * most_quarters;  // what the shifts take by themselves
  const auto is_it = [&](std::uint64_t number) {
    ++looked_at;
    return number < of.readings && of.absence_of(number) == nullptr &&
           values_match(expected_.reading(track, number));
  };
  const auto at_shift = [&](Microseconds shift) -> std::optional<std::uint64_t> {
    const Microseconds around = moment.unit - 1 + expected_.jitter();
    const Timestamp at = moment.at - shift;
    const Track::Span span = of.due_between(at - around, at + around + 1);
    for (std::uint64_t number = span.first; number < std::min(span.end, span.first + most_beside); ++number) {
      if (is_it(number)) return number;
    }
    return std::nullopt;
  };
  if (shift_ != 0) {
    if (const auto number = at_shift(shift_)) return number;
  }
  // A time that was rounded lies beside the reading. At the very time of a reading, values of the one before
  // were filled in.
  const std::uint64_t next = of.due_between(moment.at, latest_timestamp).first;
  if (!of.find(moment.at)) {
    for (const std::uint64_t number : {next - 1, next}) {
      if (is_it(number)) return number;
    }
  }
  const auto tries = [&](Microseconds shift) {
    const auto number = at_shift(shift);
    if (number) shift_ = shift;
    return number;
  };
  for (std::int64_t k = 1; k <= most_quarters; ++k) {
    if (const auto number = tries(k * quarter)) return number;
    if (const auto number = tries(-k * quarter)) return number;
  }
  for (const Microseconds day : {microseconds_per_day, -microseconds_per_day}) {
    if (const auto number = tries(day)) return number;
  }
  looked_at_in_vain_ += looked_at;
  return std::nullopt;
}

template <class Lines>
void Examiner::judge(const Lines& lines, const Remade& reading, ExaminedRow& row, ExaminedBlock& block) {
  if (differ_.empty()) return;
  if (lines.ends_text())
    lines.fail("differs from its reading and has no end: the rows end here, and may have been cut short");
  row.is_altered = true;
  row.is_foreign = is_foreign(reading);
  for (const std::size_t slot : differ_) {
    ++block.altered_columns[slot];
    if (block.altered.size() >= most_findings) continue;
    block.altered.push_back({lines.line(), std::string(expected_.tracks()[row.track].id), reading.due,
                             columns_.name(slot), expected_text(reading, row, slot), shown(cells_[slot])});
  }
}

template <class Lines>
void Examiner::note_delay(const Lines& lines, ExaminedRow& row) {
  row.delay = moment(lines, Slot::arrival).at - expected_.tracks()[row.track].due(row.number);
}

template <class Lines>
void Examiner::note_stranger(const Lines& lines, const files::Moment& moment, ExaminedRow& row,
                             ExaminedBlock& block) const {
  if (block.strangers.size() >= most_findings) return;
  block.strangers.push_back({lines.line(), shown(cells_[index_of(Slot::sensor_id)]), moment.at, "",
                             std::string(stranger_names[static_cast<std::size_t>(row.stranger)]), ""});
}

Stranger Examiner::why_strange(const Track& track, const files::Moment& moment) const {
  const bool is_within = std::ranges::any_of(track.segments, [&](const Segment& segment) {
    return moment.at >= segment.due(segment.first) &&
           moment.at <= segment.due(segment.first + segment.count - 1);
  });
  return is_within ? Stranger::no_time : Stranger::outside;
}

std::uint64_t Examiner::sequence_of(std::uint32_t track, std::uint64_t number) const {
  const std::vector<Segment>& segments = expected_.tracks()[track].segments;
  const Segment& segment = *(std::ranges::upper_bound(segments, number, {}, &Segment::first) - 1);
  return number - segment.first + segment.skipped + 1;
}

std::string Examiner::expected_text(const Remade& reading, const ExaminedRow& row, std::size_t slot) const {
  const identity::Roster& roster = expected_.roster_of(row.track);
  const identity::Identity is = roster.shown(reading.identity, reading.overlay);
  if (slot >= slot_count) {
    const auto channel = static_cast<std::size_t>(std::ranges::find(slots_, slot) - slots_.begin());
    return fmt::format("{}", reading.values[channel]);
  }
  switch (static_cast<Slot>(slot)) {
    case Slot::timestamp:
    case Slot::due:
      return timestamp_text(reading.due);
    case Slot::sequence:
      return fmt::format("{}", sequence_of(row.track, row.number));
    case Slot::status_code:
    case Slot::anomaly_flag:
      return reading.anomaly ? "1" : "0";
    case Slot::anomaly_type:
      return shown(reading.anomaly ? name_of(*reading.anomaly) : std::string_view());
    case Slot::firmware_version:
      return shown(roster.text(is.firmware_version));
    case Slot::model:
      return shown(roster.text(is.model));
    case Slot::manufacturer:
      return shown(roster.text(is.manufacturer));
    case Slot::location:
      return shown(roster.text(is.location));
    default:
      return {};
  }
}

}  // namespace fleet_sim::audit
