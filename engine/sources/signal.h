// The signal of a type of sensor: what the sensor reads while nothing is wrong, in two steps.
//
//   sources -> levels -> readings
//
// Sources are numbers that vary with time: noise, loads, what lags behind them, cycles (source_set.h). A
// level is what a channel makes of them: a gauge's value, or the logarithm of it on a logarithmic scale; the
// source of a state; the whole steps of a counter. A reading is what the device shows of it in the unit of
// the channel: a gauge within its rails and in steps of its resolution, the code of a state, the value of a
// counter, the product of other readings. Whatever affects a sensor acts on the levels.
//
// A level is a pure function of keys, moment and deviates. Slow parts of sources are evaluated at knots, 67
// seconds apart and at other moments for each sensor, and joined by straight lines. That is the definition,
// so levels are the same whether knots are remembered or not, in any order of moments.
//
// One object serves all sensors whose type, local time and numbers are the same. Immutable; any thread.
// Levels and readings allocate nothing and cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/timestamp.h"
#include "sources/counter.h"
#include "sources/device.h"
#include "sources/keys.h"
#include "sources/source_set.h"
#include "types/signal_declaration.h"
#include "zones/zone.h"

namespace fleet_sim::sources {

// What a sensor's two knots are remembered in, Signal::knot_words() words. It begins with no_knot in each,
// and may return to that at any time.
using KnotWords = std::span<std::uint32_t>;
inline constexpr std::uint32_t no_knot = 0x80000000;

class Signal {
 public:
  // `zone` is the local time of its sensors. Throws std::invalid_argument when a product depends on itself.
  Signal(const types::SignalDeclaration& declaration, const zones::Zone& zone);

  [[nodiscard]] const SourceSet& sources() const { return sources_; }
  [[nodiscard]] std::size_t channels() const { return channels_; }

  // A reading takes standard normal numbers: one for each channel, then one for each white source. Only those
  // listed matter.
  [[nodiscard]] std::size_t deviates() const { return channels_ + sources_.whites(); }
  [[nodiscard]] std::span<const std::uint8_t> drawn_deviates() const { return drawn_deviates_; }

  static constexpr Microseconds knot_length = Microseconds{1} << 26;  // from one knot to the next

  // 0 when nothing in it is slow.
  [[nodiscard]] std::size_t knot_words() const { return has_knots_ ? 1 + 2 * lines_.size() : 0; }

  // Fills `levels`, one for each channel in order. That of a product is 0.
  void levels(const Keys& keys, Timestamp at, std::span<const double> deviates, KnotWords knots,
              std::span<double> levels) const;
  // The same, with nothing remembered.
  void levels(const Keys& keys, Timestamp at, std::span<const double> deviates,
              std::span<double> levels) const;

  // Turns levels into readings, in place.
  void read(std::span<double> levels) const;

 private:
  struct SlotTerm {
    std::size_t slot;
    double gain;
  };
  struct Terms {
    std::size_t begin;  // in terms_
    std::size_t end;
  };
  // A channel that is a sum of sources: a gauge, or a state, which has one.
  struct Line {
    std::size_t channel;
    double base;
    double white;
    double low;
    double high;
    Terms fast;
    Terms slow;
  };
  struct GaugeReading {
    std::size_t channel;
    bool is_logarithm;
    types::Limits rails;
    Resolution resolution;
  };
  struct StateReading {
    std::size_t channel;
    std::vector<double> at;
  };
  struct CounterReading {
    std::size_t channel;
    Counter counter;
  };
  struct ProductReading {
    std::size_t channel;
    std::vector<std::size_t> of;
    Resolution resolution;
  };

  void add(std::size_t channel, const types::Gauge& gauge);
  void add(std::size_t channel, const types::State& state);
  void add_line(Line line, std::span<const types::Term> terms);
  Terms add_terms(std::span<const types::Term> terms, bool slow);
  void add_products(const types::SignalDeclaration& declaration);
  void note_drawn_deviates(const types::SignalDeclaration& declaration);

  [[nodiscard]] double sum(const Terms& terms, const SourceSet::Slots& slots) const;
  void move_to(std::int64_t number, const Keys& keys, KnotWords knots) const;
  void set_knot(std::int64_t number, const Keys& keys, std::uint32_t* values) const;

  std::size_t channels_;
  SourceSet sources_;
  std::vector<Line> lines_;
  std::vector<SlotTerm> terms_;
  bool has_knots_ = false;
  std::vector<GaugeReading> gauges_;
  std::vector<StateReading> states_;
  std::vector<CounterReading> counters_;
  std::vector<ProductReading> products_;  // each after those that it depends on
  std::vector<std::uint8_t> drawn_deviates_;
};

}  // namespace fleet_sim::sources
