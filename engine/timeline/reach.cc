#include "timeline/reach.h"

#include <algorithm>

#include "base/random.h"

namespace fleet_sim::timeline {

using scenario::Wave;

Reach::Reach(const scenario::Entry& entry, std::uint64_t seed)
    : waves_(entry.waves.empty() ? std::vector{Wave{0, 1}} : entry.waves),
      is_ramp_(entry.ramp == scenario::Ramp::linear),
      spread_(entry.spread),
      fails_(entry.fails),
      key_(mix_words(seed, hash_text(entry.name))) {}

std::optional<Reach::Hit> Reach::wave_of(std::uint64_t sensor) const {
  if (waves_.front().share >= 1) return Hit{waves_.front().delay, 0};
  const double u = uniform(mix_words(key_, sensor));
  const auto wave = std::ranges::find_if(waves_, [u](const Wave& one) { return one.share > u; });
  if (wave == waves_.end()) return std::nullopt;
  Hit hit{wave->delay, static_cast<std::uint32_t>(wave - waves_.begin())};
  if (is_ramp_ && wave != waves_.begin()) {
    // The share rises from that of the wave before, which u has reached, to one above u.
    const Wave& before = *(wave - 1);
    const double part = (u - before.share) / (wave->share - before.share);
    hit.after =
        before.delay + static_cast<Microseconds>(part * static_cast<double>(wave->delay - before.delay));
  }
  return hit;
}

std::optional<Reach::Hit> Reach::hit(std::uint64_t sensor, std::uint64_t turn) const {
  std::optional<Hit> hit = wave_of(sensor);
  if (hit && spread_ > 0) {
    const double u = uniform(word_of(sensor, turn));
    hit->after += static_cast<Microseconds>(u * static_cast<double>(spread_));
  }
  return hit;
}

std::uint64_t Reach::word_of(std::uint64_t sensor, std::uint64_t turn) const {
  return mix_words(mix_words(key_, sensor), turn);
}

bool Reach::fails(std::uint64_t sensor, std::uint64_t turn) const {
  return fails_ > 0 && uniform(mix_words(word_of(sensor, turn), key_)) < fails_;
}

}  // namespace fleet_sim::timeline
