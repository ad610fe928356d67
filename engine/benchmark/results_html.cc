// The HTML form of a benchmark's report: one file that asks for nothing from outside, with plots drawn as
// SVG, each beside the table of its figures. Light or dark as the reader's system is.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "benchmark/results.h"

namespace fleet_sim::benchmark {
namespace {

constexpr std::string_view style = R"css(
:root { color-scheme: light dark;
  --ink: #1b1f24; --paper: #ffffff; --faint: #d5dae0; --bar: #2f6fab; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --paper: #15191e; --faint: #3a424b; --bar: #6fa8dc; --bad: #ff8a80; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 66rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.15rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dt { opacity: .75; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--faint); white-space: nowrap; }
svg { width: 100%; height: auto; margin-top: 1rem; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.bar { fill: var(--bar); }
.bar.bad { fill: var(--bad); }
.whisker { stroke: var(--ink); fill: none; }
.grid { stroke: var(--faint); }
.curve { fill: none; stroke-width: 2; }
)css";

constexpr int plot_width = 760;

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

// ---- bars ----

struct Bar {
  std::string label;
  std::string value;  // written at its end
  Spread length;
  bool bad = false;
};

std::string html_of(const Bar& bar, int top, double longest) {
  constexpr int left = 210;
  constexpr int room_for_value = 110;
  const auto x = [&](double value) { return left + value / longest * (plot_width - left - room_for_value); };
  const double end = std::max(x(bar.length.median), x(bar.length.max));
  std::string svg = fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", left - 8, top + 15,
                                html_escaped(bar.label));
  svg += fmt::format("<rect class=\"bar{}\" x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"16\"/>",
                     bar.bad ? " bad" : "", left, top + 3, x(bar.length.median) - left);
  if (bar.length.max > bar.length.min) {
    svg += fmt::format("<path class=\"whisker\" d=\"M{0:.1f} {2}v8m0 -4H{1:.1f}m0 -4v8\"/>",
                       x(bar.length.min), x(bar.length.max), top + 7);
  }
  return svg +
         fmt::format("<text x=\"{:.1f}\" y=\"{}\">{}</text>\n", end + 8, top + 15, html_escaped(bar.value));
}

std::string bar_plot(const std::string& title, const std::vector<Bar>& bars) {
  constexpr int bar_height = 24;
  double longest = 0;
  for (const Bar& bar : bars) longest = std::max({longest, bar.length.median, bar.length.max});
  if (longest <= 0) return {};
  const auto height = static_cast<int>(bars.size()) * bar_height;
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", plot_width,
                                height, html_escaped(title));
  for (std::size_t i = 0; i < bars.size(); ++i)
    svg += html_of(bars[i], static_cast<int>(i) * bar_height, longest);
  return svg + "</svg>\n";
}

std::string throughput_plot(const BenchReport& report) {
  std::vector<Bar> bars;
  for (const CellResult& result : report.cells) {
    const Spread rate = result.rows_per_second();
    bars.push_back({difference_text(result.cell, report.cells.front().cell),
                    grouped(static_cast<std::uint64_t>(std::llround(rate.median))) + "/s", rate});
  }
  return bar_plot("Median readings per second of each way to write; lines from least to most", bars);
}

std::string search_plot(const BenchReport& report) {
  std::vector<SearchStep> steps = report.steps;
  std::ranges::sort(steps, {}, &SearchStep::rate);
  std::vector<Bar> bars;
  for (const SearchStep& step : steps) {
    const auto p99 = static_cast<double>(step.latency_p99);
    bars.push_back({grouped(static_cast<std::uint64_t>(step.rate)) + "/s",
                    duration_text(p99 * 1e-6) + (step.held ? "" : ", too much"),
                    {p99, p99, p99},
                    !step.held});
  }
  return bar_plot("99th percentile of commit latency at each rate", bars);
}

// ---- curves of latency by percentile ----

// Each further nine is as wide as the one before, and the end stands for the slowest of all.
constexpr std::array<double, 11> shares{0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 1};
constexpr double nines_shown = 5;
constexpr int curves_at_most = 12;

double nines(double share) {
  return share < 1 ? std::min(-std::log10(1 - share), nines_shown) : nines_shown;
}

// A plane of latency over nines, logarithmic in both.
struct Plane {
  static constexpr int left = 60, right = 740, top = 10, bottom = 300;
  double low = 0;  // log10 of microseconds
  double high = 1;

  [[nodiscard]] double x(double share) const {
    return left + (nines(share) - nines(0.5)) / (nines_shown - nines(0.5)) * (right - left);
  }
  [[nodiscard]] double y(Microseconds span) const {
    const double log = std::log10(static_cast<double>(std::max<Microseconds>(1, span)));
    return bottom - (log - low) / (high - low) * (bottom - top);
  }
};

Plane plane_of(const std::deque<CellResult>& cells) {
  Microseconds least = 3'600'000'000, most = 1;
  for (const CellResult& result : cells) {
    if (result.latency.count() == 0) continue;
    least = std::min(least, result.latency.percentile(0.5));
    most = std::max(most, result.latency.max());
  }
  Plane plane;
  plane.low = std::floor(std::log10(static_cast<double>(std::max<Microseconds>(1, std::min(least, most)))));
  plane.high = std::max(plane.low + 1, std::ceil(std::log10(static_cast<double>(most))));
  return plane;
}

std::string axes(const Plane& plane) {
  std::string svg;
  for (double decade = plane.low; decade <= plane.high; ++decade) {
    const auto span = static_cast<Microseconds>(std::pow(10, decade));
    svg += fmt::format(
        "<path class=\"grid\" d=\"M{0} {2:.1f}H{1}\"/><text x=\"{3}\" y=\"{4:.1f}\" "
        "text-anchor=\"end\">{5}</text>\n",
        Plane::left, Plane::right, plane.y(span), Plane::left - 6, plane.y(span) + 4,
        html_escaped(duration_text(static_cast<double>(span) * 1e-6)));
  }
  for (const auto& [share, label] : {std::pair{0.5, "50%"},
                                     {0.9, "90%"},
                                     {0.99, "99%"},
                                     {0.999, "99.9%"},
                                     {0.9999, "99.99%"},
                                     {1.0, "max"}}) {
    svg += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} {1}V{2}\"/><text x=\"{0:.1f}\" y=\"{3}\" "
        "text-anchor=\"middle\">{4}</text>\n",
        plane.x(share), Plane::top, Plane::bottom, Plane::bottom + 16, label);
  }
  return svg;
}

// Told apart by colour and by dashes.
std::string stroke(int number) {
  constexpr std::array<const char*, 4> dashes{"none", "8 4", "2 3", "10 3 2 3"};
  return fmt::format("stroke=\"hsl({} 65% 50%)\" stroke-dasharray=\"{}\"", number * 137 % 360,
                     dashes[static_cast<std::size_t>(number) % dashes.size()]);
}

std::string curve(const Plane& plane, const CellResult& result, const std::string& label, int number) {
  std::string points;
  for (const double share : shares) {
    points += fmt::format("{:.1f},{:.1f} ", plane.x(share), plane.y(result.latency.percentile(share)));
  }
  const int y = Plane::bottom + 40 + number * 18;
  return fmt::format(
      "<polyline class=\"curve\" {0} points=\"{1}\"/><path class=\"curve\" {0} d=\"M{2} {3}h40\"/>"
      "<text x=\"{4}\" y=\"{5}\">{6}</text>\n",
      stroke(number), points, Plane::left, y, Plane::left + 48, y + 4, html_escaped(label));
}

std::string latency_plot(const BenchReport& report) {
  const Plane plane = plane_of(report.cells);
  std::string curves;
  int number = 0;
  for (const CellResult& result : report.cells) {
    if (result.latency.count() == 0 || number == curves_at_most) continue;
    curves += curve(plane, result, difference_text(result.cell, report.cells.front().cell), number++);
  }
  if (number == 0) return {};
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Commit latency by percentile of each "
      "way to write\">\n{}{}</svg>\n",
      plot_width, Plane::bottom + 40 + number * 18, axes(plane), curves);
}

std::string plot(const BenchReport& report) {
  if (report.options.find_rate) return search_plot(report);
  return report.options.load.rate ? latency_plot(report) : throughput_plot(report);
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string bench_html(const BenchReport& report) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>fleet-sim bench</title>\n<style>{}</style>\n</head>\n<body>\n<h1>How many readings this disk "
      "takes</h1>\n<dl>\n",
      style);
  for (const auto& [name, value] : bench_facts(report)) html += tag("dt", name) + tag("dd", value) + '\n';
  html += "</dl>\n";
  if (report.highest_rate) {
    html += tag("p", "Highest rate: " + grouped(static_cast<std::uint64_t>(*report.highest_rate)) +
                         " readings/s") +
            '\n';
  }
  const std::vector<BenchTable> tables = bench_tables(report);
  html += html_of(tables.front()) + plot(report);
  for (std::size_t i = 1; i < tables.size(); ++i) html += html_of(tables[i]);
  html += "<h2>Notes</h2>\n<ul>\n";
  if (report.cells.size() > 1) {
    html += tag("li", "base: " + cell_text(report.cells.front().cell)) + '\n';
  }
  for (const std::string& note : bench_notes(report)) html += tag("li", note) + '\n';
  return html + "</ul>\n</body>\n</html>\n";
}

}  // namespace fleet_sim::benchmark
