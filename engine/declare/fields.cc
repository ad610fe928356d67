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
#include "yaml/text.h"
#include "yaml/values.h"

namespace fleet_sim::declare {
namespace {

using NodeKind = yaml::Node::Kind;
using types::Cycle;
using types::Gauge;
using types::Limits;
using types::Scope;
using types::Term;

constexpr double any = 1e15;  // beyond what is measured of anything
constexpr yaml::Bounds any_number{-any, any};
constexpr yaml::Bounds not_negative{0, any};
constexpr yaml::Bounds above_zero{std::numeric_limits<double>::min(), any, true};
constexpr std::size_t most_terms = types::most_sources;
constexpr std::size_t most_thresholds = 15;

std::string single(const yaml::Node& node) {
  return node.is(NodeKind::scalar) ? "" : "must be a single value";
}

std::string duration_text(Microseconds span) {
  return yaml::number_text(static_cast<double>(span) / 1e6) + "s";
}

// A value that one parser reads. Left out of the text where it is what a `Kind` has unless told.
template <class Kind, class T, class Parse, class Text>
TypeField<Kind> field(std::string_view name, T Kind::*member, Parse parse, Text text, bool required = false) {
  return {name, required,
          [member, parse](const yaml::Node& node, const TypeNames&, Kind& value) {
            std::string wrong = single(node);
            return wrong.empty() ? parse(node.text, value.*member) : wrong;
          },
          [member, text, required](const TypeNames&, const Kind& value) {
            return required || !(value.*member == Kind{}.*member) ? text(value.*member) : std::string();
          }};
}

template <class Kind>
TypeField<Kind> number_field(std::string_view name, double Kind::*member, yaml::Bounds bounds,
                             bool required = false) {
  return field(
      name, member,
      [bounds](std::string_view text, double& value) { return yaml::parse_number(text, bounds, value); },
      yaml::number_text, required);
}

template <class Kind>
TypeField<Kind> duration_field(std::string_view name, Microseconds Kind::*member, yaml::Bounds seconds,
                               bool required = true) {
  return field(
      name, member,
      [seconds](std::string_view text, Microseconds& value) {
        double read = 0;
        std::string wrong = yaml::parse_duration(text, seconds, read);
        if (wrong.empty()) value = std::llround(read * 1e6);
        return wrong;
      },
      duration_text, required);
}

template <class Kind, class Enum, std::size_t n>
TypeField<Kind> word_field(std::string_view name, Enum Kind::*member,
                           const std::array<std::string_view, n>& words) {
  return field(
      name, member,
      [&words](std::string_view text, Enum& value) {
        const auto word = std::ranges::find_if(words, [&](auto one) { return yaml::equal_words(one, text); });
        if (word == words.end()) return yaml::must_be(fmt::format("{}", fmt::join(words, ", ")), text);
        value = static_cast<Enum>(word - words.begin());
        return std::string();
      },
      [&words](Enum value) { return std::string(words[static_cast<std::size_t>(value)]); });
}

constexpr std::array<std::string_view, 4> scopes{"sensor", "location", "site", "fleet"};
constexpr std::array<std::string_view, 3> shapes{"sine", "saw", "square"};
constexpr std::array<std::string_view, 2> scales{"linear", "log"};

// One name of `names`; `what` says of what.
std::string read_name(std::string_view text, std::span<const std::string_view> names, std::string_view what,
                      std::size_t& place) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end())
    return fmt::format("names {}, which is no {} of the type{}", in_quotes(std::string(text)), what,
                       did_you_mean(text, names));
  place = static_cast<std::size_t>(found - names.begin());
  return {};
}

template <class Kind>
TypeField<Kind> source_field(std::string_view name, std::size_t Kind::*member) {
  return {name, true,
          [member](const yaml::Node& node, const TypeNames& names, Kind& value) {
            std::string wrong = single(node);
            return wrong.empty() ? read_name(node.text, names.sources, "source", value.*member) : wrong;
          },
          [member](const TypeNames& names, const Kind& value) {
            return std::string(names.sources[value.*member]);
          }};
}

// A map of sources to what they are multiplied by.
std::string read_terms(const yaml::Node& node, const TypeNames& names, const yaml::Bounds& bounds,
                       std::vector<Term>& terms) {
  if (!node.is(NodeKind::map)) return "must be a map of sources and their factors, such as {run: 2}";
  std::vector<Term> read;
  for (const yaml::Node& child : node.children) {
    Term term;
    std::string wrong = read_name(child.key, names.sources, "source", term.source);
    if (wrong.empty()) {
      wrong = single(child);
      if (wrong.empty()) wrong = yaml::parse_number(child.text, bounds, term.gain);
      if (!wrong.empty()) wrong = fmt::format("of {} {}", in_quotes(child.key), wrong);
    }
    if (!wrong.empty()) return wrong;
    read.push_back(term);
  }
  if (read.size() > most_terms) return fmt::format("must not have more than {} sources", most_terms);
  terms = std::move(read);
  return {};
}

template <class Kind>
TypeField<Kind> terms_field(std::string_view name, std::vector<Term> Kind::*member, yaml::Bounds bounds) {
  return {name, false,
          [member, bounds](const yaml::Node& node, const TypeNames& names, Kind& value) {
            return read_terms(node, names, bounds, value.*member);
          },
          [member](const TypeNames& names, const Kind& value) {
            std::string text;
            for (const Term& term : value.*member) {
              text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", names.sources[term.source],
                                  yaml::number_text(term.gain));
            }
            return text.empty() ? text : fmt::format("{{{}}}", text);
          }};
}

std::string read_numbers(const yaml::Node& node, std::vector<double>& numbers, std::size_t most) {
  if (!node.is(NodeKind::sequence)) return "must be a list of numbers";
  if (node.children.empty() || node.children.size() > most)
    return fmt::format("must be a list of 1 to {} numbers", most);
  std::vector<double> read;
  for (const yaml::Node& item : node.children) {
    double number = 0;
    std::string wrong = single(item);
    if (wrong.empty()) wrong = yaml::parse_number(item.text, any_number, number);
    if (!wrong.empty()) return wrong;
    if (!read.empty() && number <= read.back()) return "must be a list of rising numbers";
    read.push_back(number);
  }
  numbers = std::move(read);
  return {};
}

std::string numbers_text(const std::vector<double>& numbers) {
  std::string text;
  for (const double number : numbers) text += (text.empty() ? "" : ", ") + yaml::number_text(number);
  return fmt::format("[{}]", text);
}

// [low, high]
template <class Kind>
TypeField<Kind> limits_field(std::string_view name, Limits Kind::*member) {
  return {name, false,
          [member](const yaml::Node& node, const TypeNames&, Kind& value) {
            std::vector<double> numbers;
            std::string wrong = read_numbers(node, numbers, 2);
            if (wrong.empty() && numbers.size() != 2)
              wrong = "must be a list of two numbers: lowest, highest";
            if (wrong.empty()) value.*member = {numbers[0], numbers[1]};
            return wrong;
          },
          [member](const TypeNames&, const Kind& value) {
            const Limits& limits = value.*member;
            return std::isfinite(limits.low) ? numbers_text({limits.low, limits.high}) : std::string();
          }};
}

TypeField<types::Load> schedule_field() {
  return field("schedule", &types::Load::schedule, parse_week_hours,
               [](const std::vector<types::Hours>& hours) { return yaml::quoted(week_hours_text(hours)); });
}

// A time of day, or how long after midnight.
TypeField<Cycle> peak_field() {
  return field(
      "peak", &Cycle::peak,
      [](std::string_view text, Microseconds& value) {
        if (text.find(':') != text.npos) return parse_time_of_day(text, value);
        double seconds = 0;
        std::string wrong = yaml::parse_duration(text, {0, yaml::longest_duration_seconds}, seconds);
        if (wrong.empty()) value = std::llround(seconds * 1e6);
        return wrong;
      },
      duration_text);
}

TypeField<types::Counter> since_field() {
  return field("since", &types::Counter::since, yaml::parse_start,
               [](Timestamp since) { return timestamp_text(since); });
}

TypeField<types::Product> factors_field() {
  return {"of", true,
          [](const yaml::Node& node, const TypeNames& names, types::Product& product) {
            if (!node.is(NodeKind::sequence) || node.children.size() < 2)
              return std::string("must be a list of two or more channels");
            std::vector<std::size_t> of;
            for (const yaml::Node& item : node.children) {
              std::string wrong = single(item);
              if (wrong.empty()) wrong = read_name(item.text, names.channels, "channel", of.emplace_back());
              if (!wrong.empty()) return wrong;
            }
            product.of = std::move(of);
            return std::string();
          },
          [](const TypeNames& names, const types::Product& product) {
            std::string text;
            for (const std::size_t channel : product.of)
              text += fmt::format("{}{}", text.empty() ? "" : ", ", names.channels[channel]);
            return fmt::format("[{}]", text);
          }};
}

TypeField<types::State> thresholds_field() {
  return {"at", true,
          [](const yaml::Node& node, const TypeNames&, types::State& state) {
            return read_numbers(node, state.at, most_thresholds);
          },
          [](const TypeNames&, const types::State& state) { return numbers_text(state.at); }};
}

constexpr double longest_part = 8 * 365.25 * seconds_per_day;  // of a noise

}  // namespace

template <>
const std::vector<TypeField<types::Noise>>& type_fields() {
  using types::Noise;
  static const std::vector<TypeField<Noise>> fields{
      word_field("scope", &Noise::scope, scopes), duration_field("from", &Noise::from, {0.001, longest_part}),
      duration_field("to", &Noise::to, {0.001, longest_part}),
      number_field("roughness", &Noise::roughness, {0.01, 2})};
  return fields;
}

template <>
const std::vector<TypeField<types::Load>>& type_fields() {
  using types::Load;
  static const std::vector<TypeField<Load>> fields{
      word_field("scope", &Load::scope, scopes), number_field("duty", &Load::duty, {0, 1}, true),
      number_field("burst", &Load::burst, {0, 100}), schedule_field()};
  return fields;
}

template <>
const std::vector<TypeField<types::Lag>>& type_fields() {
  using types::Lag;
  static const std::vector<TypeField<Lag>> fields{
      source_field("of", &Lag::of), duration_field("tau", &Lag::tau, {300, 365.25 * seconds_per_day})};
  return fields;
}

template <>
const std::vector<TypeField<Cycle>>& type_fields() {
  static const std::vector<TypeField<Cycle>> fields{
      word_field("shape", &Cycle::shape, shapes),
      duration_field("period", &Cycle::period, {0.001, 100 * 365.25 * seconds_per_day}), peak_field()};
  return fields;
}

template <>
const std::vector<TypeField<types::White>>& type_fields() {
  static const std::vector<TypeField<types::White>> none;
  return none;
}

template <>
const std::vector<TypeField<Gauge>>& type_fields() {
  static const std::vector<TypeField<Gauge>> fields{
      word_field("scale", &Gauge::scale, scales),
      number_field("base", &Gauge::base, any_number, true),
      number_field("white", &Gauge::white, not_negative),
      limits_field("range", &Gauge::range),
      limits_field("rails", &Gauge::rails),
      number_field("resolution", &Gauge::resolution, not_negative),
      terms_field("terms", &Gauge::terms, any_number)};
  return fields;
}

template <>
const std::vector<TypeField<types::Counter>>& type_fields() {
  using types::Counter;
  static const std::vector<TypeField<Counter>> fields{
      number_field("base", &Counter::base, not_negative),
      terms_field("rate", &Counter::rate, not_negative),
      duration_field("per", &Counter::per, {0.001, 366 * seconds_per_day}),
      number_field("resolution", &Counter::resolution, above_zero, true),
      since_field(),
      number_field("wrap", &Counter::wrap, not_negative)};
  return fields;
}

template <>
const std::vector<TypeField<types::State>>& type_fields() {
  using types::State;
  static const std::vector<TypeField<State>> fields{source_field("of", &State::of), thresholds_field()};
  return fields;
}

template <>
const std::vector<TypeField<types::Product>>& type_fields() {
  using types::Product;
  static const std::vector<TypeField<Product>> fields{
      factors_field(), number_field("resolution", &Product::resolution, not_negative)};
  return fields;
}

}  // namespace fleet_sim::declare
