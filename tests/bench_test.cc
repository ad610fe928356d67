// What a benchmark computes and shows, without measuring: which cells there are, which rates are tried, what
// rounds come to, and the forms of the report. And what it leaves on the disk: nothing.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "base/page.h"
#include "base/problems.h"
#include "benchmark/cell.h"
#include "benchmark/folder.h"
#include "benchmark/machine.h"
#include "benchmark/matrix.h"
#include "benchmark/options.h"
#include "benchmark/results.h"
#include "benchmark/search.h"
#include "benchmark/target.h"
#include "run/exit_code.h"
#include "run/stop_signals.h"
#include "support/temporary_folder.h"

namespace fleet_sim::bench_test {

using namespace fleet_sim::test;

namespace {

const benchmark::BenchMatrix matrix{{16, 1, 4},    {1, 2}, {5'000, 500}, {config::Synchronous::normal},
                                    {true, false}, {0, 2}};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

using Set = std::function<void(benchmark::BenchWords&)>;

// The options that `set` asks for.
benchmark::BenchOptions options_of(const Set& set) {
  benchmark::BenchWords words;
  set(words);
  return benchmark::read_bench_options(words);
}

// The page's own part: the library in it is not ours to judge.
std::string without_dygraphs(std::string page) {
  for (const std::string_view part : {dygraphs_style, dygraphs_script}) {
    const std::size_t at = page.find(part);
    REQUIRE(at != page.npos);
    page.erase(at, part.size());
  }
  return page;
}

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string refusal(const Set& set) {
  try {
    (void)options_of(set);
  } catch (const InvalidInput& error) {
    return error.what();
  }
  return "";
}

void add_round(benchmark::CellResult& result, double rows_per_second) {
  result.rounds.push_back({2, 1'000, rows_per_second, 150'000, 0, false});
}

// Two cells in two rounds each; names with everything a page has to escape.
void fill(benchmark::BenchReport& report) {
  report.machine.version = "1.2.3";
  report.machine.processor = "<script>alert(\"x\")</script> & 'co'";
  report.machine.directory = "/mnt/\xff<disk>";
  report.complete = true;
  report.generator_rows_per_second = 4'000'000;
  benchmark::BenchCell other;
  other.shards = other.writers = 2;
  other.collectors = 1;
  report.cells.emplace_back(benchmark::BenchCell{});
  report.cells.emplace_back(other);
  for (const double rate : {400'000.0, 600'000.0}) add_round(report.cells[0], rate);
  for (const double rate : {800'000.0, 900'000.0}) add_round(report.cells[1], rate);
}

// The rates that a search tries when all up to `limit` hold.
std::vector<double> tried(benchmark::RateSearch& search, double limit) {
  std::vector<double> rates;
  while (const auto rate = search.next()) {
    CHECK(search.most_steps_left() >= 1);
    rates.push_back(*rate);
    search.record(*rate, *rate <= limit);
    REQUIRE(rates.size() < 100);
  }
  CHECK(search.most_steps_left() == 0);
  return rates;
}

constexpr benchmark::RateSearch::Range searched{20'000, 10, 5'000'000, 1.05};

}  // namespace

TEST_CASE("one list is varied at a time, each cell once, the base first") {
  const benchmark::ExpandedMatrix expanded = benchmark::vary_one_at_a_time(matrix);
  std::vector<std::string> differences;
  for (const benchmark::BenchCell& cell : expanded.cells)
    differences.push_back(benchmark::difference_text(cell, expanded.cells.front()));
  CHECK(differences == std::vector<std::string>{"base", "1 shard", "4 shards", "2 writers", "batch 500",
                                                "no index", "2 collectors"});
  CHECK(benchmark::cell_text(expanded.cells.front()) ==
        "16 shards, 1 writer, batch 5000, synchronous normal, index, 0 collectors");
  CHECK(expanded.left_out.empty());
}

TEST_CASE("every cell is measured with each number of queries") {
  benchmark::BenchMatrix asked{{16}, {1}, {10}, {config::Synchronous::full}, {true}, {0}, {0, 2}};
  asked.layouts = {config::Layout::wide, config::Layout::compact};
  const benchmark::ExpandedMatrix expanded = benchmark::vary_one_at_a_time(asked);
  std::vector<std::string> differences;
  for (const benchmark::BenchCell& cell : expanded.cells)
    differences.push_back(benchmark::difference_text(cell, expanded.cells.front()));
  CHECK(differences == std::vector<std::string>{"base", "queries 2", "compact", "queries 2, compact"});
}

TEST_CASE("the cross product has every combination once, without writers that have no shard") {
  const benchmark::ExpandedMatrix expanded = benchmark::cross_product(matrix);
  CHECK(expanded.cells.size() == 3 * 2 * 2 * 2 * 2 - 8);
  CHECK(expanded.left_out.size() == 8);
  std::set<std::string> texts;
  for (const benchmark::BenchCell& cell : expanded.cells) {
    CHECK(cell.writers <= cell.shards);
    texts.insert(benchmark::cell_text(cell));
  }
  CHECK(texts.size() == expanded.cells.size());
  for (const benchmark::BenchCell& cell : expanded.left_out) CHECK(cell.writers > cell.shards);
  const benchmark::BenchMatrix wide{{1'000}, {1}, {10}, {config::Synchronous::full}, {true}, {0, 1}};
  REQUIRE(benchmark::cross_product(wide).left_out.size() == 1);
  CHECK(holds(benchmark::why_left_out(benchmark::cross_product(wide).left_out.front()),
              "collectors keep all shards open"));
}

TEST_CASE("values given twice make one cell") {
  const benchmark::BenchMatrix twice{
      {4, 4}, {1, 1}, {10}, {config::Synchronous::full, config::Synchronous::full}, {true}, {0}};
  CHECK(benchmark::vary_one_at_a_time(twice).cells.size() == 1);
  CHECK(benchmark::cross_product(twice).cells.size() == 1);
}

TEST_CASE("options: lists and sizes") {
  const benchmark::BenchOptions options = options_of([](benchmark::BenchWords& words) {
    words.shards = "8,2";
    words.index = "off";
    words.synchronous = "FULL,off";
    words.max_disk = "1.5G";
  });
  CHECK(options.matrix.shards == std::vector<std::uint32_t>{8, 2});
  CHECK(options.matrix.unsynced_index == std::vector<bool>{false});
  CHECK(options.matrix.synchronous == std::vector{config::Synchronous::full, config::Synchronous::off});
  CHECK(options.matrix.writers == std::vector<std::uint32_t>{1, 2});
  CHECK(options.load.disk_bytes == 1'500'000'000);
}

TEST_CASE("the flush interval is short where latency is measured") {
  const Set paced = [](benchmark::BenchWords& words) { words.rate = "2500"; };
  CHECK(options_of([](benchmark::BenchWords&) {}).load.flush_interval_ms == 1'000);
  CHECK(options_of(paced).load.flush_interval_ms == 50);
  CHECK(options_of(paced).matrix.rates == std::vector<std::optional<double>>{2'500});
  CHECK(options_of([](benchmark::BenchWords& words) { words.find_rate = true; }).load.flush_interval_ms ==
        50);
  const Set asked = [&](benchmark::BenchWords& words) {
    paced(words);
    words.flush_interval = "200";
  };
  CHECK(options_of(asked).load.flush_interval_ms == 200);
}

TEST_CASE("quick is smaller, and gives way to what is asked for") {
  const benchmark::BenchOptions options = options_of([](benchmark::BenchWords& words) {
    words.quick = true;
    words.seconds = "3";
  });
  CHECK(options.rounds == 2);
  CHECK(options.load.seconds == 3);
  CHECK(benchmark::vary_one_at_a_time(options.matrix).cells.size() == 4);
}

TEST_CASE("wrong options are all named, with what they may be") {
  const std::string all = refusal([](benchmark::BenchWords& words) {
    words.shards = "4,,2";
    words.synchronous = "fast";
    words.max_disk = "10M";
    words.seconds = "0";
  });
  for (const char* part :
       {"--shards", "--synchronous", "off, normal or full", "'fast'", "--max-disk", "200M", "--seconds"}) {
    CHECK_MESSAGE(holds(all, part), all);
  }
  CHECK(holds(refusal([](benchmark::BenchWords& words) { words.p99 = "50"; }), "--find-rate"));
  CHECK(holds(refusal([](benchmark::BenchWords& words) { words.max_disk = "2Q"; }), "'2Q'"));
  CHECK(holds(refusal([](benchmark::BenchWords& words) { words.html = "-"; }), "--html"));
  const auto refused_search = [](const char* option) {
    return refusal([option](benchmark::BenchWords& words) {
      words.find_rate = true;
      (option == std::string("rate") ? words.rate : words.shards) = "1,2";
    });
  };
  CHECK(holds(refused_search("rate"), "cannot be combined with --rate"));
  CHECK(holds(refused_search("shards"), "one value"));
}

TEST_CASE("medians, extremes and ratios of rounds") {
  CHECK(benchmark::spread_of({}).median == 0);
  CHECK(benchmark::spread_of({3, 1, 2}).median == 2);
  const benchmark::Spread even = benchmark::spread_of({4, 1, 2, 10});
  CHECK(even.median == 3);
  CHECK(even.min == 1);
  CHECK(even.max == 10);

  benchmark::CellResult base{benchmark::BenchCell{}};
  benchmark::CellResult other{benchmark::BenchCell{}};
  CHECK(benchmark::ratio(other, base) == 0);
  for (const double rate : {100.0, 200.0, 300.0}) add_round(base, rate);
  for (const double rate : {150.0, 200.0}) add_round(other, rate);  // 1.5 and 1, whatever the third would be
  CHECK(benchmark::ratio(other, base) == doctest::Approx(1.25));
}

TEST_CASE("a failed round is none, and its reason is kept") {
  benchmark::CellResult result{benchmark::BenchCell{}};
  benchmark::Measurement measured;
  measured.rows = 5;
  measured.bytes = 600;
  measured.rows_per_second = 50;
  measured.latency.record(700);
  result.add(measured);
  measured.failure = "disk full";
  result.add(measured);
  CHECK(result.rounds.size() == 1);
  CHECK(result.failure == "disk full");
  CHECK(result.latency.count() == 1);
  CHECK(result.bytes_per_reading() == doctest::Approx(120));
}

TEST_CASE("the search closes in on the highest rate that holds") {
  for (const double limit : {25.0, 1'234.0, 20'000.0, 147'000.0, 4'900'000.0}) {
    benchmark::RateSearch search(searched);
    const auto rates = tried(search, limit);
    REQUIRE(search.best());
    CHECK(*search.best() <= limit);
    CHECK_MESSAGE(*search.best() * 1.06 >= limit, limit);
    CHECK(rates.size() <= benchmark::RateSearch(searched).most_steps_left());
  }
}

TEST_CASE("a search ends where no rate holds, and where every rate does") {
  benchmark::RateSearch none(searched);
  CHECK(tried(none, 0).back() == searched.lowest);
  CHECK_FALSE(none.best());
  benchmark::RateSearch all(searched);
  CHECK(tried(all, 1e9).back() == searched.highest);
  CHECK(*all.best() == searched.highest);
}

TEST_CASE("the steps left never fall short") {
  for (const double limit : {5.0, 30.0, 19'000.0, 21'000.0, 333'333.0, 1e9}) {
    benchmark::RateSearch search(searched);
    unsigned most = search.most_steps_left();
    while (const auto rate = search.next()) {
      REQUIRE(most >= 1);
      search.record(*rate, *rate <= limit);
      CHECK(search.most_steps_left() <= most - 1);
      most = search.most_steps_left();
    }
  }
}

TEST_CASE("tables are aligned, by characters") {
  const benchmark::BenchTable table{"Title", {"a", "median"}, {{"µs", "1,234,567"}, {"long", "8"}}};
  CHECK(benchmark::text_of(table) ==
        "Title\n"
        "     a     median\n"
        "    µs  1,234,567\n"
        "  long          8\n");
}

TEST_CASE("the text names machine, cells and what went wrong") {
  benchmark::BenchReport report;
  fill(report);
  report.cells[1].failure = "no space";
  report.cells[1].collectors.collected = 400;
  report.cells[1].collectors.seconds = 2;
  report.left_out.push_back({1, 2});
  const std::string text = benchmark::bench_text(report);
  for (const char* part : {"1.2.3", "200", "500,000", "850,000", "1.75", "4.7 x the highest rate", "150.0",
                           "Collectors, latencies", "FAILED 2 shards", "no space", "left out"}) {
    CHECK_MESSAGE(holds(text, part), part);
  }
  CHECK_FALSE(holds(text, "INTERRUPTED"));
  CHECK(report.failed());
  report.complete = false;
  CHECK(holds(benchmark::bench_text(report), "INTERRUPTED"));
}

TEST_CASE("a generator that is hardly faster than the disk is said to limit the figures") {
  benchmark::BenchReport report;
  fill(report);
  CHECK(holds(benchmark::bench_text(report), "does not limit"));
  report.generator_rows_per_second = 1'500'000;
  CHECK(holds(benchmark::bench_text(report), "may limit"));
}

TEST_CASE("the JSON has every round of every cell, and is UTF-8 whatever the folder is called") {
  benchmark::BenchReport report;
  fill(report);
  const auto json = nlohmann::json::parse(benchmark::bench_json(report));
  CHECK(json["mode"] == "throughput");
  CHECK(json["machine"]["directory"] == "/mnt/\xEF\xBF\xBD<disk>");
  CHECK(json["cells"].size() == 2);
  CHECK(json["cells"][0]["rows_per_second"]["median"] == 500'000);
  CHECK(json["cells"][1]["rounds"][1]["rows_per_second"] == 900'000);
  CHECK(json["cells"][1]["collected"]["errors"] == 0);
  CHECK_FALSE(json["cells"][0].contains("latency_seconds"));
  for (benchmark::CellResult& result : report.cells) result.cell.rate = 500;
  report.cells[0].latency.record(2'000'000);
  const auto paced = nlohmann::json::parse(benchmark::bench_json(report));
  CHECK(paced["mode"] == "rate");
  CHECK(paced["cells"][0]["latency_seconds"]["max"] == 2.0);
}

TEST_CASE("the page escapes what it shows and asks for nothing from outside") {
  benchmark::BenchReport report;
  fill(report);
  const auto check = [&](const char* plot, const char* shown) {
    const std::string page = without_dygraphs(benchmark::bench_html(report));
    CHECK(page.starts_with("<!DOCTYPE html>"));
    CHECK(holds(page, "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;co&#39;"));
    for (const char* outside : {"http:", "https:", "src=", "href=", "url(", "@import", "nan", "inf\""}) {
      CHECK_MESSAGE(!holds(page, outside), outside);
    }
    CHECK(count_of(page, "<script") == 3);  // the data, the library and what draws with it
    CHECK(holds(page, "id=\"plot\""));
    CHECK(holds(page, "\"kind\":\"" + std::string(plot) + "\""));
    CHECK_MESSAGE(holds(page, shown), shown);
  };
  check("bars", "2 shards, 2 writers, 1 collector");
  for (benchmark::CellResult& result : report.cells) result.cell.rate = 500;
  report.cells[1].latency.record(3'000);
  check("curves", "99.9%");
  for (benchmark::CellResult& result : report.cells) result.cell.rate.reset();
  report.cells.pop_back();
  report.options.find_rate = true;
  report.cells[0].steps = {{20'000, 19'900, 60'000, 90'000, 95'000, 99'000, true, ""},
                           {40'000, 30'000, 60'000, 900'000, 950'000, 990'000, false, "<b>"}};
  report.cells[0].highest_rate = 20'000;
  check("steps", "highest rate: 20,000");
  CHECK(holds(benchmark::bench_html(report), "&lt;b&gt;"));
}

TEST_CASE("sinks are measured side by side, each with the cells that it can have") {
  benchmark::BenchMatrix sinks = matrix;
  sinks.sinks = {
      {config::Sink::text, "csv", "out.csv"}, {}, {config::Sink::line_server, "lines+http", "//h:1/w"}};
  const benchmark::ExpandedMatrix expanded = benchmark::vary_one_at_a_time(sinks);
  std::vector<std::string> texts;
  for (const benchmark::BenchCell& cell : expanded.cells) texts.push_back(benchmark::cell_text(cell));
  REQUIRE(texts.size() == 2 + 7 + 3);
  CHECK(texts[0] == "csv:out.csv, 1 writer, batch 5000");
  CHECK(texts[1] == "csv:out.csv, 1 writer, batch 500");
  CHECK(texts[2] == "16 shards, 1 writer, batch 5000, synchronous normal, index, 0 collectors");
  CHECK(texts[10] == "lines+http://h:1/w, 2 writers, batch 5000");
  REQUIRE(expanded.left_out.size() == 1);
  CHECK(benchmark::why_left_out(expanded.left_out.front()) == "a sink of text has one writer");
  CHECK(benchmark::difference_text(expanded.cells[10], expanded.cells[0]) == "lines+http://h:1/w, 2 writers");
}

TEST_CASE("options: several addresses and rates, without what only files have") {
  const benchmark::BenchOptions options = options_of([](benchmark::BenchWords& words) {
    words.sinks = {"-", "null"};
    words.rate = "100,2000";
  });
  REQUIRE(options.matrix.sinks.size() == 2);
  CHECK(options.matrix.sinks[0].text() == "ndjson:-");
  CHECK(options.matrix.rates == std::vector<std::optional<double>>{100, 2'000});
  CHECK(benchmark::takes_standard_output(options.matrix));
  const auto refused = [](const char* sink, const char* index, const char* json) {
    return refusal([&](benchmark::BenchWords& words) {
      if (*sink != 0) words.sinks = {sink};
      if (*index != 0) words.index = index;
      words.json = json;
    });
  };
  CHECK(holds(refused("kafka:x", "", ""), "--sink"));
  CHECK(holds(refused("null", "on", ""), "--index: only applies with --sink sqlite"));
  CHECK(refused("sqlite", "on", "").empty());
  CHECK(holds(refused("csv:-", "", "-"), "--json"));
  CHECK(holds(refusal([](benchmark::BenchWords& words) { words.password_file = "x"; }), "--password-file"));
}

TEST_CASE("tables have the columns that some cell has, and say nothing where a cell has none") {
  benchmark::BenchReport report;
  fill(report);
  report.cells[1].cell = {};
  report.cells[1].cell.sink = {config::Sink::text, "ndjson", "/dev/null"};
  report.targets = {{"sqlite", ""}, {"ndjson:/dev/null", ""}};
  for (benchmark::CellResult::Round& round : report.cells[1].rounds) round.bytes = 0;
  const std::vector<benchmark::BenchTable> tables = benchmark::bench_tables(report);
  CHECK(tables[0].header[0] == "sink");
  CHECK(tables[0].rows[0][1] == "1");
  CHECK(tables[0].rows[1][0] == "ndjson:/dev/null");
  CHECK(tables[0].rows[1][1].empty());      // shards
  CHECK(tables[0].rows[1].back().empty());  // bytes
  const auto json = nlohmann::json::parse(benchmark::bench_json(report));
  CHECK(json["cells"][0]["shards"] == 1);
  CHECK(json["cells"][1]["sink"] == "ndjson:/dev/null");
  CHECK_FALSE(json["cells"][1].contains("shards"));
  CHECK_FALSE(json["cells"][1].contains("bytes_per_reading"));
  report.cells.pop_front();
  const auto one = benchmark::bench_tables(report)[0].header;
  CHECK(std::vector<std::string>(one.begin(), one.begin() + 4) ==
        std::vector<std::string>{"sink", "writers", "batch", "median"});
}

TEST_CASE("several searches are shown beside each other") {
  benchmark::BenchReport report;
  fill(report);
  report.options.find_rate = true;
  report.cells[1].cell.sink = {config::Sink::text, "ndjson", "/dev/null"};
  for (benchmark::CellResult& result : report.cells) result.steps.emplace_back().rate = 20'000;
  report.cells[1].highest_rate = 40'000;
  const std::string text = benchmark::bench_text(report);
  CHECK(holds(text, "sqlite: no rate held\n"));
  CHECK(holds(text, "ndjson:/dev/null: highest rate: 40,000 readings/s\n"));
  CHECK(report.failed());
  const auto json = nlohmann::json::parse(benchmark::bench_json(report));
  CHECK(json["searches"][0]["highest_rate"].is_null());
  CHECK(json["searches"][1]["highest_rate"] == 40'000);
  const std::string page = benchmark::bench_html(report);
  CHECK(holds(page, "\"label\":\"ndjson:/dev/null\",\"median\":40000"));
  CHECK(holds(page, "<p>sqlite: no rate held</p>"));
  CHECK(holds(page, "<p>ndjson:/dev/null: highest rate: 40,000 readings/s</p>"));
  CHECK_FALSE(holds(page, "base: "));
}

TEST_CASE("a search that was interrupted does not speak of a sink that it had not come to") {
  benchmark::BenchReport report;
  fill(report);
  report.options.find_rate = true;
  report.complete = false;
  report.cells[1].cell.sink = {config::Sink::text, "ndjson", "/dev/null"};
  report.cells[0].steps.emplace_back().rate = 20'000;
  CHECK(holds(benchmark::bench_text(report), "sqlite: no rate held\nndjson:/dev/null: not measured\n"));
  CHECK(holds(benchmark::bench_html(report), "<p>ndjson:/dev/null: not measured</p>"));
}

TEST_CASE("the disk of a path is the longest mount that leads to it") {
  const auto mount = [](const std::string& path) {
    std::istringstream mounts(
        "/dev/root / ext4 rw 0 0\n"
        "tmpfs /mnt tmpfs rw 0 0\n"
        "/dev/old /mnt/big\\040disk xfs rw 0 0\n"
        "/dev/new /mnt/big\\040disk btrfs rw 0 0\n");
    const benchmark::Mount found = benchmark::mount_of(path, mounts);
    return found.device + ' ' + found.type;
  };
  CHECK(mount("/mnt/big disk/data") == "/dev/new btrfs");
  CHECK(mount("/mnt/bigger") == "tmpfs tmpfs");
  CHECK(mount("/mntx") == "/dev/root ext4");
  std::istringstream none;
  CHECK(benchmark::mount_of("/", none).type == "unknown");
}

TEST_CASE("a histogram without what an earlier one had counted") {
  Histogram all;
  all.record(5'000'000);
  all.record(100, 50);
  Histogram earlier;
  earlier.merge(all);
  all.record(2'000, 100);
  all.subtract(earlier);
  CHECK(all.count() == 100);
  CHECK(all.percentile(0.01) == doctest::Approx(2'000).epsilon(1.0 / 32));
  CHECK(all.max() == doctest::Approx(2'000).epsilon(1.0 / 32));
  Histogram copy;
  copy.merge(all);
  all.record(7'000'001);
  all.subtract(copy);
  CHECK(all.count() == 1);
  CHECK(all.max() == 7'000'001);
  Histogram same;
  same.merge(all);
  all.subtract(same);
  CHECK(all.max() == 0);
}

TEST_CASE("a folder of its own, gone with what is in it, and nothing else") {
  const TemporaryFolder parent;
  std::ofstream(parent / "fleet-sim-bench-mine") << "mine";
  {
    const benchmark::BenchFolder folder(parent.path());
    std::ofstream(folder.path() / "a.db") << std::string(1'000, 'x');
    std::ofstream(folder.path() / "a.db-wal") << std::string(50, 'x');
    CHECK(folder.usage().all == 1'050);
    CHECK(folder.usage().logs == 50);
    CHECK(benchmark::BenchFolder(parent.path()).path() != folder.path());
  }
  CHECK(bytes_of(parent / "fleet-sim-bench-mine") == "mine");
  CHECK(std::distance(std::filesystem::directory_iterator(parent.path()), {}) == 1);
  CHECK_THROWS_AS(benchmark::BenchFolder(parent / "absent"), run::NoStorage);
}

TEST_CASE("a measurement in earnest: rows, bytes and collectors add up, and the folder is gone") {
  const TemporaryFolder parent;
  run::StopSignals signals;
  benchmark::BenchLoad load;
  load.directory = parent.path().string();
  load.sensors = 100;
  load.seconds = 0.5;
  load.flush_interval_ms = 20;
  benchmark::BenchCell cell{3, 2, 100, config::Synchronous::normal, true, 2};
  benchmark::Measurement most;
  benchmark::measure_cell(cell, load, signals, {}, most);
  CHECK(most.failure.empty());
  CHECK(most.rows > 0);
  CHECK(most.rows_per_second == doctest::Approx(static_cast<double>(most.rows) / most.seconds));
  CHECK(most.bytes > most.rows * 50);
  CHECK(most.collectors.collected > 0);
  CHECK(most.collectors.errors == 0);
  CHECK(most.latency.count() == 0);

  cell.rate = 1'000;
  load.warm_up_seconds = 0;
  benchmark::Measurement paced;
  benchmark::measure_cell(cell, load, signals, {}, paced);
  CHECK(paced.failure.empty());
  CHECK(paced.rows == 500);
  CHECK(paced.latency.count() == 500);
  CHECK(paced.not_taken == 0);
  CHECK(std::filesystem::is_empty(parent.path()));
}

TEST_CASE("questions are asked while the files are written, each of them") {
  const TemporaryFolder parent;
  run::StopSignals signals;
  benchmark::BenchLoad load;
  load.directory = parent.path().string();
  load.sensors = 100;
  load.seconds = 2;
  load.flush_interval_ms = 20;
  benchmark::BenchCell cell{2, 1, 100};
  cell.queries = 2;
  cell.page_size = 4'096;
  benchmark::Measurement measured;
  benchmark::measure_cell(cell, load, signals, {}, measured);
  CHECK(measured.failure.empty());
  CHECK(measured.queries.first_error.empty());
  for (const Histogram& latency : measured.queries.latency) CHECK(latency.count() > 0);
  CHECK(std::filesystem::is_empty(parent.path()));

  benchmark::BenchReport report;
  fill(report);
  report.options.matrix.queries = {0, 2};
  report.options.matrix.page_sizes = {4'096};
  report.cells[1].cell = cell;
  report.cells[1].add(measured);
  const std::vector<benchmark::BenchTable> tables = benchmark::bench_tables(report);
  REQUIRE(tables.size() == 2);
  CHECK(tables[1].rows.size() == benchmark::queries.size());
  CHECK(holds(benchmark::text_of(tables[1]), "an hour of one sensor"));
  CHECK(holds(benchmark::cell_text(cell), "0 collectors, queries 2, page size 4096"));
  const auto json = nlohmann::json::parse(benchmark::bench_json(report));
  CHECK(json["cells"][1]["queried"]["last_by_sensor_seconds"]["count"] > 0);
  CHECK_FALSE(json["cells"][0].contains("queried"));

  benchmark::BenchReport unanswered;
  fill(unanswered);
  unanswered.cells[1].cell = cell;
  CHECK(std::ranges::count(benchmark::bench_tables(unanswered)[1].rows.front(), "-") == 3);
}

TEST_CASE("options: queries are measured beside none") {
  const auto matrix_of_queries = [](const char* text) {
    return options_of([&](benchmark::BenchWords& words) {
             words.queries = text;
             words.page_size = "4096,16384";
             words.layout = "Compact,wide";
           })
        .matrix;
  };
  CHECK(matrix_of_queries("2").queries == std::vector<std::uint32_t>{0, 2});
  CHECK(matrix_of_queries("1,4").queries == std::vector<std::uint32_t>{1, 4});
  CHECK(matrix_of_queries("2").page_sizes == std::vector<std::uint32_t>{4'096, 16'384});
  CHECK(matrix_of_queries("2").layouts == std::vector{config::Layout::compact, config::Layout::wide});
  CHECK(holds(refusal([](benchmark::BenchWords& words) { words.page_size = "1000"; }), "--page-size"));
  CHECK(holds(refusal([](benchmark::BenchWords& words) { words.layout = "tall"; }), "wide or compact"));
}

TEST_CASE("a file of text is the measurement's own, and gone afterwards") {
  const TemporaryFolder parent;
  run::StopSignals signals;
  benchmark::BenchLoad load;
  load.directory = parent.path().string();
  load.seconds = 0.2;
  benchmark::BenchCell cell;
  cell.batch_size = 100;
  cell.sink = {config::Sink::text, "ndjson", (parent.path() / "lines").string()};
  benchmark::Measurement measured;
  benchmark::measure_cell(cell, load, signals, {}, measured);
  CHECK(measured.failure.empty());
  CHECK(measured.rows > 0);
  CHECK(measured.bytes > measured.rows * 150);
  CHECK(measured.simulated_seconds > 0);
  CHECK(std::filesystem::is_empty(parent.path()));
  std::ofstream(parent.path() / "lines") << "mine";
  CHECK_THROWS_AS((void)benchmark::look_at_target({cell.sink, "", ""}), InvalidInput);
}

TEST_CASE("readings that come too late to be taken are not left out of the latencies") {
  const TemporaryFolder parent;
  run::StopSignals signals;
  benchmark::BenchLoad load;
  load.directory = parent.path().string();
  load.seconds = 0.3;
  load.warm_up_seconds = 0;
  load.flush_interval_ms = 50;
  benchmark::Measurement measured;
  benchmark::BenchCell cell{1, 1, 500, config::Synchronous::full};
  cell.rate = 10'000'000;
  benchmark::measure_cell(cell, load, signals, {}, measured);
  CHECK(measured.not_taken > 0);
  CHECK(static_cast<double>(measured.latency.count()) == doctest::Approx(3'000'000).epsilon(0.01));
  CHECK(measured.latency.percentile(0.5) > 100'000);
}

}  // namespace fleet_sim::bench_test
