#include "scenario/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/terms.h"
#include "base/text.h"
#include "yaml/forms.h"
#include "yaml/text.h"

namespace fleet_sim::scenario {
namespace {

using NodeKind = yaml::Node::Kind;
using yaml::Form;

constexpr double largest_severity = 1'000;
constexpr std::size_t longest_word_bytes = 64;

struct Row {
  std::string_view name;
  std::string_view help;
  bool required = false;
  std::vector<std::string_view> verbs = {};
};

// A field in any notation. `read` takes the node, the value and its place.
template <class Of, class T, class Read, class Text>
Field<Of> field(T Of::*member, std::string values, Read read, Text text, const Row& row) {
  return {.name = row.name,
          .values = std::move(values),
          .help = row.help,
          .required = row.required,
          .verbs = row.verbs,
          .read = [member, read](const yaml::Node& node, Of& value,
                                 const Place& place) { read(node, value.*member, place); },
          .text = [member, text](const Of& value) { return text(value.*member); },
          .is_usual = [member](const Of& value) { return value.*member == Of{}.*member; }};
}

template <class Of, class T>
Field<Of> field(T Of::*member, const Form<T>& form, const Row& row) {
  const auto read = [form](const yaml::Node& node, T& value, const Place& place) {
    if (const std::string wrong = yaml::parse_node(form, node, value); !wrong.empty())
      place.add(node.line, wrong);
  };
  return field(member, form.values, read, form.text, row);
}

// One that may be left out, in the notation of `form`.
template <class T>
Form<std::optional<T>> maybe(const Form<T>& form) {
  const auto parse = [form](std::string_view text, std::optional<T>& value) {
    T found{};
    std::string wrong = form.parse(text, found);
    if (wrong.empty()) value = found;
    return wrong;
  };
  return {parse, [form](const std::optional<T>& value) { return form.text(value.value_or(T{})); },
          form.values};
}

// A map with fields of its own.
template <class Of, class T>
Field<Of> map_field(T Of::*member, std::string values, const Row& row) {
  const auto read = [](const yaml::Node& node, T& value, const Place& place) {
    read_fields(node, value, place);
  };
  return field(member, std::move(values), read, fields_text<T>, row);
}

Form<Microseconds> span_from(Microseconds shortest) {
  return yaml::span(shortest, longest_span);
}

Form<Beginning> beginning() {
  const auto parse = [](std::string_view text, Beginning& value) {
    Beginning found{.after_start = text.starts_with('+')};
    std::string wrong = found.after_start ? span_from(0).parse(text.substr(1), found.time)
                                          : yaml::parse_start(text, found.time);
    if (!wrong.empty() && !found.after_start && read_duration(text))
      wrong =
          yaml::must_be("a time such as 2026-01-31T12:30, or +2h for 2 hours after the run's start", text);
    if (wrong.empty()) value = found;
    return wrong;
  };
  const auto text = [](const Beginning& value) {
    return value.after_start ? "+" + yaml::span_text(value.time) : brief_timestamp_text(value.time);
  };
  return {parse, text, "a time such as `2026-03-01T02:00Z`, or `+TIME` after the run's start"};
}

// Text that has something in it.
Form<std::string> some_text(std::size_t most_bytes, std::string values) {
  const auto parse = [form = yaml::short_text(most_bytes)](std::string_view text, std::string& value) {
    return text.empty() ? "must not be empty" : form.parse(text, value);
  };
  return {parse, yaml::scalar, std::move(values)};
}

Form<std::string> glob() {
  return some_text(longest_text_bytes, "text; `*` is any text, `?` any character");
}

Form<std::string> new_text() {
  return some_text(longest_text_bytes, fmt::format("text of at most {} bytes", longest_text_bytes));
}

Form<bool> boolean() {
  return {yaml::parse_boolean, [](bool value) { return std::string(value ? "true" : "false"); },
          "`true`, `false`"};
}

// It is said of entries for which it is true, although all are equal in it.
Field<Entry> added() {
  const auto read = [](const yaml::Node& node, Added& value, const Place& place) {
    if (const std::string wrong = yaml::parse_node(boolean(), node, value.by_request); !wrong.empty())
      place.add(node.line, wrong);
  };
  const auto text = [](const Added& value) { return boolean().text(value.by_request); };
  Field<Entry> field_of_it =
      field(&Entry::added, boolean().values, read, text,
            {.name = "added", .help = "Came with `POST /api/scenario`, and stays when the files change"});
  field_of_it.is_usual = [](const Entry& entry) { return !entry.added.by_request; };
  return field_of_it;
}

Form<std::uint64_t> count(std::uint64_t min, std::uint64_t max) {
  return {[min, max](std::string_view text, std::uint64_t& value) {
            return yaml::parse_count(text, min, max, value);
          },
          yaml::count_text, yaml::count_range_text(min, max)};
}

// What is wrong with a wave behind those there are.
std::string wave_problem(const yaml::Node& node, const std::vector<Wave>& before, Wave& wave) {
  static const Form<Microseconds> delays = span_from(0);
  static const Form<double> shares = yaml::share();
  std::string wrong = delays.parse(node.key, wave.delay);
  if (!wrong.empty()) return fmt::format("has a delay that {}", wrong);
  wrong = yaml::parse_node(shares, node, wave.share);
  if (!wrong.empty()) return fmt::format("after {} {}", in_quotes(node.key), wrong);
  if (before.empty()) return {};
  if (wave.delay <= before.back().delay)
    return fmt::format("must have delays that rise; {} follows {}", in_quotes(node.key),
                       yaml::span_text(before.back().delay));
  if (wave.share < before.back().share)
    return fmt::format(
        "must have shares that do not fall, because they count all sensors reached so far; {} "
        "follows {}",
        in_quotes(node.text), shares.text(before.back().share));
  return {};
}

Field<Entry> waves() {
  const auto read = [](const yaml::Node& node, std::vector<Wave>& value, const Place& place) {
    if (!node.is(NodeKind::map) || node.children.empty())
      return place.add(node.line,
                       "must be a map of delays and the share reached by then, such as {0d: 1%, 1d: 100%}");
    if (node.children.size() > most_waves)
      return place.add(node.key_line,
                       fmt::format("must not be more than {}, not {}", most_waves, node.children.size()));
    std::vector<Wave> found;
    for (const yaml::Node& child : node.children) {
      Wave wave;
      if (const std::string wrong = wave_problem(child, found, wave); !wrong.empty())
        return place.add(child.key_line, wrong);
      found.push_back(wave);
    }
    value = std::move(found);
  };
  const auto text = [shares = yaml::share()](const std::vector<Wave>& value) {
    std::string waves;
    for (const Wave& wave : value)
      waves += fmt::format("{}{}: {}", waves.empty() ? "" : ", ", yaml::span_text(wave.delay),
                           shares.text(wave.share));
    return fmt::format("{{{}}}", waves);
  };
  return field(
      &Entry::waves, fmt::format("a map of up to {} delays to shares", most_waves), read, text,
      {.name = "waves",
       .help = "The share of the sensors that has been reached by each delay after `at`; without it, "
               "all are reached at once"});
}

Field<Deliver> late() {
  const auto read = [](const yaml::Node& node, std::optional<Late>& value, const Place& place) {
    read_fields(node, value.emplace(), place);
  };
  const auto text = [](const std::optional<Late>& value) { return fields_text(value.value_or(Late{})); };
  return field(&Deliver::late, "`{share, median}`", read, text,
               {.name = "late", .help = "The rows that arrive late"});
}

constexpr std::array<std::string_view, 2> ramps{"none", "linear"};

// The verbs: how each reads and writes what it holds.

template <class V, class Read, class Text>
VerbRow verb(std::string_view name, std::string values, std::string_view help, Read read, Text text) {
  return {.name = name,
          .values = std::move(values),
          .help = help,
          .read = [read](const yaml::Node& node, Verb& value,
                         const Place& place) { read(node, value.emplace<V>(), place); },
          .text = [text](const Verb& value) { return text(std::get<V>(value)); }};
}

// One that there is nothing to say of.
template <class V>
VerbRow bare_verb(std::string_view name, std::string_view help) {
  const auto read = [](const yaml::Node& node, V&, const Place& place) {
    bool value = false;
    const std::string wrong = yaml::parse_node(boolean(), node, value);
    if (!wrong.empty() || !value) place.add(node.line, yaml::must_be("true", node.text));
  };
  return verb<V>(name, "`true`", help, read, [](const V&) { return std::string("true"); });
}

template <class V>
VerbRow map_verb(std::string_view name, std::string values, std::string_view help,
                 std::string (*problem)(const V&)) {
  const auto read = [problem](const yaml::Node& node, V& value, const Place& place) {
    if (!read_fields(node, value, place)) return;
    if (const std::string wrong = problem(value); !wrong.empty()) place.add(node.line, wrong);
  };
  return verb<V>(name, std::move(values), help, read, fields_text<V>);
}

std::string set_problem(const Set& set) {
  return set == Set{} ? "must name what is set: location, manufacturer, model or firmware_version" : "";
}

std::string fault_problem(const Fault& fault) {
  const bool has_channel = anomaly_types[index_of(fault.type)].touches == Touches::one_channel;
  return has_channel || fault.channel.empty()
             ? ""
             : fmt::format("must not name a channel, because {} affects more than one; remove it",
                           name_of(fault.type));
}

std::string deliver_problem(const Deliver& deliver) {
  if (deliver == Deliver{.drain = deliver.drain})
    return "must say how rows arrive: drop, late, duplicate, jitter or hold";
  if (deliver.late && deliver.late->share > 0 && deliver.late->median == 0)
    return "has a late.share above 0, so it must have late.median too, such as 8s";
  return deliver.hold || deliver.drain == Deliver{}.drain ? "" : "has drain, which needs hold: true";
}

VerbRow add_verb() {
  const auto read = [](const yaml::Node& node, Add& value, const Place& place) {
    if (!node.is(NodeKind::map) || node.children.empty())
      return place.add(node.line, "must be a map of channels and what is added, such as {temperature: 6}");
    if (node.children.size() > most_channels)
      return place.add(node.key_line,
                       fmt::format("must not be more than {}, not {}", most_channels, node.children.size()));
    const Form<double> numbers = yaml::number({-largest_parameter, largest_parameter});
    for (const yaml::Node& child : node.children) {
      const std::string wrong = yaml::parse_node(numbers, child, value.channels[child.key]);
      if (!wrong.empty()) place.below(child.key).add(child.line, wrong);
    }
  };
  const auto text = [](const Add& value) {
    std::string channels;
    for (const auto& [channel, number] : value.channels)
      channels += fmt::format("{}{}: {}", channels.empty() ? "" : ", ", yaml::scalar(channel),
                              yaml::number_text(number));
    return fmt::format("{{{}}}", channels);
  };
  return verb<Add>("add", "a map of gauges to numbers", "Adds to what they read, in the channel's unit", read,
                   text);
}

VerbRow reset_verb() {
  const auto read = [](const yaml::Node& node, Reset& value, const Place& place) {
    if (!node.is(NodeKind::sequence) || node.children.empty() || node.children.size() > most_reset)
      return place.add(node.line, "must be a list of types of anomalies or agings, such as [trend]");
    for (const yaml::Node& child : node.children) {
      if (!child.is(NodeKind::scalar) || child.text.size() > longest_text_bytes)
        return place.add(child.line, "must be a list of names, such as [trend]");
      value.what.push_back(child.text);
    }
  };
  const auto text = [](const Reset& value) {
    std::vector<std::string> names;
    for (const std::string& name : value.what) names.push_back(yaml::scalar(name));
    return fmt::format("[{}]", fmt::join(names, ", "));
  };
  return verb<Reset>("reset", "a list of types of anomalies, and of agings",
                     "Ends those that are under way; the part of an aging is replaced", read, text);
}

}  // namespace

Place Place::below(std::string_view key) const {
  return {*problems_, yaml::below(path_, key), *failed_};
}

void Place::add(std::size_t line, const std::string& text) const {
  *failed_ = true;
  problems_->at(line, fmt::format("{} {}", path_, text));
}

void Place::add_unknown(const yaml::Node& node, std::span<const std::string_view> known) const {
  *failed_ = true;
  problems_->at(node.key_line, fmt::format("unknown key {}{}", in_quotes(path_ + "." + node.key),
                                           did_you_mean_or_takes(node.key, known)));
}

template <class Of>
bool read_fields(const yaml::Node& node, Of& value, const Place& place,
                 std::span<const std::string_view> others) {
  std::vector<std::string_view> known(others.begin(), others.end());
  for (const Field<Of>& one : fields<Of>()) known.push_back(one.name);
  bool failed = false;
  const Place here = place.noting(failed);
  if (!node.is(NodeKind::map)) {
    place.add(node.line, fmt::format("must be a map with {}", fmt::join(known, ", ")));
    return false;
  }
  for (const yaml::Node& child : node.children) {
    if (std::ranges::find(known, child.key) == known.end()) here.add_unknown(child, known);
  }
  for (const Field<Of>& one : fields<Of>()) {
    if (const yaml::Node* child = yaml::find_value(node, one.name)) {
      one.read(*child, value, here.below(one.name));
    } else if (one.required) {
      here.add(node.line, fmt::format("must have '{}'", one.name));
    }
  }
  if (failed) place.fail();
  return !failed;
}

template <class Of>
std::string fields_text(const Of& value) {
  std::string text;
  for (const Field<Of>& one : fields<Of>()) {
    if (!one.is_usual(value) || one.required)
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", one.name, one.text(value));
  }
  return fmt::format("{{{}}}", text);
}

template bool read_fields(const yaml::Node&, Entry&, const Place&, std::span<const std::string_view>);
template std::string fields_text(const Entry&);

template <>
const std::vector<Field<Entry>>& fields() {
  static const std::vector<Field<Entry>> all{
      field(
          &Entry::name,
          some_text(longest_name_bytes, fmt::format("text of at most {} bytes", longest_name_bytes)),
          {.name = "name",
           .help = "What it is called, differently from all others; which sensors come first follows from it",
           .required = true}),
      field(&Entry::at, beginning(), {.name = "at", .help = "When it begins", .required = true}),
      field(&Entry::every, span_from(shortest_every),
            {.name = "every",
             .help =
                 "Begins again and again, this long apart: `where` is judged anew, and `spread` drawn anew"}),
      map_field(&Entry::where, "a map of what is true of the sensors",
                {.name = "where",
                 .help = "Which sensors it meets, as they are at `at`; without it, all that are there"}),
      waves(),
      field(&Entry::ramp, yaml::word<Ramp>(ramps),
            {.name = "ramp", .help = "With `linear`, the share grows steadily from one wave to the next"}),
      field(&Entry::spread, span_from(0),
            {.name = "spread",
             .help = "Each sensor is reached up to this much later, equally likely at any time"}),
      field(&Entry::duration, span_from(1'000),
            {.name = "for",
             .help = "How long it lasts at a sensor; without it, a fault lasts as long as its type does, all "
                     "else until the end of the run",
             .verbs = {"silence", "add", "fault", "deliver"}}),
      field(&Entry::fade, span_from(0),
            {.name = "fade",
             .help = "How much of `for` it takes to come, and as much to go",
             .verbs = {"add"}}),
      field(&Entry::silent_for, span_from(0),
            {.name = "silent_for",
             .help = "How long a sensor has no readings once it is reached",
             .verbs = {"set", "reset"}}),
      field(&Entry::fails, yaml::share(),
            {.name = "fails",
             .help = "The share of the sensors that are reached and silent, but stay as they were",
             .verbs = {"set"}}),
      added()};
  return all;
}

template <>
const std::vector<Field<Where>>& fields() {
  static const std::vector<Field<Where>> all{
      field(&Where::id, glob(), {.name = "id", .help = "Its id"}),
      field(&Where::type, glob(), {.name = "type", .help = "Its type"}),
      field(&Where::location, glob(), {.name = "location", .help = "Its location"}),
      field(&Where::site, glob(),
            {.name = "site", .help = "The part of its location before the first ` - `"}),
      field(&Where::manufacturer, glob(), {.name = "manufacturer", .help = "Its manufacturer"}),
      field(&Where::model, glob(), {.name = "model", .help = "Its model"}),
      field(&Where::firmware_version, glob(),
            {.name = "firmware_version", .help = "Its firmware; `1.3.0` is `1.3`"}),
      field(&Where::event, some_text(longest_name_bytes, "the name of an entry before it"),
            {.name = "event", .help = "That entry has reached it by now; from now on, it reaches no more"})};
  return all;
}

template <>
const std::vector<Field<Set>>& fields() {
  static const std::vector<Field<Set>> all{
      field(&Set::location, new_text(), {.name = "location", .help = "Its new location"}),
      field(&Set::manufacturer, new_text(), {.name = "manufacturer", .help = "Its new manufacturer"}),
      field(&Set::model, new_text(), {.name = "model", .help = "Its new model"}),
      field(&Set::firmware_version, new_text(),
            {.name = "firmware_version", .help = "Its new firmware; one that no behavior names is allowed"})};
  return all;
}

template <>
const std::vector<Field<Fault>>& fields() {
  static const std::vector<Field<Fault>> all{
      field(&Fault::type, yaml::word<AnomalyType>(drawn_anomaly_type_names),
            {.name = "type", .help = "Which type of anomaly it is", .required = true}),
      field(&Fault::channel, some_text(longest_word_bytes, "the name of a channel"),
            {.name = "channel", .help = "The channel of an anomaly of one; without it, it is drawn"}),
      field(&Fault::severity, maybe(yaml::number({-largest_severity, largest_severity})),
            {.name = "severity", .help = "How severe it is; without it, it is drawn"})};
  return all;
}

template <>
const std::vector<Field<Late>>& fields() {
  static const std::vector<Field<Late>> all{
      field(&Late::share, yaml::share(), {.name = "share", .help = "How many of them", .required = true}),
      field(&Late::median, span_from(1'000),
            {.name = "median", .help = "How late half of them are, at most; needed if `share` is above 0"})};
  return all;
}

template <>
const std::vector<Field<Deliver>>& fields() {
  static const std::vector<Field<Deliver>> all{
      field(&Deliver::drop, maybe(yaml::share()),
            {.name = "drop", .help = "The share of the rows that never arrives"}),
      late(),
      field(&Deliver::duplicate, maybe(yaml::share()),
            {.name = "duplicate", .help = "The share of the rows that arrives twice"}),
      field(&Deliver::jitter, maybe(span_from(0)),
            {.name = "jitter", .help = "How far a row's timestamp may be off, either way"}),
      field(&Deliver::hold, boolean(),
            {.name = "hold", .help = "With `true`, all rows wait, and come when it is over"}),
      field(&Deliver::drain, count(1, 1'000'000),
            {.name = "drain", .help = "How many of them come then with each new reading"})};
  return all;
}

const std::vector<VerbRow>& verbs() {
  static const std::vector<VerbRow> all{
      map_verb<Set>("set", "a map of what is new",
                    "Changes what the identity file says, until it is set again: an upgrade, a move",
                    set_problem),
      bare_verb<Silence>("silence", "Takes all readings: an outage"),
      add_verb(),
      reset_verb(),
      map_verb<Fault>("fault", "`{type, channel, severity}`",
                      "Begins an anomaly, and ends one that was drawn", fault_problem),
      map_verb<Deliver>("deliver", "`{drop, late, duplicate, jitter, hold, drain}`",
                        "Disturbs how rows arrive", deliver_problem),
      bare_verb<Join>("join", "Brings sensors that were not there since the start, or have left"),
      bare_verb<Leave>("leave", "Takes sensors away")};
  return all;
}

}  // namespace fleet_sim::scenario
