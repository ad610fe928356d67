#include "declare/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <variant>

#include "base/anomaly_types.h"
#include "base/plain_text.h"
#include "declare/fields.h"
#include "types/built_in_type.h"
#include "types/sql_words.h"
#include "yaml/values.h"

namespace fleet_sim::declare {
namespace {

using types::Gauge;
using types::SignalDeclaration;

constexpr std::size_t longest_source_name = 63;
constexpr std::size_t longest_type_name = 40;  // names of tables, in which it stands, have 63 at most
constexpr double most_steps = 0x1p53;          // beyond which a double skips some
constexpr double furthest = 16;                // that a source, or white noise, is ever from 0

// Of a value.
double most_logarithm() {
  return std::log(types::greatest_reading);
}

std::string naming_rule(std::size_t longest) {
  return fmt::format("must be 1 to {} letters, digits and underscores, not beginning with a digit", longest);
}

template <class Kind>
std::size_t count_of(const SignalDeclaration& signal) {
  return static_cast<std::size_t>(std::ranges::count_if(
      signal.sources, [](const types::Source& source) { return std::holds_alternative<Kind>(source.kind); }));
}

class Checker {
 public:
  Checker(std::string_view name, const types::DeclaredType& type)
      : name_(name), type_(type), signal_(type.signal) {}

  std::vector<TypeProblem> problems() {
    check_counts();
    for (const types::Source& source : signal_.sources) check(source);
    for (std::size_t c = 0; c < signal_.channels.size(); ++c) check(c);
    for (std::size_t a = 0; a < signal_.agings.size(); ++a) check_aging(a);
    if (name_ == types::built_in_type().schema.type()) check_redeclaration();
    return std::move(problems_);
  }

 private:
  void check_counts() {
    most(count_of<types::Noise>(signal_), types::most_noises, "noises");
    most(count_of<types::Load>(signal_), types::most_loads, "loads");
    most(count_of<types::White>(signal_), types::most_whites, "white sources");
  }

  void most(std::size_t count, std::size_t limit, std::string_view what) {
    if (count > limit)
      add({"sources"}, fmt::format("must not have more than {} {}, not {}", limit, what, count));
  }

  void check(const types::Source& source) {
    if (!types::is_sql_name(source.name, longest_source_name))
      add({"sources", source.name}, "has a name that " + naming_rule(longest_source_name));
    if (const auto* noise = std::get_if<types::Noise>(&source.kind); noise && noise->to < noise->from)
      add({"sources", source.name, "to"}, "must not be less than 'from'");
    if (const auto* lag = std::get_if<types::Lag>(&source.kind); lag && !is_load(lag->of))
      add({"sources", source.name, "of"},
          fmt::format("must name a load; {} is none", in_quotes(signal_.sources[lag->of].name)));
  }

  void check(std::size_t c) {
    const types::SignalChannel& channel = signal_.channels[c];
    check_name(c);
    check_states(c);
    if (const auto* gauge = std::get_if<Gauge>(&channel.kind)) check(channel.name, *gauge, worn(c));
    if (const auto* counter = std::get_if<types::Counter>(&channel.kind)) check(channel.name, *counter);
    if (std::holds_alternative<types::Product>(channel.kind)) check_product(channel.name, c);
  }

  void check_name(std::size_t c) {
    const std::string& name = signal_.channels[c].name;
    if (const std::string wrong = types::Schema::problem_of_name(name); !wrong.empty())
      return add({"channels", name},
                 fmt::format("needs another name: it stands for a column, and this {}", wrong));
    const auto is_same = [&name](const types::SignalChannel& other) {
      return yaml::equal_words(other.name, name);
    };
    const auto before = std::span(signal_.channels).first(c);
    if (const auto same = std::ranges::find_if(before, is_same); same != before.end())
      add({"channels", name},
          fmt::format("needs another name: SQL takes it for the same as {}", in_quotes(same->name)));
  }

  void check_states(std::size_t c) {
    const types::SignalChannel& channel = signal_.channels[c];
    const std::size_t names = type_.columns[c].states.size();
    const auto* state = std::get_if<types::State>(&channel.kind);
    if (names == 0) return;
    if (state == nullptr)
      return add({"channels", channel.name, "names"}, "is only for channels of the kind state");
    const std::size_t codes = state->at.size() + 1;
    if (names != codes)
      add({"channels", channel.name, "names"},
          fmt::format("must be {} texts, one more than there are thresholds, not {}", codes, names));
  }

  void check(const std::string& name, const Gauge& gauge, double worn) {
    if (gauge.scale == Gauge::Scale::logarithmic) check_logarithm(name, gauge, worn);
    contains({"channels", name, "range"}, gauge.range, gauge.base);
    contains({"channels", name, "rails"}, gauge.rails, gauge.base);
  }

  void check_logarithm(const std::string& name, const Gauge& gauge, double worn) {
    if (gauge.base <= 0) return add({"channels", name, "base"}, "must be greater than 0 with scale: log");
    if (gauge.range.high <= 0) return add({"channels", name, "range"}, "must end above 0 with scale: log");
    for (const types::Term& term : gauge.terms) {
      if (term.gain <= 0)
        return add({"channels", name, "terms"},
                   fmt::format("must be factors greater than 0 with scale: log; {} is {}",
                               signal_.sources[term.source].name, yaml::number_text(term.gain)));
    }
    if (logarithm_of(gauge, worn) > most_logarithm())
      add({"channels", name},
          "could read more than a number can be; take factors nearer to 1, or less white");
  }

  void contains(std::vector<std::string> path, const types::Limits& limits, double base) {
    if (base < limits.low || base > limits.high)
      add(std::move(path), fmt::format("must contain the base {}", yaml::number_text(base)));
  }

  void check(const std::string& name, const types::Counter& counter) {
    double per_turn = counter.base;
    for (const types::Term& term : counter.rate) {
      per_turn += term.gain;
      if (!is_load(term.source))
        add({"channels", name, "rate"},
            fmt::format("must be of loads; {} is none", in_quotes(signal_.sources[term.source].name)));
    }
    if (per_turn <= 0) add({"channels", name}, "must have a base or a rate above 0, or it never counts");
    if (counter.wrap > 0 && counter.wrap < counter.resolution)
      add({"channels", name, "wrap"}, "must not be less than the resolution");
    if (counter.per <= 0) return;
    // From 1970 on, in both directions, and up to a year's more for the number at `since`.
    const Microseconds longest =
        std::max(latest_timestamp - counter.since, counter.since) + 365 * microseconds_per_day;
    const double turns = static_cast<double>(longest) / static_cast<double>(counter.per);
    if (per_turn * turns / counter.resolution > most_steps || counter.wrap / counter.resolution > most_steps)
      add({"channels", name},
          "could count beyond 2^53 steps of its resolution, where numbers have gaps; take a coarser "
          "resolution or a larger unit");
  }

  void check_product(const std::string& name, std::size_t c) {
    std::vector<bool> seen(signal_.channels.size());
    if (depends_on(c, c, seen)) return add({"channels", name, "of"}, "must not depend on the channel itself");
    // Another product may be the one that depends on itself.
    std::vector<std::optional<double>> known(signal_.channels.size());
    if (logarithm_of(c, known) > most_logarithm())
      add({"channels", name, "of"}, "could come to more than a number can be");
  }

  // The natural logarithm of the greatest value, without a sign, that a gauge could read if nothing limited
  // it. `worn` is how far agings take its level.
  static double logarithm_of(const Gauge& gauge, double worn) {
    const bool is_factor = gauge.scale == Gauge::Scale::logarithmic;
    double reach = furthest * gauge.white;
    for (const types::Term& term : gauge.terms)
      reach += furthest * std::fabs(is_factor ? std::log(term.gain) : term.gain);
    reach += worn;
    return is_factor ? std::fabs(std::log(gauge.base)) + reach
                     : std::log(std::max(1.0, std::fabs(gauge.base) + reach));
  }

  // The same of any channel. Those already `known` include the ones it is asked for, which so end a cycle.
  double logarithm_of(std::size_t c, std::vector<std::optional<double>>& known) const {
    if (known[c]) return *known[c];
    known[c] = 0;
    const auto& kind = signal_.channels[c].kind;
    if (const auto* gauge = std::get_if<Gauge>(&kind)) known[c] = logarithm_of(*gauge, worn(c));
    if (const auto* counter = std::get_if<types::Counter>(&kind))
      known[c] = std::log(std::max(1.0, most_steps * counter->resolution));
    if (std::holds_alternative<types::State>(kind)) known[c] = std::log(most_thresholds);
    if (const auto* product = std::get_if<types::Product>(&kind)) {
      double sum = 0;
      for (const std::size_t factor : product->of) sum += logarithm_of(factor, known);
      known[c] = sum;
    }
    return *known[c];
  }

  bool depends_on(std::size_t channel, std::size_t wanted, std::vector<bool>& seen) const {
    const auto* product = std::get_if<types::Product>(&signal_.channels[channel].kind);
    if (product == nullptr || seen[channel]) return false;
    seen[channel] = true;
    return std::ranges::any_of(product->of, [&](std::size_t factor) {
      return factor == wanted || depends_on(factor, wanted, seen);
    });
  }

  void check_aging(std::size_t a) {
    const types::Aging& aging = signal_.agings[a];
    const std::vector<std::string> path{"aging", aging.name};
    if (!types::is_sql_name(aging.name, longest_source_name))
      return add(path, "has a name that " + naming_rule(longest_source_name));
    if (std::ranges::any_of(anomaly_type_names,
                            [&](std::string_view type) { return yaml::equal_words(type, aging.name); }))
      add(path, "needs another name: an anomaly type is called so");
    const auto before = std::span(signal_.agings).first(a);
    const auto is_same = [&](const types::Aging& other) { return yaml::equal_words(other.name, aging.name); };
    if (const auto same = std::ranges::find_if(before, is_same); same != before.end())
      add(path, fmt::format("must differ from {} in more than case", in_quotes(same->name)));
    // In whole microseconds, and without a product that might not fit.
    if (aging.life.max > aging.every - aging.every / 10)
      add({"aging", aging.name, "life"},
          "must be at most nine tenths of 'every', so that each interval has its failure: wear begins in the "
          "first tenth");
    if (aging.terms.empty()) add({"aging", aging.name, "terms"}, "must not be empty");
    for (const types::Wear& wear : aging.terms) check(aging, wear);
  }

  void check(const types::Aging& aging, const types::Wear& wear) {
    const types::SignalChannel& channel = signal_.channels[wear.channel];
    const auto* gauge = std::get_if<Gauge>(&channel.kind);
    if (gauge == nullptr)
      return add({"aging", aging.name, "terms"},
                 fmt::format("must be of gauges; {} is none", in_quotes(channel.name)));
    if (gauge->scale == Gauge::Scale::logarithmic && wear.amount <= 0)
      add({"aging", aging.name, "terms"},
          fmt::format("must be factors greater than 0 of channels with scale: log; {} is {}", channel.name,
                      yaml::number_text(wear.amount)));
  }

  // How far agings can take the level of a channel, all together.
  [[nodiscard]] double worn(std::size_t channel) const {
    const auto* gauge = std::get_if<Gauge>(&signal_.channels[channel].kind);
    const bool is_factor = gauge != nullptr && gauge->scale == Gauge::Scale::logarithmic;
    double sum = 0;
    for (const types::Aging& aging : signal_.agings) {
      for (const types::Wear& wear : aging.terms) {
        if (wear.channel != channel || (is_factor && wear.amount <= 0)) continue;
        sum += std::fabs(is_factor ? std::log(wear.amount) : wear.amount);
      }
    }
    return sum;
  }

  // Files of the built-in type, and what reads them, have its channels.
  void check_redeclaration() {
    const std::vector<std::string_view> kept = types::built_in_type().schema.channel_names();
    if (!std::ranges::equal(signal_.channels, kept, {}, &types::SignalChannel::name))
      return add({"channels"},
                 fmt::format("must be {}, in this order; declare a type of another name for others",
                             fmt::join(kept, ", ")));
    for (const types::SignalChannel& channel : signal_.channels) {
      if (!std::holds_alternative<Gauge>(channel.kind))
        add({"channels", channel.name}, "must be a gauge, as it is in the built-in type of this name");
    }
  }

  bool is_load(std::size_t source) const {
    return std::holds_alternative<types::Load>(signal_.sources[source].kind);
  }

  void add(std::vector<std::string> path, std::string text) {
    problems_.push_back({std::move(path), std::move(text)});
  }

  std::string_view name_;
  const types::DeclaredType& type_;
  const SignalDeclaration& signal_;
  std::vector<TypeProblem> problems_;
};

}  // namespace

std::vector<TypeProblem> problems_of(std::string_view name, const types::DeclaredType& type) {
  return Checker(name, type).problems();
}

std::string type_name_problem(std::string_view name, const types::DeclaredTypes& others) {
  if (!types::is_sql_name(name, longest_type_name)) return naming_rule(longest_type_name);
  const auto differs_in_case = [name](const std::string& other) {
    return other != name && yaml::equal_words(other, name);
  };
  for (const auto& [other, type] : others) {
    if (differs_in_case(other))
      return fmt::format("must differ from the type {} in more than case", in_quotes(other));
  }
  return differs_in_case(types::built_in_type().schema.type())
             ? fmt::format("must differ from the built-in type {} in more than case",
                           in_quotes(types::built_in_type().schema.type()))
             : "";
}

}  // namespace fleet_sim::declare
