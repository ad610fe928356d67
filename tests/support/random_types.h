// Types of sensor that nobody would declare, by seed: every kind of source and channel, scope, schedule and
// scale, in any number that is allowed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/random.h"
#include "lifelike_types.h"
#include "types/schema.h"
#include "types/signal_declaration.h"

namespace fleet_sim::test {

class RandomType {
 public:
  explicit RandomType(std::uint64_t seed) : seed_(seed) {}

  types::SignalDeclaration make() {
    add_sources();
    const std::size_t channels = 2 + below(types::most_channels - 1);
    while (type_.channels.size() < channels) add_channel();
    return std::move(type_);
  }

 private:
  std::uint64_t word() { return mix_words(seed_, ++words_); }
  std::size_t below(std::size_t bound) { return uniform_below(word(), bound); }
  double between(double low, double high) { return uniform(word(), low, high); }
  template <class... Choices>
  auto one_of(Choices... choices) {
    return std::array{choices...}[below(sizeof...(choices))];
  }

  types::Scope scope() {
    using enum types::Scope;
    return one_of(sensor, sensor, location, site, fleet);
  }

  void add(std::string name, decltype(types::Source::kind) kind) {
    name += std::to_string(type_.sources.size());
    type_.sources.push_back({std::move(name), std::move(kind)});
  }

  void add_sources() {
    loads_ = below(types::most_loads + 1);
    for (std::size_t i = 0; i < loads_; ++i) {
      types::Load load{scope(), between(0, 1), between(0, 4), {}};
      if (below(2) == 0) load.schedule = {{hours(6), hours(22)}, {hours(167), hours(167.5)}};
      add("load", load);
    }
    const std::size_t noises = 1 + below(types::most_noises);
    for (std::size_t i = 0; i < noises; ++i) {
      const Microseconds from = one_of(seconds(0.01), seconds(1), seconds(60), seconds(300), hours(8));
      add("noise", types::Noise{scope(), from, from * one_of(1, 2, 100, 5'000), between(0.05, 1)});
    }
    for (std::size_t i = below(4); i > 0 && loads_ > 0; --i)
      add("lag", types::Lag{below(loads_), one_of(seconds(300), hours(1), hours(50))});
    using enum types::Cycle::Shape;
    for (std::size_t i = below(4); i > 0; --i)
      add("cycle",
          types::Cycle{one_of(sine, saw, square), one_of(seconds(7), hours(0.3), days(1)), hours(15)});
    for (std::size_t i = below(types::most_whites + 1); i > 0; --i) add("white", types::White{});
  }

  void add_channel() {
    const std::string name = "c" + std::to_string(type_.channels.size());
    const std::size_t kind = type_.channels.size() < 2 ? 0 : below(5);
    if (kind == 2 && loads_ > 0) {
      type_.channels.push_back({name, counter()});
    } else if (kind == 3) {
      type_.channels.push_back({name, types::State{below(type_.sources.size()), {-0.5, 0.5, 0.75}}});
    } else if (kind == 4) {
      type_.channels.push_back({name, types::Product{{0, type_.channels.size() - 1}, one_of(0.0, 0.1)}});
    } else {
      type_.channels.push_back({name, gauge()});
    }
  }

  types::Gauge gauge() {
    types::Gauge gauge{
        .base = between(1, 50), .white = one_of(0.0, 0.1), .resolution = one_of(0.0, 0.001, 3.0)};
    const bool is_logarithmic = below(3) == 0;
    if (is_logarithmic) gauge.scale = types::Gauge::Scale::logarithmic;
    if (below(3) == 0) gauge.range = {gauge.base / 2, gauge.base * 2};
    if (below(3) == 0) gauge.rails = {0, gauge.base};
    for (std::size_t i = below(6); i > 0; --i)
      gauge.terms.push_back({below(type_.sources.size()), is_logarithmic ? between(0.5, 2) : between(-5, 5)});
    return gauge;
  }

  types::Counter counter() {
    types::Counter counter{.base = one_of(0.0, 1.0), .per = one_of(seconds(1), hours(1)), .resolution = 0.01};
    for (std::size_t load = 0; load < loads_; ++load) counter.rate.push_back({load, between(0, 9)});
    if (below(2) == 0) counter.wrap = 1'000;
    return counter;
  }

  std::uint64_t seed_;
  std::uint64_t words_ = 0;
  std::size_t loads_ = 0;  // the first sources
  types::SignalDeclaration type_;
};

}  // namespace fleet_sim::test
