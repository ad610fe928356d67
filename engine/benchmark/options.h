// What `fleet-sim bench` is asked for, read from the words of the command line. Pure. Throws InvalidInput
// that names every wrong option and what it may be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "benchmark/cell.h"
#include "benchmark/matrix.h"

namespace fleet_sim::benchmark {

inline constexpr std::uint32_t most_bench_shards = 1'000;
inline constexpr std::uint32_t most_collectors = 64;
inline constexpr std::uint32_t most_askers = 64;

// As written by the user; none: the default, which depends on what else is asked for.
struct BenchWords {
  using Word = std::optional<std::string>;
  Word shards, writers, batch_size, synchronous, index, collectors, queries, page_size,
      layout;  // lists with commas
  Word rounds, seconds, warm_up, sensors, flush_interval, max_disk;
  Word rate;  // likewise a list
  Word p99;
  std::vector<std::string> sinks;  // addresses; none: files of SQLite
  std::string password_file;
  bool find_rate = false;
  bool quick = false;
  bool full = false;
  std::string type;                  // of the sensors; empty: the built-in one
  std::vector<std::string> configs;  // files that declare it
  std::string dir = ".";
  std::string json;  // a file, or - for standard output; empty: none
  std::string html;  // a file; empty: none
};

struct BenchOptions {
  BenchMatrix matrix;
  bool full = false;  // every combination of the matrix
  std::uint32_t rounds = 3;
  BenchLoad load;
  bool find_rate = false;
  double p99_bound_ms = 200;  // what the search for a rate holds to
  std::string json;
  std::string html;
};

// Whether readings go there, so that results do not.
bool takes_standard_output(const BenchMatrix& matrix);

BenchOptions read_bench_options(const BenchWords& words);

}  // namespace fleet_sim::benchmark
