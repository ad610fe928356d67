#include "sources/source_set.h"

#include <algorithm>
#include <cassert>
#include <variant>

#include "sources/lattice.h"

namespace fleet_sim::sources {
namespace {

// The streams of a key: noises in fours, then loads.
constexpr std::size_t load_stream = (types::most_noises + Noises::most - 1) / Noises::most;

constexpr int lowest_slow_cycle = 30;

}  // namespace

// Adds the sources of a declaration in their order, lags last, because they follow loads.
class SourceSet::Builder {
 public:
  Builder(SourceSet& set, const zones::Zone& zone) : set_(set), zone_(zone) {}

  void add_all() {
    assert(set_.declared_.size() <= types::most_sources);
    set_.places_.resize(set_.declared_.size());
    for (const bool lags : {false, true}) {
      for (std::size_t i = 0; i < set_.declared_.size(); ++i) {
        const types::Source& source = set_.declared_[i];
        if (std::holds_alternative<types::Lag>(source.kind) != lags) continue;
        set_.places_[i] = std::visit([&](const auto& kind) { return add(kind, source.name); }, source.kind);
      }
    }
    assert(noises_ <= types::most_noises && set_.loads_.size() <= types::most_loads);
  }

 private:
  Place add(const types::Noise& noise, const std::string& name) {
    const bool is_shared = noise.scope != types::Scope::sensor;
    const std::size_t place = is_shared ? 0 : own_noises_++ % Noises::most;
    ++noises_;
    const std::size_t index = is_shared || place == 0 ? begin_noises(noise.scope, name) : last_own_noises_;
    if (!is_shared) last_own_noises_ = index;
    NoisesInSlots& noises = set_.noises_[index];
    noises.noises.add(place, noise);
    return {noises.slot + place, octave_of(noise.from) < lowest_slow_octave,
            octave_of(noise.to) >= lowest_slow_octave, index};
  }

  std::size_t begin_noises(types::Scope scope, const std::string& name) {
    set_.noises_.push_back(
        {{}, key_role(scope, name, (own_noises_ - 1) / Noises::most), slots(Noises::most)});
    return set_.noises_.size() - 1;
  }

  Place add(const types::Load& load, const std::string& name) {
    const KeyRole key = key_role(load.scope, name, load_stream + set_.loads_.size());
    set_.loads_.push_back({Load(load, zone_), key, slots(1)});
    return {set_.loads_.back().slot, false, true, set_.loads_.size() - 1};
  }

  Place add(const types::Lag& lag, const std::string&) {
    assert(std::holds_alternative<types::Load>(set_.declared_[lag.of].kind));
    set_.lags_.push_back({Lag(lag.tau), set_.places_[lag.of].index, slots(1)});
    return {set_.lags_.back().slot, false, true, set_.lags_.size() - 1};
  }

  Place add(const types::Cycle& cycle, const std::string&) {
    const bool is_slow = cycle.period >= length_of_cell(lowest_slow_cycle);
    set_.cycles_.push_back({Cycle(cycle, zone_), is_slow, slots(1)});
    return {set_.cycles_.back().slot, !is_slow, is_slow, set_.cycles_.size() - 1};
  }

  Place add(const types::White&, const std::string&) {
    set_.whites_.push_back(slots(1));
    return {set_.whites_.back(), true, false, set_.whites_.size() - 1};
  }

  KeyRole key_role(types::Scope scope, const std::string& name, std::size_t stream) {
    if (scope == types::Scope::sensor) return {false, stream};
    set_.shared_.push_back({scope, name});
    return {true, set_.shared_.size() - 1};
  }

  // The first of so many new slots.
  std::size_t slots(std::size_t count) {
    slots_ += count;
    return slots_ - count;
  }

  SourceSet& set_;
  const zones::Zone& zone_;
  std::size_t noises_ = 0;
  std::size_t own_noises_ = 0;
  std::size_t last_own_noises_ = 0;  // where the next goes, unless they are full
  std::size_t slots_ = 0;
};

SourceSet::SourceSet(std::span<const types::Source> declared, const zones::Zone& zone)
    : declared_(declared.begin(), declared.end()) {
  Builder(*this, zone).add_all();
}

std::uint64_t SourceSet::KeyRole::in(const Keys& keys) const {
  return is_shared ? keys.shared[place] : stream_key(keys.sensor, place);
}

std::vector<std::uint64_t> SourceSet::shared_keys(std::uint64_t seed, std::string_view location,
                                                  std::string_view site) const {
  std::vector<std::uint64_t> keys;
  for (const SharedSource& source : shared_) {
    const std::string_view place = source.scope == types::Scope::location ? location
                                   : source.scope == types::Scope::site   ? site
                                                                          : std::string_view();
    keys.push_back(shared_key(seed, source.scope, place, source.name));
  }
  return keys;
}

void SourceSet::set_fast(const Keys& keys, Timestamp at, std::span<const double> whites, Slots& slots) const {
  for (const NoisesInSlots& noises : noises_) {
    if (!noises.noises.has_fast()) continue;
    std::ranges::copy(noises.noises.fast(noises.key.in(keys), at), &slots[noises.slot]);
  }
  for (const CycleInSlot& cycle : cycles_) {
    if (!cycle.is_slow) slots[cycle.slot] = cycle.cycle.at(at);
  }
  for (std::size_t i = 0; i < whites_.size(); ++i) slots[whites_[i]] = whites[i];
}

void SourceSet::set_slow(const Keys& keys, Timestamp at, Slots& slots) const {
  for (const NoisesInSlots& noises : noises_) {
    if (!noises.noises.has_slow()) continue;
    std::ranges::copy(noises.noises.slow(noises.key.in(keys), at), &slots[noises.slot]);
  }
  std::array<Load::Moment, types::most_loads> moments;
  for (std::size_t i = 0; i < loads_.size(); ++i) {
    moments[i] = loads_[i].load.at(loads_[i].key.in(keys), at);
    slots[loads_[i].slot] = moments[i].on ? 1 : 0;
  }
  for (const LagInSlot& lag : lags_) {
    const LoadInSlot& load = loads_[lag.load];
    slots[lag.slot] = lag.lag.at(load.load, load.key.in(keys), at, moments[lag.load]);
  }
  for (const CycleInSlot& cycle : cycles_) {
    if (cycle.is_slow) slots[cycle.slot] = cycle.cycle.at(at);
  }
}

double SourceSet::value(std::size_t source, const Keys& keys, Timestamp at) const {
  const Place& place = places_[source];
  const std::array<double, types::most_sources> no_whites{};
  double value = 0;
  Slots slots;
  if (place.has_fast) {
    set_fast(keys, at, std::span(no_whites).first(whites_.size()), slots);
    value += slots[place.slot];
  }
  if (place.has_slow) {
    set_slow(keys, at, slots);
    value += slots[place.slot];
  }
  return value;
}

}  // namespace fleet_sim::sources
