// fleet_micro_bench: the small steps that a reading is made of, one at a time, by Google Benchmark. For
// looking at one function while it is changed; what it comes to in the end is fleet_bench's to say.
#include <benchmark/benchmark.h>

#include <cstdint>

#include "base/histogram.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "batch/batch_queue.h"
#include "config/config.h"
#include "model/normal.h"
#include "model/profile.h"
#include "model/sensor.h"
#include "model/signal.h"

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
  for (auto _ : state) benchmark::DoNotOptimize(fleet_sim::model::standard_normal(word += golden));
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
  model::Sensor sensor{key, 0, &profile, 0, model::Anomaly{}};
  Timestamp due = start;
  model::enter_steady_state(sensor, seed, due, Cadence(1));
  for (auto _ : state) {
    const Timestamp next = due + microseconds_per_second;
    benchmark::DoNotOptimize(fleet_sim::model::sample(sensor, seed, {due, next}));
    due = next;
  }
}
BENCHMARK(sample);

// With a thousand readings to a second, as in a shard, or one.
void timestamp_text(benchmark::State& state) {
  TimestampWriter writer;
  Timestamp at = start;
  for (auto _ : state) benchmark::DoNotOptimize(writer.write(at += state.range(0)));
}
BENCHMARK(timestamp_text)->ArgName("microseconds")->Arg(1'000)->Arg(microseconds_per_second);

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
