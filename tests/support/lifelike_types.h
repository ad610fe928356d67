// Types whose numbers are those of real machines: a motor with a thermometer, an accelerometer and a supply
// that were read every 15 minutes, and a water pump on a test stand that was read every second. And one type
// like no machine, which has everything.
#pragma once

#include <cstddef>

#include "types/signal_declaration.h"

namespace fleet_sim::test {

constexpr Microseconds seconds(double count) {
  return static_cast<Microseconds>(count * 1e6);
}
constexpr Microseconds hours(double count) {
  return seconds(3600 * count);
}
constexpr Microseconds days(double count) {
  return hours(24 * count);
}

// Temperature, vibration, voltage.
inline types::SignalDeclaration motor() {
  using namespace types;
  enum : std::size_t { run, warm, weather, flicker, level, supply, day };
  const auto sensor = Scope::sensor;
  // Written out, because readings are recorded and libm's last bit differs between machines.
  constexpr double e_to_1_5 = 4.4816890703380645;
  constexpr double e_to_0_12 = 1.1274968515793757;
  constexpr double e_to_0_25 = 1.2840254166877414;
  SignalDeclaration motor;
  motor.sources = {{"run", Load{sensor, 0.28, 1.3, {}}},
                   {"warm", Lag{run, seconds(9000)}},
                   {"weather", Noise{sensor, hours(12), days(16), 0.5}},
                   {"flicker", Noise{sensor, seconds(4), hours(4), 0.25}},
                   {"level", Noise{sensor, hours(0.5), hours(8), 0.3}},
                   {"supply", Noise{sensor, hours(1), days(30), 0.5}},
                   {"day", Cycle{Cycle::Shape::sine, days(1), hours(15)}}};
  motor.channels = {
      {"temperature",
       Gauge{.base = 29.5,
             .white = 0.05,
             .range = {-20, 90},
             .resolution = 0.0625,
             .terms = {{warm, 13}, {weather, 1.5}, {flicker, 0.12}, {level, 0.3}, {day, 0.8}}}},
      {"vibration", Gauge{.scale = Gauge::Scale::logarithmic,
                          .base = 5.5,
                          .white = 0.03,
                          .range = {0, 1e4},
                          .resolution = 1,
                          .terms = {{run, e_to_1_5}, {flicker, e_to_0_12}, {level, e_to_0_25}}}},
      {"voltage", Gauge{.base = 3500,
                        .white = 0.3,
                        .range = {0, 5000},
                        .resolution = 12,
                        .terms = {{warm, -8}, {supply, 25}}}}};
  return motor;
}

// Temperature and vibration.
inline types::SignalDeclaration test_stand() {
  using namespace types;
  SignalDeclaration stand;
  stand.sources = {{"heat", Noise{Scope::sensor, seconds(4), hours(4), 0.3}},
                   {"shake", Noise{Scope::sensor, seconds(4), hours(4), 0.3}}};
  stand.channels = {
      {"temperature",
       Gauge{.base = 89.5, .white = 0.15, .range = {0, 200}, .resolution = 1e-4, .terms = {{0, 0.60}}}},
      {"vibration",
       Gauge{.base = 0.2126, .white = 0.0011, .range = {0, 20}, .resolution = 1e-6, .terms = {{1, 0.0045}}}}};
  return stand;
}

// A type with sources and channels of every kind.
inline types::SignalDeclaration every_kind() {
  enum : std::size_t { run, warm, wander, weather, day, beat, hiss, shift, grid };
  types::SignalDeclaration type;
  type.sources = {
      {"run", types::Load{types::Scope::sensor, 0.4, 1.3, {{hours(6), hours(22)}, {hours(30), hours(40)}}}},
      {"warm", types::Lag{run, hours(1)}},
      {"wander", types::Noise{types::Scope::sensor, seconds(1), days(12), 0.3}},
      {"weather", types::Noise{types::Scope::site, seconds(4), days(12), 0.4}},
      {"day", types::Cycle{types::Cycle::Shape::sine, days(1), hours(15)}},
      {"beat", types::Cycle{types::Cycle::Shape::saw, seconds(90), 0}},
      {"hiss", types::White{}},
      {"shift", types::Load{types::Scope::location, 0.5, 1, {}}},
      {"grid", types::Noise{types::Scope::fleet, hours(1), days(3), 0.5}}};
  type.channels = {
      {"flow",
       types::Gauge{.base = 3, .white = 0.1, .range = {0, 80}, .terms = {{run, 40}, {wander, 2}, {beat, 1}}}},
      {"mode", types::State{run, {0.5}}},
      {"power", types::Product{{5, 0, 4}, 0.5}},
      {"volume",
       types::Counter{.base = 2, .rate = {{run, 48}, {shift, 3}}, .per = hours(1), .resolution = 0.01}},
      {"vibration", types::Gauge{.scale = types::Gauge::Scale::logarithmic,
                                 .base = 0.3,
                                 .white = 0.02,
                                 .range = {0.01, 10},
                                 .resolution = 0.001,
                                 .terms = {{run, 8.2}, {warm, 1.5}, {hiss, 1.1}, {wander, 1.2}}}},
      {"heat", types::Product{{0, 6}}},
      {"bearing", types::Gauge{.base = 30,
                               .white = 0.05,
                               .rails = {-20, 150},
                               .resolution = 0.1,
                               .terms = {{warm, 18}, {weather, 2}, {day, 0.8}, {hiss, 0.2}, {grid, 1}}}},
      {"wind", types::State{weather, {-1, 0, 1, 1.5}}}};
  return type;
}

}  // namespace fleet_sim::test
