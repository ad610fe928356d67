// fleet_micro_bench: the small steps that a reading is made of, one at a time, by Google Benchmark. For
// looking at one function while it is changed; what it comes to in the end is fleet_bench's to say.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bare_loops.h"
#include "base/histogram.h"
#include "base/normal.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "batch/batch_queue.h"
#include "config/config.h"
#include "format/reading_format.h"
#include "identity/identity.h"
#include "model/profile.h"
#include "model/sensor.h"
#include "model/signal.h"
#include "sources/signal.h"
#include "types/catalog.h"

namespace fleet_sim::bench {
namespace {

constexpr Timestamp start = 1'767'225'600 * microseconds_per_second;  // 2026-01-01
constexpr std::uint64_t seed = 1;
constexpr std::uint64_t key = 0x5EED5EED5EED5EED;

// The config's default sensor, whose anomalies are all possible.
model::Profile profile_of(const config::Config& config) {
  return model::resolve_profile(config, {"1.3", "TempVibe-2000", "SensorTech", "Factory A - Line 1", 1,
                                         model::normal_parameters(config)});
}

void draw_block(benchmark::State& state) {
  std::uint64_t counter = 0;
  for (auto _ : state) benchmark::DoNotOptimize(fleet_sim::draw_block(seed, key, Stream::reading, ++counter));
}
BENCHMARK(draw_block);

void standard_normal(benchmark::State& state) {
  constexpr std::uint64_t golden = 0x9E3779B97F4A7C15;  // steps that reach the whole range
  std::uint64_t word = 0;
  for (auto _ : state) benchmark::DoNotOptimize(fleet_sim::standard_normal(word += golden));
}
BENCHMARK(standard_normal);

void normal_values(benchmark::State& state) {
  const model::Profile profile = profile_of({});
  const RandomBlock draws = fleet_sim::draw_block(seed, key, Stream::reading, 1);
  Timestamp due = start;
  for (auto _ : state)
    benchmark::DoNotOptimize(fleet_sim::model::normal_values(profile, due += microseconds_per_second, draws));
}
BENCHMARK(normal_values);

void sample(benchmark::State& state) {
  const model::Profile profile = profile_of({});
  model::Sensor sensor{key, 0, &profile, 0};
  Timestamp due = start;
  model::enter_steady_state(sensor, seed, due, Cadence(1));
  for (auto _ : state) {
    const Timestamp next = due + microseconds_per_second;
    benchmark::DoNotOptimize(fleet_sim::model::sample(sensor, seed, {due, next}));
    due = next;
  }
}
BENCHMARK(sample);

// A machine with temperature, vibration and voltage: a load and what it heats, four noises and the day.
types::SignalDeclaration lifelike() {
  constexpr auto own = types::Scope::sensor;
  constexpr Microseconds hour = 3'600 * microseconds_per_second;
  using types::Gauge;
  types::SignalDeclaration type;
  type.sources = {{"run", types::Load{own, 0.6, 1.3, {}}},
                  {"warm", types::Lag{0, 5 * hour / 2}},
                  {"heat", types::Noise{own, 4 * microseconds_per_second, 16 * microseconds_per_day, 0.3}},
                  {"shake", types::Noise{own, 4 * microseconds_per_second, 4 * hour, 0.25}},
                  {"level", types::Noise{own, hour / 2, 8 * hour, 0.3}},
                  {"supply", types::Noise{own, hour, 30 * microseconds_per_day, 0.5}},
                  {"day", types::Cycle{types::Cycle::Shape::sine, microseconds_per_day, 15 * hour}}};
  type.channels = {{"temperature", Gauge{.base = 62,
                                         .white = 0.1,
                                         .range = {50, 80},
                                         .resolution = 0.01,
                                         .terms = {{1, 5}, {2, 1}, {4, 0.2}, {6, 0.8}}}},
                   {"vibration", Gauge{.scale = Gauge::Scale::logarithmic,
                                       .base = 0.3,
                                       .white = 0.02,
                                       .range = {0.1, 10},
                                       .resolution = 0.001,
                                       .terms = {{0, 8.2}, {3, 1.22}, {4, 1.22}}}},
                   {"voltage", Gauge{.base = 12,
                                     .white = 0.004,
                                     .range = {11.5, 12.5},
                                     .resolution = 0.01,
                                     .terms = {{0, -0.03}, {5, 0.08}}}}};
  return type;
}

const types::SensorType& lifelike_type() {
  static const types::Catalog types = [] {
    types::DeclaredType type{{}, lifelike()};
    for (const types::SignalChannel& channel : type.signal.channels)
      type.columns.push_back({.name = channel.name, .unit = {}});
    return types::Catalog(types::DeclaredTypes{{"lifelike", type}});
  }();
  return types["lifelike"];
}

// A reading of it. Knots are 67 s apart, so at an interval of a second most readings find theirs, and at one
// of two minutes each makes two.
void lifelike_sample(benchmark::State& state) {
  const types::SensorType& type = lifelike_type();
  const auto interval = static_cast<double>(state.range(0));
  model::ProfileSource source{"1.3",        "TempVibe-2000",       "SensorTech", "Factory A - Line 1",
                              1 / interval, type.normal_parameters};
  source.type = &type;
  const model::Profile profile = model::resolve_profile({}, source);
  model::Sensor sensor{key, 0, &profile, 0};
  std::vector<std::uint32_t> knots(model::knot_words(profile), sources::no_knot);
  Timestamp due = start;
  for (auto _ : state) {
    const Timestamp next = due + state.range(0) * microseconds_per_second;
    benchmark::DoNotOptimize(fleet_sim::model::sample(sensor, seed, {due, next}, {knots, {}}));
    due = next;
  }
}
BENCHMARK(lifelike_sample)->ArgName("seconds")->Arg(1)->Arg(60)->Arg(120);

void load_work(benchmark::State& state) {
  const sources::Load load({types::Scope::sensor, 0.28, 1.3, {}}, {});
  Timestamp at = start;
  for (auto _ : state) benchmark::DoNotOptimize(load.at(key, at += 7'919 * microseconds_per_second));
}
BENCHMARK(load_work);

// With a thousand readings to a second, as in a shard, or one.
void timestamp_text(benchmark::State& state) {
  TimestampWriter writer;
  Timestamp at = start;
  for (auto _ : state) benchmark::DoNotOptimize(writer.write(at += state.range(0)));
}
BENCHMARK(timestamp_text)->ArgName("microseconds")->Arg(1'000)->Arg(microseconds_per_second);

constexpr std::size_t chunk = std::size_t{64} << 10;

// What text sinks do for each reading, but for the write.
void reading_as_ndjson(benchmark::State& state) {
  Written written;
  format::ReadingFormatter formatter(format::RowFormat::ndjson, written.roster(),
                                     types::built_in_type().schema);
  format::LineBuffer out;
  for (auto _ : state) {
    formatter.append(out, written.next());
    if (out.size() < chunk) continue;
    benchmark::DoNotOptimize(out.view().data());
    out.clear();
  }
}
BENCHMARK(reading_as_ndjson);

// The same line by a loop that does nothing else.
void bare_ndjson(benchmark::State& state) {
  Written written;
  BareNdjson lines(written.roster());
  std::vector<char> out(2 * chunk);
  char* at = out.data();
  for (auto _ : state) {
    at = lines.put(at, written.next());
    if (static_cast<std::size_t>(at - out.data()) < chunk) continue;
    benchmark::DoNotOptimize(out.data());
    at = out.data();
  }
}
BENCHMARK(bare_ndjson);

void histogram_record(benchmark::State& state) {
  Histogram histogram;
  Microseconds value = 0;
  for (auto _ : state) histogram.record(value = (value + 7'919) & 0xFFFFF);
  benchmark::DoNotOptimize(histogram.count());
}
BENCHMARK(histogram_record);

void queue_push_pop(benchmark::State& state) {
  batch::BatchQueue queue(1);
  batch::Batch batch;
  for (auto _ : state) {
    queue.push(&batch);
    benchmark::DoNotOptimize(queue.pop());
  }
}
BENCHMARK(queue_push_pop);

}  // namespace
}  // namespace fleet_sim::bench

BENCHMARK_MAIN();
