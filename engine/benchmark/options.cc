#include "benchmark/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "benchmark/folder.h"
#include "config/database_settings.h"
#include "config/load_config.h"
#include "config/units.h"
#include "types/catalog.h"

namespace fleet_sim::benchmark {
namespace {

constexpr std::uint32_t flush_interval_paced_ms = 50;
constexpr std::uint64_t most_disk_bytes = 1'000'000'000'000'000;
constexpr std::size_t most_values = 16;  // of one list

template <class Value>
using Parse = std::function<std::string(std::string_view, Value&)>;

Parse<std::uint32_t> count(std::uint32_t min, std::uint32_t max) {
  return [min, max](std::string_view text, std::uint32_t& value) {
    std::uint64_t number = 0;
    std::string problem = config::parse_count(text, min, max, number);
    if (problem.empty()) value = static_cast<std::uint32_t>(number);
    return problem;
  };
}

Parse<double> number(double min, double max) {
  return [bounds = config::Bounds{min, max}](std::string_view text, double& value) {
    return config::parse_number(text, bounds, value);
  };
}

Parse<std::optional<double>> rate() {
  return [](std::string_view text, std::optional<double>& value) {
    return number(1, 1e7)(text, value.emplace());
  };
}

std::string parse_synchronous(std::string_view text, config::Synchronous& synchronous) {
  for (const config::Synchronous one :
       {config::Synchronous::off, config::Synchronous::normal, config::Synchronous::full}) {
    if (!config::equal_words(text, name_of(one))) continue;
    synchronous = one;
    return {};
  }
  return config::must_be("off, normal or full", text);
}

std::string parse_layout(std::string_view text, config::Layout& layout) {
  for (const config::Layout one : {config::Layout::wide, config::Layout::compact}) {
    if (!config::equal_words(text, name_of(one))) continue;
    layout = one;
    return {};
  }
  return config::must_be("wide or compact", text);
}

std::string parse_page_size(std::string_view text, std::uint32_t& bytes) {
  return config::parse_power_of_two(text, config::least_page_size, config::largest_page_size, bytes);
}

// 800M | 2G: decimal, as disks are sold.
std::string parse_disk(std::string_view text, std::uint64_t& bytes) {
  constexpr std::string_view what = "a size of at least 200M, such as 800M or 2G";
  constexpr std::string_view units = "kMGT";
  double factor = 1;
  std::string_view digits = text;
  if (const auto unit = units.find(text.empty() ? '\0' : text.back()); unit != units.npos) {
    factor = std::pow(1'000, static_cast<double>(unit + 1));
    digits.remove_suffix(1);
  }
  double value = 0;
  const config::Bounds bounds{static_cast<double>(least_disk_bytes) / factor,
                              static_cast<double>(most_disk_bytes) / factor};
  if (!config::parse_number(digits, bounds, value).empty()) return config::must_be(what, text);
  bytes = static_cast<std::uint64_t>(value * factor);
  return {};
}

// Reads the words one after the other and gathers what is wrong with them.
class Reader {
 public:
  template <class Value>
  void value(const char* option, const BenchWords::Word& word, const Parse<Value>& parse, Value& value) {
    if (!word) return;
    if (const std::string problem = parse(*word, value); !problem.empty()) problems_.add(option, problem);
  }

  template <class Value>
  void list(const char* option, const BenchWords::Word& word, const Parse<Value>& parse,
            std::vector<Value>& values) {
    if (!word) return;
    values.clear();
    for (std::string_view rest = *word;;) {
      const std::size_t comma = rest.find(',');
      Value value{};
      if (const std::string problem = parse(rest.substr(0, comma), value); !problem.empty()) {
        return problems_.add(option, "each value " + problem);
      }
      values.push_back(value);
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
    require(values.size() <= most_values, option, "takes at most 16 values");
  }

  void require(bool fulfilled, const char* option, const std::string& what) {
    if (!fulfilled) problems_.add(option, what);
  }

  void finish() const {
    if (!problems_.empty()) throw InvalidInput(problems_.text());
  }

 private:
  Problems problems_;
};

BenchOptions defaults(const BenchWords& words) {
  BenchOptions options;
  options.matrix = {{16, 1, 64},   {1, 2},
                    {5'000, 500},  {config::Synchronous::normal, config::Synchronous::full},
                    {true, false}, {0, 2}};
  if (words.quick) {
    options.matrix = {{16}, {1, 2}, {5'000}, {config::Synchronous::normal}, {true, false}, {0, 2}};
    options.rounds = 2;
    options.load.seconds = 1;
    options.load.warm_up_seconds = 0.5;
  }
  const bool paced = words.rate || words.find_rate;
  if (paced) options.load.flush_interval_ms = flush_interval_paced_ms;
  // A search measures one cell many times.
  if (words.find_rate) {
    options.matrix = {{16}, {1}, {5'000}, {config::Synchronous::normal}, {true}, {0}};
    options.rounds = 1;
  }
  return options;
}

void read_matrix(Reader& reader, const BenchWords& words, BenchMatrix& matrix) {
  reader.list("--shards", words.shards, count(1, most_bench_shards), matrix.shards);
  reader.list("--writers", words.writers, count(1, config::most_writers), matrix.writers);
  reader.list("--batch-size", words.batch_size, count(1, 1'000'000), matrix.batch_sizes);
  reader.list<config::Synchronous>("--synchronous", words.synchronous, parse_synchronous, matrix.synchronous);
  reader.list<bool>("--index", words.index, config::parse_boolean, matrix.unsynced_index);
  reader.list("--collectors", words.collectors, count(0, most_collectors), matrix.collectors);
  reader.list("--queries", words.queries, count(0, most_askers), matrix.queries);
  // What they cost shows beside a cell without.
  if (matrix.queries.size() == 1 && matrix.queries.front() > 0 && !words.find_rate)
    matrix.queries.insert(matrix.queries.begin(), 0);
  reader.list<config::Layout>("--layout", words.layout, parse_layout, matrix.layouts);
  reader.list<std::uint32_t>("--page-size", words.page_size, parse_page_size, matrix.page_sizes);
  reader.list("--rate", words.rate, rate(), matrix.rates);
}

// Where readings go, and that what is asked of files is asked where there are some.
void read_sinks(Reader& reader, const BenchWords& words, BenchMatrix& matrix) {
  reader.require(words.sinks.size() <= most_values, "--sink", "takes at most 16 addresses");
  reader.require(words.password_file.empty() || !words.sinks.empty(), "--password-file",
                 "only applies with --sink");
  if (words.sinks.empty()) return;
  matrix.sinks.clear();
  for (const std::string& text : words.sinks) {
    const std::string problem = config::parse_sink_address(text, matrix.sinks.emplace_back());
    reader.require(problem.empty(), "--sink", problem);
  }
  const auto is_files = [](const config::SinkAddress& sink) { return sink.sink == config::Sink::sqlite; };
  const bool has_files = std::ranges::any_of(matrix.sinks, is_files);
  const std::pair<const char*, const BenchWords::Word&> of_files[] = {
      {"--shards", words.shards},   {"--synchronous", words.synchronous},
      {"--index", words.index},     {"--collectors", words.collectors},
      {"--queries", words.queries}, {"--page-size", words.page_size},
      {"--layout", words.layout}};
  for (const auto& [option, word] : of_files)
    reader.require(has_files || !word, option, "only applies with --sink sqlite");
  reader.require(words.json != "-" || !takes_standard_output(matrix), "--json",
                 "needs a file name, because readings go to standard output");
}

// Of each sink.
bool is_one_cell(const BenchMatrix& matrix) {
  return matrix.shards.size() == 1 && matrix.writers.size() == 1 && matrix.batch_sizes.size() == 1 &&
         matrix.synchronous.size() == 1 && matrix.unsynced_index.size() == 1 &&
         matrix.collectors.size() == 1 && matrix.queries.size() == 1 && matrix.page_sizes.size() == 1 &&
         matrix.layouts.size() == 1;
}

void read_load(Reader& reader, const BenchWords& words, BenchLoad& load) {
  reader.value("--seconds", words.seconds, number(0.2, 3'600), load.seconds);
  reader.value("--warm-up", words.warm_up, number(0, 600), load.warm_up_seconds);
  reader.value("--sensors", words.sensors, count(1, 1'000'000), load.sensors);
  reader.value("--flush-interval", words.flush_interval, count(1, 3'600'000), load.flush_interval_ms);
  reader.value<std::uint64_t>("--max-disk", words.max_disk, parse_disk, load.disk_bytes);
}

// The type that the sensors are to be of, and the declarations it is among.
void read_type(Reader& reader, const BenchWords& words, BenchLoad& load) {
  reader.require(words.configs.empty() || !words.type.empty(), "--config", "only applies with --type");
  if (words.type.empty()) return;
  Problems problems;
  const std::vector<std::filesystem::path> files(words.configs.begin(), words.configs.end());
  load.types = config::load_config(files, {}, {}, problems).types;
  if (!problems.empty()) throw InvalidInput(problems.text());
  load.type = words.type;
  const types::Catalog types(load.types);
  const std::string hint = did_you_mean(words.type, types.names());
  reader.require(types.find(words.type) != nullptr, "--type",
                 fmt::format("{} is not declared{}; declare it under `types:` in a config (--config)",
                             in_quotes(words.type), hint));
}

}  // namespace

bool takes_standard_output(const BenchMatrix& matrix) {
  return std::ranges::any_of(matrix.sinks,
                             [](const config::SinkAddress& sink) { return sink.target == "-"; });
}

BenchOptions read_bench_options(const BenchWords& words) {
  BenchOptions options = defaults(words);
  Reader reader;
  read_matrix(reader, words, options.matrix);
  read_sinks(reader, words, options.matrix);
  read_load(reader, words, options.load);
  read_type(reader, words, options.load);
  reader.value("--rounds", words.rounds, count(1, 1'000), options.rounds);
  reader.value("--p99", words.p99, number(1, 600'000), options.p99_bound_ms);
  reader.require(!words.p99 || words.find_rate, "--p99", "only applies with --find-rate");
  reader.require(!words.rate || !words.find_rate, "--find-rate", "cannot be combined with --rate");
  reader.require(!words.find_rate || !words.rounds, "--find-rate", "cannot be combined with --rounds");
  reader.require(!words.find_rate || is_one_cell(options.matrix), "--find-rate",
                 "measures a single cell of each sink: give each list one value");
  reader.require(words.html != "-", "--html", "needs a file name");
  reader.require(words.html.empty() || words.html != words.json, "--html", "needs another file than --json");
  reader.finish();
  options.find_rate = words.find_rate;
  options.full = words.full;
  options.load.directory = words.dir;
  options.load.password_file = words.password_file;
  options.json = words.json;
  options.html = words.html;
  return options;
}

}  // namespace fleet_sim::benchmark
