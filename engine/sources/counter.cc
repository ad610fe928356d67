#include "sources/counter.h"

#include <cassert>
#include <cmath>

#include "base/random.h"

namespace fleet_sim::sources {
namespace {

constexpr double year = 365.0 * static_cast<double>(microseconds_per_day);

}  // namespace

Counter::Counter(const types::Counter& counter, std::uint64_t channel, const SourceSet& sources)
    : resolution_(counter.resolution), channel_(channel), since_(counter.since) {
  assert(counter.resolution > 0 && counter.per > 0 && counter.base >= 0 && counter.wrap >= 0);
  const double unit = 1 / (counter.resolution * static_cast<double>(counter.per));
  base_ = counter.base * unit;
  steps_per_year_ = base_ * year;
  for (const types::Term& term : counter.rate) {
    assert(term.gain >= 0);
    rates_.push_back({term.source, term.gain * unit});
    steps_per_year_ += term.gain * unit * sources.load(term.source).mean() * year;
  }
  wrap_ = static_cast<std::int64_t>(counter.wrap / counter.resolution + 0.5);
}

double Counter::steps(const SourceSet& sources, const Keys& keys, Timestamp at) const {
  double sum = uniform(mix_words(keys.sensor, channel_)) * steps_per_year_;
  sum += base_ * static_cast<double>(at - since_);
  for (const Rate& rate : rates_) {
    // From the root cell that `since` lies in: what the load had done of it is part of the hashed number.
    const Load& load = sources.load(rate.source);
    const std::uint64_t load_key = sources.load_key(rate.source, keys);
    const Microseconds work = load.at(load_key, at).work - load.work_before_root(load_key, since_);
    sum += rate.steps * static_cast<double>(work);
  }
  const double whole = std::floor(sum);
  if (wrap_ == 0) return whole;
  const std::int64_t rest = static_cast<std::int64_t>(whole) % wrap_;
  return static_cast<double>(rest < 0 ? rest + wrap_ : rest);
}

}  // namespace fleet_sim::sources
