#include "sources/signal.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <variant>

#include "base/math.h"
#include "base/random.h"
#include "sources/lattice.h"
#include "types/schema.h"

namespace fleet_sim::sources {
namespace {

constexpr int knot_exponent = 26;
static_assert(length_of_cell(knot_exponent) == Signal::knot_length);
constexpr std::size_t most_knot_words = 1 + 2 * types::most_channels;
constexpr double infinity = std::numeric_limits<double>::infinity();

// The largest logarithm (direction -1) or the smallest (1) whose power does not lie beyond the limit.
double logarithm_within(double limit, double direction) {
  if (limit <= 0) return -infinity;
  if (limit == infinity) return infinity;
  double logarithm = natural_log(limit);
  const double step = direction * 0x1p-53 * std::max(1.0, std::fabs(logarithm));
  while ((exponential(logarithm) - limit) * direction < 0) logarithm += step;
  return logarithm;
}

double at_least_and_most(double value, double low, double high) {
  return std::min(std::max(value, low), high);
}

// The number of a knot, as it is remembered. Within ten thousand years there are a few more numbers than
// words, so one of them, in a year that nobody simulates, is never remembered.
std::uint32_t word_of_knot(std::int64_t number) {
  return static_cast<std::uint32_t>(number);
}

}  // namespace

Signal::Signal(const types::SignalDeclaration& declaration, const zones::Zone& zone)
    : channels_(declaration.channels.size()), sources_(declaration.sources, zone) {
  assert(channels_ <= types::most_channels);
  for (std::size_t c = 0; c < channels_; ++c) {
    const types::SignalChannel& channel = declaration.channels[c];
    if (const auto* gauge = std::get_if<types::Gauge>(&channel.kind)) add(c, *gauge);
    if (const auto* state = std::get_if<types::State>(&channel.kind)) add(c, *state);
    if (const auto* counter = std::get_if<types::Counter>(&channel.kind)) {
      counters_.push_back({c, Counter(*counter, hash_text(channel.name), sources_)});
    }
  }
  add_products(declaration);
  note_drawn_deviates(declaration);
}

void Signal::add(std::size_t channel, const types::Gauge& gauge) {
  const bool is_logarithm = gauge.scale == types::Gauge::Scale::logarithmic;
  // However severe an anomaly is, its readings stay numbers that products can multiply.
  const types::Limits rails{std::max(gauge.rails.low, -types::greatest_reading),
                            std::min(gauge.rails.high, types::greatest_reading)};
  gauges_.push_back({channel, is_logarithm, rails, Resolution(gauge.resolution)});
  Line line{channel, gauge.base, gauge.white, gauge.range.low, gauge.range.high, {}, {}};
  std::vector<types::Term> terms = gauge.terms;
  if (is_logarithm) {
    assert(gauge.base > 0);
    line.base = natural_log(gauge.base);
    line.low = logarithm_within(gauge.range.low, 1);
    line.high = logarithm_within(std::min(gauge.range.high, types::greatest_reading), -1);
    for (types::Term& term : terms) term.gain = natural_log(term.gain);
  }
  add_line(line, terms);
}

void Signal::add(std::size_t channel, const types::State& state) {
  states_.push_back({channel, state.at});
  const types::Term term{state.of, 1};
  add_line({channel, 0, 0, -infinity, infinity, {}, {}}, std::span(&term, 1));
}

void Signal::add_line(Line line, std::span<const types::Term> terms) {
  line.fast = add_terms(terms, false);
  line.slow = add_terms(terms, true);
  has_knots_ = has_knots_ || line.slow.begin != line.slow.end;
  lines_.push_back(line);
}

Signal::Terms Signal::add_terms(std::span<const types::Term> terms, bool slow) {
  const std::size_t begin = terms_.size();
  for (const types::Term& term : terms) {
    const SourceSet::Place& place = sources_.place(term.source);
    if (slow ? place.has_slow : place.has_fast) terms_.push_back({place.slot, term.gain});
  }
  return {begin, terms_.size()};
}

// In rounds: each adds those whose factors are known by then.
void Signal::add_products(const types::SignalDeclaration& declaration) {
  std::vector<bool> known(channels_, true);
  std::size_t missing = 0;
  for (std::size_t c = 0; c < channels_; ++c) {
    if (!std::holds_alternative<types::Product>(declaration.channels[c].kind)) continue;
    known[c] = false;
    ++missing;
  }
  for (std::size_t round = 0; missing > 0 && round < channels_; ++round) {
    for (std::size_t c = 0; c < channels_; ++c) {
      if (known[c]) continue;
      const auto& product = std::get<types::Product>(declaration.channels[c].kind);
      if (!std::ranges::all_of(product.of, [&](std::size_t factor) { return known[factor]; })) continue;
      products_.push_back({c, product.of, Resolution(product.resolution)});
      known[c] = true;
      --missing;
    }
  }
  if (missing > 0) throw std::invalid_argument("a product depends on itself");
}

void Signal::note_drawn_deviates(const types::SignalDeclaration& declaration) {
  for (const Line& line : lines_) {
    if (line.white != 0) drawn_deviates_.push_back(static_cast<std::uint8_t>(line.channel));
  }
  for (std::size_t i = 0; i < declaration.sources.size(); ++i) {
    if (!std::holds_alternative<types::White>(declaration.sources[i].kind)) continue;
    drawn_deviates_.push_back(static_cast<std::uint8_t>(channels_ + sources_.place(i).index));
  }
}

double Signal::sum(const Terms& terms, const SourceSet::Slots& slots) const {
  double sum = 0;
  for (std::size_t i = terms.begin; i < terms.end; ++i) sum += terms_[i].gain * slots[terms_[i].slot];
  return sum;
}

// What the slow sources add to each line at a knot, into every second word.
void Signal::set_knot(std::int64_t number, const Keys& keys, std::uint32_t* values) const {
  const Timestamp at = number * length_of_cell(knot_exponent) - shift_of(keys.sensor, knot_exponent);
  SourceSet::Slots slots;
  sources_.set_slow(keys, at, slots);
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    values[2 * i] = std::bit_cast<std::uint32_t>(static_cast<float>(sum(lines_[i].slow, slots)));
  }
}

// Apart, because few readings come here.
[[gnu::noinline]] void Signal::move_to(std::int64_t number, const Keys& keys, KnotWords knots) const {
  if (knots[0] != no_knot && knots[0] + 1 == word_of_knot(number)) {
    for (std::size_t i = 0; i < lines_.size(); ++i) knots[1 + 2 * i] = knots[2 + 2 * i];
  } else {
    set_knot(number, keys, &knots[1]);
  }
  set_knot(number + 1, keys, &knots[2]);
  knots[0] = word_of_knot(number);
}

void Signal::levels(const Keys& keys, Timestamp at, std::span<const double> deviates, KnotWords knots,
                    std::span<double> levels) const {
  assert(knots.size() == knot_words() && levels.size() == channels_ && deviates.size() == this->deviates());
  SourceSet::Slots slots;
  sources_.set_fast(keys, at, deviates.subspan(channels_), slots);
  double share = 0;  // of the way from one knot to the next
  if (has_knots_) {
    const Cell cell = cell_at(keys.sensor, knot_exponent, at);
    if (knots[0] != word_of_knot(cell.number) || knots[0] == no_knot) move_to(cell.number, keys, knots);
    share = static_cast<double>(cell.into) * 0x1p-26;
  }
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const Line& line = lines_[i];
    double level = line.base;
    if (has_knots_) {
      const double from = std::bit_cast<float>(knots[1 + 2 * i]);
      const double to = std::bit_cast<float>(knots[2 + 2 * i]);
      level += from + (to - from) * share;
    }
    level += sum(line.fast, slots);
    if (line.white != 0) level += line.white * deviates[line.channel];
    levels[line.channel] = at_least_and_most(level, line.low, line.high);
  }
  for (const CounterReading& counter : counters_) {
    levels[counter.channel] = counter.counter.steps(sources_, keys, at);
  }
  for (const ProductReading& product : products_) levels[product.channel] = 0;
}

void Signal::levels(const Keys& keys, Timestamp at, std::span<const double> deviates,
                    std::span<double> levels) const {
  std::array<std::uint32_t, most_knot_words> words;
  const KnotWords knots = std::span(words).first(knot_words());
  std::ranges::fill(knots, no_knot);
  this->levels(keys, at, deviates, knots, levels);
}

void Signal::read(std::span<double> levels) const {
  for (const GaugeReading& gauge : gauges_) {
    double& value = levels[gauge.channel];
    if (gauge.is_logarithm) value = exponential(value);
    value = gauge.resolution.rounded(at_least_and_most(value, gauge.rails.low, gauge.rails.high));
  }
  for (const StateReading& state : states_) {
    double& value = levels[state.channel];
    const auto reached = std::ranges::upper_bound(state.at, value);
    value = static_cast<double>(reached - state.at.begin());
  }
  for (const CounterReading& counter : counters_) {
    double& value = levels[counter.channel];
    value = counter.counter.resolution().value(value);
  }
  for (const ProductReading& product : products_) {
    double value = 1;
    for (const std::size_t factor : product.of)
      value = at_least_and_most(value * levels[factor], -types::greatest_reading, types::greatest_reading);
    levels[product.channel] = product.resolution.rounded(value);
  }
}

}  // namespace fleet_sim::sources
