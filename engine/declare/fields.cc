#include "declare/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "declare/week_hours.h"
#include "yaml/forms.h"
#include "yaml/text.h"
#include "yaml/values.h"

namespace fleet_sim::declare {
namespace {

using NodeKind = yaml::Node::Kind;
using types::ChannelColumn;
using types::Cycle;
using types::Gauge;
using types::Limits;
using types::Scope;
using types::Term;
using yaml::any_number;
using yaml::Form;
using yaml::number;
using yaml::short_text;
using yaml::span;
using yaml::span_text;
using yaml::word;

constexpr yaml::Bounds not_negative{0, yaml::largest_measure};
constexpr double finest_resolution = 1e-9;
constexpr double coarsest_resolution = 1e9;
constexpr std::size_t most_factors = types::most_channels;

struct Row {
  std::string_view name;
  std::string_view help;
  bool required = false;
  bool at_once = true;
};

// A field in any notation. `read` takes the node, the names and the value, and returns a FieldProblem.
template <class Kind, class T, class Read, class Text>
TypeField<Kind> field(T Kind::*member, const std::string& values, Read read, Text text, const Row& row) {
  return {.name = row.name,
          .values = values,
          .help = row.help,
          .required = row.required,
          .at_once = row.at_once,
          .read = [member, read](const yaml::Node& node, const TypeNames& names,
                                 Kind& value) { return read(node, names, value.*member); },
          .text = [member, text](const TypeNames& names,
                                 const Kind& value) { return text(names, value.*member); },
          .is_usual = [member](const Kind& value) { return value.*member == Kind{}.*member; }};
}

std::string not_single(const yaml::Node& node) {
  return node.is(NodeKind::scalar) ? "" : "must be a single value";
}

template <class Kind, class T>
TypeField<Kind> field(T Kind::*member, const Form<T>& form, const Row& row) {
  const auto read = [form](const yaml::Node& node, const TypeNames&, T& value) {
    return FieldProblem{yaml::parse_node(form, node, value), node.line};
  };
  const auto text = [written = form.text](const TypeNames&, const T& value) { return written(value); };
  return field(member, form.values, read, text, row);
}

// A step of the values, of a sensible size.
Form<double> step() {
  static constexpr yaml::Bounds steps{finest_resolution, coarsest_resolution, true};
  return {[](std::string_view text, double& value) { return yaml::parse_number(text, steps, value); },
          yaml::number_text, yaml::range_text(steps)};
}

Form<double> step_or_none() {
  Form<double> form = step();
  form.parse = [parse = form.parse](std::string_view text, double& value) {
    double none = 1;
    const bool is_none = yaml::parse_number(text, any_number, none).empty() && none == 0;
    if (is_none) value = 0;
    return is_none ? std::string() : parse(text, value);
  };
  form.values += ", or 0 for none";
  return form;
}

constexpr std::array<std::string_view, 4> scopes{"sensor", "location", "site", "fleet"};
constexpr std::array<std::string_view, 3> shapes{"sine", "saw", "square"};
constexpr std::array<std::string_view, 2> scales{"linear", "log"};
constexpr std::array<std::string_view, 2> ends_of_life{"silent", "stuck"};

// A time of day, or how long after midnight.
Form<Microseconds> peak_time() {
  Form<Microseconds> form = span(0, 36'525 * microseconds_per_day);
  form.parse = [parse = form.parse](std::string_view text, Microseconds& value) {
    return text.find(':') == text.npos ? parse(text, value) : parse_time_of_day(text, value);
  };
  form.values = "a time such as `\"15:00\"`, or a duration";
  return form;
}

Form<std::vector<types::Hours>> week_hours() {
  return {parse_week_hours,
          [](const std::vector<types::Hours>& hours) { return yaml::quoted(week_hours_text(hours)); },
          "hours such as `\"Mon-Fri 06:00-22:00; Sat 08:00-12:00\"`"};
}

// The date alone at midnight.
std::string moment_text(Timestamp at) {
  constexpr std::size_t date = 10;
  return at % microseconds_per_day == 0 ? timestamp_text(at).substr(0, date) : timestamp_text(at);
}

Form<Timestamp> moment() {
  return {yaml::parse_start, moment_text, "a time such as `2025-01-01`"};
}

// Names may be any text until they have been checked.
std::string listed(const std::vector<std::string_view>& names) {
  constexpr std::size_t most = 300;
  return names.empty() ? "none" : printable(fmt::format("{}", fmt::join(names, ", ")), most);
}

// One name of `names`; `what` says of what. Those that there are may be the remedy.
std::string read_name(std::string_view text, const std::vector<std::string_view>& names,
                      std::string_view what, std::size_t& place) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end())
    return fmt::format("names {}, which is no {} of the type{}; it has {}", in_quotes(text), what,
                       did_you_mean(text, names), listed(names));
  place = static_cast<std::size_t>(found - names.begin());
  return {};
}

template <class Kind>
TypeField<Kind> source(std::size_t Kind::*member, const std::string& values, const Row& row) {
  const auto read = [](const yaml::Node& node, const TypeNames& names, std::size_t& place) {
    std::string wrong = not_single(node);
    if (wrong.empty()) wrong = read_name(node.text, names.sources, "source", place);
    return FieldProblem{std::move(wrong), node.line};
  };
  const auto text = [](const TypeNames& names, std::size_t place) {
    return std::string(names.sources[place]);
  };
  return field(member, values, read, text, row);
}

// What terms name, and the number that they give it.
struct TermForm {
  std::string_view what;  // source
  std::string_view map;   // sources and their factors, such as {run: 2}
  std::vector<std::string_view> TypeNames::*names;
};
constexpr TermForm of_sources{"source", "sources and their factors, such as {run: 2}", &TypeNames::sources};
constexpr TermForm of_channels{"channel", "channels and what they change by, such as {bearing: 12}",
                               &TypeNames::channels};

// A map of names to numbers. `place` and `number` are the two members of a term.
template <class Kind, class OneTerm>
TypeField<Kind> terms(std::vector<OneTerm> Kind::*member, const TermForm& form, std::size_t OneTerm::*place,
                      double OneTerm::*number, const yaml::Bounds& bounds, const std::string& values,
                      const Row& row) {
  const auto read_term = [=](const yaml::Node& node, const TypeNames& names, OneTerm& term) {
    std::string wrong = read_name(node.key, names.*form.names, form.what, term.*place);
    if (!wrong.empty()) return wrong;
    wrong = not_single(node);
    if (wrong.empty()) wrong = yaml::parse_number(node.text, bounds, term.*number);
    return wrong.empty() ? wrong : fmt::format("of {} {}", in_quotes(node.key), wrong);
  };
  const auto read = [=](const yaml::Node& node, const TypeNames& names, std::vector<OneTerm>& all) {
    if (!node.is(NodeKind::map)) return FieldProblem{fmt::format("must be a map of {}", form.map), node.line};
    std::vector<OneTerm> found;
    for (const yaml::Node& child : node.children) {
      if (std::string wrong = read_term(child, names, found.emplace_back()); !wrong.empty())
        return FieldProblem{std::move(wrong), child.key_line};
    }
    all = std::move(found);
    return FieldProblem{};
  };
  const auto written = [=](const TypeNames& names, const std::vector<OneTerm>& all) {
    std::string text;
    for (const OneTerm& term : all) {
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", (names.*form.names)[term.*place],
                          yaml::number_text(term.*number));
    }
    return fmt::format("{{{}}}", text);
  };
  return field(member, values, read, written, row);
}

template <class Kind>
TypeField<Kind> terms(std::vector<Term> Kind::*member, const yaml::Bounds& bounds, const std::string& values,
                      const Row& row) {
  return terms(member, of_sources, &Term::source, &Term::gain, bounds, values, row);
}

// A limit that is open is YAML's infinity.
constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr std::string_view above_all = ".inf";
constexpr std::string_view below_all = "-.inf";

std::string limit_text(double limit) {
  if (limit == infinite) return std::string(above_all);
  return limit == -infinite ? std::string(below_all) : yaml::number_text(limit);
}

std::string read_limit(const yaml::Node& node, double& limit) {
  std::string wrong = not_single(node);
  if (!wrong.empty()) return wrong;
  const bool is_open_below = node.text.starts_with('-');
  const std::string_view without_sign =
      std::string_view(node.text).substr(is_open_below || node.text.starts_with('+') ? 1 : 0);
  if (yaml::equal_words(without_sign, above_all)) {
    limit = is_open_below ? -infinite : infinite;
    return {};
  }
  return yaml::parse_number(node.text, any_number, limit);
}

std::string numbers_text(const std::vector<double>& numbers) {
  std::string text;
  for (const double number : numbers) text += (text.empty() ? "" : ", ") + limit_text(number);
  return fmt::format("[{}]", text);
}

template <class Kind>
TypeField<Kind> limits(Limits Kind::*member, const Row& row) {
  const auto read = [](const yaml::Node& node, const TypeNames&, Limits& value) {
    constexpr std::string_view form = "must be a list of two rising numbers such as [0, 80] or [0, .inf]";
    if (!node.is(NodeKind::sequence) || node.children.size() != 2)
      return FieldProblem{std::string(form), node.line};
    Limits found;
    std::string wrong = read_limit(node.children[0], found.low);
    if (wrong.empty()) wrong = read_limit(node.children[1], found.high);
    if (wrong.empty() && found.low >= found.high) wrong = form;
    if (wrong.empty()) value = found;
    return FieldProblem{std::move(wrong), node.line};
  };
  const auto text = [](const TypeNames&, const Limits& value) {
    return numbers_text({value.low, value.high});
  };
  return field(member, "`[lowest, highest]`; `.inf` where an end is open", read, text, row);
}

TypeField<types::State> thresholds(const Row& row) {
  const auto read = [](const yaml::Node& node, const TypeNames&, std::vector<double>& value) {
    const std::string form = fmt::format("must be a list of 1 to {} rising numbers", most_thresholds);
    if (!node.is(NodeKind::sequence) || node.children.empty() || node.children.size() > most_thresholds)
      return FieldProblem{form, node.line};
    std::vector<double> found;
    for (const yaml::Node& item : node.children) {
      double number = 0;
      std::string wrong = not_single(item);
      if (wrong.empty()) wrong = yaml::parse_number(item.text, any_number, number);
      if (wrong.empty() && !found.empty() && number <= found.back()) wrong = form;
      if (!wrong.empty()) return FieldProblem{std::move(wrong), item.line};
      found.push_back(number);
    }
    value = std::move(found);
    return FieldProblem{};
  };
  const auto text = [](const TypeNames&, const std::vector<double>& value) { return numbers_text(value); };
  return field(&types::State::at, fmt::format("a list of 1 to {} rising numbers", most_thresholds), read,
               text, row);
}

TypeField<types::Product> factors(const Row& row) {
  const auto read = [](const yaml::Node& node, const TypeNames& names, std::vector<std::size_t>& of) {
    if (!node.is(NodeKind::sequence) || node.children.size() < 2 || node.children.size() > most_factors)
      return FieldProblem{fmt::format("must be a list of 2 to {} channels", most_factors), node.line};
    std::vector<std::size_t> found;
    for (const yaml::Node& item : node.children) {
      std::string wrong = not_single(item);
      if (wrong.empty()) wrong = read_name(item.text, names.channels, "channel", found.emplace_back());
      if (!wrong.empty()) return FieldProblem{std::move(wrong), item.line};
    }
    of = std::move(found);
    return FieldProblem{};
  };
  const auto written = [](const TypeNames& names, const std::vector<std::size_t>& of) {
    std::string text;
    for (const std::size_t channel : of)
      text += fmt::format("{}{}", text.empty() ? "" : ", ", names.channels[channel]);
    return fmt::format("[{}]", text);
  };
  return field(&types::Product::of, fmt::format("a list of 2 to {} channels", most_factors), read, written,
               row);
}

TypeField<ChannelColumn> states(const Row& row) {
  const auto read = [](const yaml::Node& node, const TypeNames&, std::vector<std::string>& value) {
    if (!node.is(NodeKind::sequence) || node.children.size() > most_thresholds + 1)
      return FieldProblem{fmt::format("must be a list of at most {} texts", most_thresholds + 1), node.line};
    const Form<std::string> form = short_text(longest_state_bytes);
    std::vector<std::string> found;
    for (const yaml::Node& item : node.children) {
      std::string wrong = not_single(item);
      if (wrong.empty()) wrong = form.parse(item.text, found.emplace_back());
      if (!wrong.empty()) return FieldProblem{std::move(wrong), item.line};
    }
    value = std::move(found);
    return FieldProblem{};
  };
  const auto written = [](const TypeNames&, const std::vector<std::string>& value) {
    std::string text;
    for (const std::string& state : value) text += (text.empty() ? "" : ", ") + yaml::scalar(state);
    return fmt::format("[{}]", text);
  };
  return field(&ChannelColumn::states,
               fmt::format("a list of texts of at most {} bytes", longest_state_bytes), read, written, row);
}

constexpr Microseconds shortest_span = 1'000;
constexpr Microseconds longest_part = 8 * (365 * microseconds_per_day);  // of a noise

constexpr Microseconds shortest_life = microseconds_per_second;
constexpr Microseconds longest_interval = 36'525 * microseconds_per_day;  // of a service

// One time, or a map of three.
TypeField<types::Aging> life(const Row& row) {
  const Form<Microseconds> time = span(shortest_life, longest_interval);
  constexpr std::array<std::pair<std::string_view, Microseconds types::Life::*>, 3> parts{
      {{"median", &types::Life::median}, {"min", &types::Life::min}, {"max", &types::Life::max}}};
  constexpr std::string_view form = "must be a time such as 20d, or {median: 20d, min: 5d, max: 50d}";
  const auto read = [=](const yaml::Node& node, const TypeNames&, types::Life& value) {
    types::Life found;
    if (node.is(NodeKind::scalar)) {
      std::string wrong = time.parse(node.text, found.median);
      if (wrong.empty()) value = {found.median, found.median, found.median};
      return FieldProblem{std::move(wrong), node.line};
    }
    if (!node.is(NodeKind::map)) return FieldProblem{std::string(form), node.line};
    for (const yaml::Node& child : node.children) {
      const auto part = std::ranges::find_if(parts, [&](const auto& one) { return one.first == child.key; });
      if (part == parts.end())
        return FieldProblem{fmt::format("takes median, min and max, not {}", in_quotes(child.key)),
                            child.key_line};
      std::string wrong = not_single(child);
      if (wrong.empty()) wrong = time.parse(child.text, found.*(part->second));
      if (!wrong.empty()) return FieldProblem{fmt::format("{} {}", child.key, wrong), child.line};
    }
    if (found.median == 0 || found.min == 0 || found.max == 0)
      return FieldProblem{"needs median, min and max, as in {median: 20d, min: 5d, max: 50d}", node.line};
    if (found.min > found.median || found.median > found.max)
      return FieldProblem{fmt::format("must rise from min over median to max, not {}, {} and {}",
                                      span_text(found.min), span_text(found.median), span_text(found.max)),
                          node.line};
    value = found;
    return FieldProblem{};
  };
  const auto text = [](const TypeNames&, const types::Life& value) {
    if (value.min == value.max) return span_text(value.median);
    return fmt::format("{{median: {}, min: {}, max: {}}}", span_text(value.median), span_text(value.min),
                       span_text(value.max));
  };
  return field(&types::Aging::life, fmt::format("{}, or `{{median: 20d, min: 5d, max: 50d}}`", time.values),
               read, text, row);
}

template <class Kind>
TypeField<Kind> scope(std::string_view help) {
  return field(&Kind::scope, word<Scope>(scopes), {.name = "scope", .help = help});
}

}  // namespace

template <>
const std::vector<TypeField<types::Noise>>& type_fields() {
  using types::Noise;
  static const std::vector<TypeField<Noise>> fields{
      field(&Noise::from, span(shortest_span, longest_part),
            {.name = "from", .help = "How long its fastest parts last", .required = true}),
      field(&Noise::to, span(shortest_span, longest_part),
            {.name = "to", .help = "How long its slowest parts last", .required = true}),
      field(&Noise::roughness, number({0.01, 2}),
            {.name = "roughness",
             .help = "How much the slow parts outweigh the fast ones; 0.5 is a random walk"}),
      scope<Noise>(
          "Whose it is: each sensor's own, or one for all sensors of a location, a site or the fleet")};
  return fields;
}

template <>
const std::vector<TypeField<types::Load>>& type_fields() {
  using types::Load;
  static const std::vector<TypeField<Load>> fields{
      field(&Load::duty, number({0, 1}),
            {.name = "duty", .help = "Share of the (scheduled) time that it is on", .required = true}),
      field(&Load::burst, number({0, 100}),
            {.name = "burst",
             .help = "How unevenly: 0 is the same share of any hour, 1 and more long runs and pauses"}),
      field(
          &Load::schedule, week_hours(),
          {.name = "schedule", .help = "Hours of the week in which it can be on, in the sensor's time zone"}),
      scope<Load>("As of a noise")};
  return fields;
}

template <>
const std::vector<TypeField<types::Lag>>& type_fields() {
  using types::Lag;
  static const std::vector<TypeField<Lag>> fields{
      source(&Lag::of, "a load", {.name = "of", .help = "What it follows", .required = true}),
      field(&Lag::tau, span(300 * microseconds_per_second, 365 * microseconds_per_day),
            {.name = "tau", .help = "Time constant: after it, 63% of a step is done", .required = true})};
  return fields;
}

template <>
const std::vector<TypeField<Cycle>>& type_fields() {
  static const std::vector<TypeField<Cycle>> fields{
      field(&Cycle::period, span(shortest_span, 36'525 * microseconds_per_day),
            {.name = "period", .help = "How long one turn takes", .required = true}),
      field(&Cycle::peak, peak_time(),
            {.name = "peak",
             .help = "When it is highest, counted from midnight of 1970-01-01 in the sensor's time zone"}),
      field(
          &Cycle::shape, word<Cycle::Shape>(shapes),
          {.name = "shape", .help = "A saw falls at the peak, a square is high for half a turn around it"})};
  return fields;
}

template <>
const std::vector<TypeField<types::White>>& type_fields() {
  static const std::vector<TypeField<types::White>> none;
  return none;
}

template <>
const std::vector<TypeField<ChannelColumn>>& type_fields() {
  static const std::vector<TypeField<ChannelColumn>> fields{
      field(&ChannelColumn::unit, short_text(longest_unit_bytes),
            {.name = "unit", .help = "Unit of the values, for readers", .at_once = false}),
      states({.name = "names",
              .help = "Of a state: what its codes 0, 1, 2 … mean, one more than there are thresholds",
              .at_once = false})};
  return fields;
}

template <>
const std::vector<TypeField<Gauge>>& type_fields() {
  static const std::vector<TypeField<Gauge>> fields{
      field(&Gauge::base, number(any_number),
            {.name = "base", .help = "Value where all sources are 0", .required = true}),
      terms(&Gauge::terms, any_number, "a map of sources to numbers",
            {.name = "terms", .help = "What each source adds for every 1 of it"}),
      field(&Gauge::white, number(not_negative),
            {.name = "white", .help = "Standard deviation of noise that is new with each reading"}),
      field(&Gauge::scale, word<Gauge::Scale>(scales),
            {.name = "scale",
             .help = "With log, terms are factors above 0, to the power of the source; base is above 0, and "
                     "white is "
                     "of the natural logarithm"}),
      limits(&Gauge::range, {.name = "range", .help = "What the quantity keeps to; contains the base"}),
      limits(&Gauge::rails, {.name = "rails", .help = "What the device can show; contains the base"}),
      field(&Gauge::resolution, step_or_none(),
            {.name = "resolution", .help = "Step that the device rounds to", .at_once = false})};
  return fields;
}

template <>
const std::vector<TypeField<types::Counter>>& type_fields() {
  using types::Counter;
  static const std::vector<TypeField<Counter>> fields{
      field(&Counter::per, span(shortest_span, 366 * microseconds_per_day),
            {.name = "per",
             .help = "Time that the rates are for: 1h for m³/h",
             .required = true,
             .at_once = false}),
      field(&Counter::resolution, step(),
            {.name = "resolution", .help = "Step in which it counts", .required = true, .at_once = false}),
      terms(&Counter::rate, not_negative, "a map of loads to numbers of 0 or more",
            {.name = "rate", .help = "What it counts in that time while the load is on", .at_once = false}),
      field(&Counter::base, number(not_negative),
            {.name = "base", .help = "What it counts in that time always", .at_once = false}),
      field(&Counter::since, moment(),
            {.name = "since",
             .help =
                 "When it stood at a number of its own, up to what a year counts; earlier, it may be below 0",
             .at_once = false}),
      field(&Counter::wrap, number(not_negative),
            {.name = "wrap", .help = "Number at which it starts again at 0; 0 for never", .at_once = false})};
  return fields;
}

template <>
const std::vector<TypeField<types::State>>& type_fields() {
  using types::State;
  static const std::vector<TypeField<State>> fields{
      source(&State::of, "a source", {.name = "of", .help = "What it is the state of", .required = true}),
      thresholds({.name = "at",
                  .help = "Thresholds: the code is how many of them the source has reached",
                  .required = true})};
  return fields;
}

template <>
const std::vector<TypeField<types::Product>>& type_fields() {
  using types::Product;
  static const std::vector<TypeField<Product>> fields{
      factors({.name = "of",
               .help = "The channels whose values are multiplied, as they are read",
               .required = true}),
      field(&Product::resolution, step_or_none(),
            {.name = "resolution", .help = "Step that the product is rounded to", .at_once = false})};
  return fields;
}

template <>
const std::vector<TypeField<types::Aging>>& type_fields() {
  using types::Aging;
  // An interval under way goes on as its event says, so a running fleet follows no change.
  static const std::vector<TypeField<Aging>> fields{
      field(&Aging::every, span(10 * shortest_life, longest_interval),
            {.name = "every",
             .help = "How often the part is replaced, at other times for each sensor",
             .required = true,
             .at_once = false}),
      life({.name = "life",
            .help = "How long it takes from the first wear to the failure: always the same, or lognormal "
                    "within bounds; at most nine tenths of `every`",
            .required = true,
            .at_once = false}),
      terms(&Aging::terms, of_channels, &types::Wear::channel, &types::Wear::amount, any_number,
            "a map of gauges to numbers",
            {.name = "terms",
             .help = "What each gauge has changed by when the part fails; with scale: log, factors above 0",
             .required = true,
             .at_once = false}),
      field(&Aging::then, word<Aging::Then>(ends_of_life),
            {.name = "then",
             .help = "From the failure to the end of the interval: silent takes all rows, stuck repeats what "
                     "these gauges read at the failure",
             .at_once = false})};
  return fields;
}

TypeNames names_of(const std::vector<types::Source>& sources,
                   const std::vector<types::SignalChannel>& channels) {
  TypeNames names;
  for (const types::Source& source : sources) names.sources.push_back(source.name);
  for (const types::SignalChannel& channel : channels) names.channels.push_back(channel.name);
  return names;
}

}  // namespace fleet_sim::declare
