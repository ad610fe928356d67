#include "declare/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <variant>

#include "base/plain_text.h"
#include "yaml/values.h"

namespace fleet_sim::declare {
namespace {

using types::Gauge;
using types::SignalDeclaration;

constexpr std::size_t longest_name = 63;
constexpr double years_counted = 100;  // that a counter is to last
constexpr double most_steps = 0x1p53;  // beyond which a double skips some

bool is_name(std::string_view name) {
  const auto letter = [](unsigned char c) { return c == '_' || (c < 0x80 && std::isalpha(c) != 0); };
  return !name.empty() && name.size() <= longest_name && letter(static_cast<unsigned char>(name[0])) &&
         std::ranges::all_of(name, [&](unsigned char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

template <class Kind>
std::size_t count_of(const SignalDeclaration& signal) {
  return static_cast<std::size_t>(std::ranges::count_if(
      signal.sources, [](const types::Source& source) { return std::holds_alternative<Kind>(source.kind); }));
}

class Checker {
 public:
  explicit Checker(const types::DeclaredType& type) : type_(type), signal_(type.signal) {}

  std::vector<TypeProblem> problems() {
    check_counts();
    for (const types::Source& source : signal_.sources) check(source);
    if (const std::string wrong = types::Schema::problem_of(type_.columns); !wrong.empty())
      add({"channels"}, wrong);
    for (std::size_t c = 0; c < signal_.channels.size(); ++c) check(c);
    return std::move(problems_);
  }

 private:
  void check_counts() {
    if (signal_.channels.empty()) add({"channels"}, "must not be empty");
    most("sources", signal_.sources.size(), types::most_sources, "sources");
    most("sources", count_of<types::Noise>(signal_), types::most_noises, "noises");
    most("sources", count_of<types::Load>(signal_), types::most_loads, "loads");
    most("sources", count_of<types::White>(signal_), types::most_whites, "white sources");
  }

  void most(const char* where, std::size_t count, std::size_t limit, std::string_view what) {
    if (count > limit) add({where}, fmt::format("must not have more than {} {}, not {}", limit, what, count));
  }

  void check(const types::Source& source) {
    if (!is_name(source.name))
      add({"sources", source.name}, "must be named with letters, digits and underscores");
    if (const auto* noise = std::get_if<types::Noise>(&source.kind); noise && noise->to < noise->from)
      add({"sources", source.name}, "must not have a 'to' below its 'from'");
    if (const auto* lag = std::get_if<types::Lag>(&source.kind); lag && !is_load(lag->of))
      add({"sources", source.name, "of"},
          fmt::format("must name a load; {} is none", in_quotes(signal_.sources[lag->of].name)));
  }

  void check(std::size_t c) {
    const types::SignalChannel& channel = signal_.channels[c];
    if (const auto* gauge = std::get_if<Gauge>(&channel.kind)) check(channel.name, *gauge);
    if (const auto* counter = std::get_if<types::Counter>(&channel.kind)) check(channel.name, *counter);
    if (std::holds_alternative<types::Product>(channel.kind)) check_product(channel.name, c);
  }

  void check(const std::string& name, const Gauge& gauge) {
    if (gauge.scale == Gauge::Scale::logarithmic) {
      if (gauge.base <= 0) add({"channels", name, "base"}, "must be greater than 0 with scale: log");
      for (const types::Term& term : gauge.terms) {
        if (term.gain <= 0)
          add({"channels", name, "terms"},
              fmt::format("must be factors greater than 0 with scale: log; {} is {}",
                          signal_.sources[term.source].name, yaml::number_text(term.gain)));
      }
    }
    contains({"channels", name, "range"}, gauge.range, gauge.base);
    contains({"channels", name, "rails"}, gauge.rails, gauge.base);
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
      add({"channels", name, "wrap"}, "must not be below the resolution");
    if (counter.per <= 0) return;
    const double turns = years_counted * 365.25 * microseconds_per_day / static_cast<double>(counter.per);
    if (per_turn * turns / counter.resolution > most_steps)
      add({"channels", name},
          fmt::format("would count beyond 2^53 steps of its resolution within {} years; take a coarser "
                      "resolution or a larger unit",
                      years_counted));
  }

  void check_product(const std::string& name, std::size_t c) {
    std::vector<bool> seen(signal_.channels.size());
    if (depends_on(c, c, seen)) add({"channels", name, "of"}, "must not depend on the channel itself");
  }

  bool depends_on(std::size_t channel, std::size_t wanted, std::vector<bool>& seen) const {
    const auto* product = std::get_if<types::Product>(&signal_.channels[channel].kind);
    if (product == nullptr || seen[channel]) return false;
    seen[channel] = true;
    return std::ranges::any_of(product->of, [&](std::size_t factor) {
      return factor == wanted || depends_on(factor, wanted, seen);
    });
  }

  bool is_load(std::size_t source) const {
    return std::holds_alternative<types::Load>(signal_.sources[source].kind);
  }

  void add(std::vector<std::string> path, std::string text) {
    problems_.push_back({std::move(path), std::move(text)});
  }

  const types::DeclaredType& type_;
  const SignalDeclaration& signal_;
  std::vector<TypeProblem> problems_;
};

}  // namespace

std::vector<TypeProblem> problems_of(const types::DeclaredType& type) {
  return Checker(type).problems();
}

std::string type_name_problem(std::string_view name) {
  if (is_name(name)) return {};
  return fmt::format("must be 1 to {} letters, digits and underscores, not beginning with a digit",
                     longest_name);
}

}  // namespace fleet_sim::declare
