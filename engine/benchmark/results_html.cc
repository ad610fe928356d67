// The HTML form of a benchmark's report: one file that asks for nothing from outside, with a plot beside the
// tables of its figures. Light or dark as the reader's system is.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json_writer.h"
#include "base/page.h"
#include "base/text.h"
#include "benchmark/results.h"

namespace fleet_sim::benchmark {
namespace {

std::string tag(std::string_view name, std::string_view text) {
  return fmt::format("<{0}>{1}</{0}>", name, html_escaped(text));
}

std::string html_of(const BenchTable& table) {
  std::string html = tag("h2", table.title) + "\n<div class=\"wide\"><table><thead><tr>";
  for (const std::string& head : table.header)
    html += fmt::format("<th scope=\"col\">{}</th>", html_escaped(head));
  html += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (const std::string& text : row) html += tag("td", text);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string label_of(const CellResult& result, const BenchReport& report) {
  return difference_text(result.cell, report.cells.front().cell);
}

// ---- what the page's script plots ----

bool has_rates(const BenchReport& report) {
  return std::ranges::any_of(report.cells,
                             [](const CellResult& result) { return result.rows_per_second().max > 0; });
}

void add_bars(JsonWriter& json, const BenchReport& report) {
  json.member("kind", has_rates(report) ? "bars" : "nothing");
  json.member("about", "Median readings per second of each cell; lines show the range");
  json.array("bars", report.cells, [&](const CellResult& result) {
    const Spread rate = result.rows_per_second();
    json.object([&] {
      json.member("label", label_of(result, report));
      json.member("median", rate.median);
      json.member("least", rate.min);
      json.member("most", rate.max);
    });
  });
}

// One search as all rates that were tried, several as what they found.
void add_found(JsonWriter& json, const BenchReport& report) {
  json.member("kind", "bars");
  json.member("about", "Highest rate that held, in readings per second");
  json.array("bars", report.cells, [&](const CellResult& result) {
    json.object([&] {
      json.member("label", result.cell.sink.text());
      for (const char* name : {"median", "least", "most"}) json.member(name, result.highest_rate.value_or(0));
    });
  });
}

void add_steps(JsonWriter& json, const BenchReport& report) {
  std::vector<SearchStep> steps = report.cells.front().steps;
  std::ranges::sort(steps, {}, &SearchStep::rate);
  json.member("kind", steps.empty() ? "nothing" : "steps");
  json.member("about", "99th percentile of latency at each rate; the line is the limit");
  json.member("bound", report.options.p99_bound_ms * 1e-3);
  json.array("steps", steps, [&](const SearchStep& step) {
    json.object([&] {
      json.member("rate", step.rate);
      json.member("p99", static_cast<double>(step.latency_p99) * 1e-6);
      json.member("held", step.held);
    });
  });
}

constexpr std::array<double, 11> shares{0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 1};
constexpr std::size_t most_curves = 12;

// On a logarithmic scale there is no zero.
double seconds_at(const Histogram& latency, double share) {
  return static_cast<double>(std::max<Microseconds>(1, latency.percentile(share))) * 1e-6;
}

void add_curve(JsonWriter& json, const CellResult& result, const BenchReport& report) {
  json.object([&] {
    json.member("label", label_of(result, report));
    json.array("seconds", shares, [&](double share) { json.value(seconds_at(result.latency, share)); });
  });
}

void add_curves(JsonWriter& json, const BenchReport& report) {
  std::vector<const CellResult*> measured;
  for (const CellResult& result : report.cells) {
    if (result.latency.count() > 0 && measured.size() < most_curves) measured.push_back(&result);
  }
  json.member("kind", measured.empty() ? "nothing" : "curves");
  json.member("about",
              "Latency of each cell by percentile, from when a reading was due until it was acknowledged");
  json.array("shares", shares);
  json.array("curves", measured, [&](const CellResult* result) { add_curve(json, *result, report); });
}

void add_plot(JsonWriter& json, const BenchReport& report) {
  if (report.options.find_rate) {
    const bool found = std::ranges::any_of(
        report.cells, [](const CellResult& result) { return result.highest_rate.has_value(); });
    return report.cells.size() > 1 && found ? add_found(json, report) : add_steps(json, report);
  }
  report.is_paced() ? add_curves(json, report) : add_bars(json, report);
}

std::string plot_data(const BenchReport& report) {
  std::string text;
  JsonWriter json(text);
  json.object([&] { add_plot(json, report); });
  return script_escaped(text);
}

// ---- the page around it ----

std::string facts_html(const BenchReport& report) {
  std::string html;
  for (const auto& [name, value] : bench_facts(report)) html += tag("dt", name) + tag("dd", value) + '\n';
  return html;
}

std::string main_html(const BenchReport& report, const BenchTable& table) {
  std::string html;
  if (report.options.find_rate) {
    for (const CellResult& result : report.cells) html += tag("p", highest_rate_text(result, report)) + '\n';
  }
  return html + html_of(table);
}

std::string notes_html(const BenchReport& report) {
  std::string html;
  if (report.cells.size() > 1 && !report.options.find_rate)
    html += tag("li", "base: " + cell_text(report.cells.front().cell)) + '\n';
  for (const std::string& note : bench_notes(report)) html += tag("li", note) + '\n';
  return html;
}

}  // namespace

std::string bench_html(const BenchReport& report) {
  const std::vector<BenchTable> tables = bench_tables(report);
  std::string others;
  for (std::size_t i = 1; i < tables.size(); ++i) others += html_of(tables[i]);
  return filled_page(bench_page, {{"%FACTS%", facts_html(report)},
                                  {"%MAIN_TABLE%", main_html(report, tables.front())},
                                  {"%OTHER_TABLES%", others},
                                  {"%NOTES%", notes_html(report)},
                                  {"%DATA%", plot_data(report)}});
}

}  // namespace fleet_sim::benchmark
