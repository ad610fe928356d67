#include "status/metrics.h"

#include <fmt/compile.h>

#include <array>
#include <iterator>
#include <string_view>
#include <utility>
#include <variant>

#include "status/figures.h"

namespace fleet_sim::status {
namespace {

constexpr std::array<std::string_view, 3> type_names{"gauge", "counter", "histogram"};  // of MetricType

// A label's value, quoted: \, " and line breaks need a backslash.
std::string quoted_value(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? "\\n" : std::string(1, c);
  }
  return text + '"';
}

class Exposition {
 public:
  void add(const Figure& figure, const Status& status) {
    name_ = figure.metric;
    fmt::format_to(std::back_inserter(text_),
                   FMT_COMPILE("# HELP fleet_sim_{0} {2}\n# TYPE fleet_sim_{0} {1}\n"), name_,
                   type_names[static_cast<std::size_t>(figure.type)], figure.help);
    std::visit([&](const auto& read) { samples(figure, read(status)); }, figure.read);
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  template <class Value>
  void sample(Value value, std::string_view labels = "", std::string_view suffix = "") {
    fmt::format_to(std::back_inserter(text_), FMT_COMPILE("fleet_sim_{}{}"), name_, suffix);
    if (!labels.empty()) fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{{{}}}"), labels);
    fmt::format_to(std::back_inserter(text_), FMT_COMPILE(" {}\n"), value);
  }

  void samples(const Figure&, const FigureValue& value) {
    if (const auto* count = std::get_if<std::uint64_t>(&value)) return sample(*count);
    if (const auto* truth = std::get_if<bool>(&value)) return sample(*truth ? 1 : 0);
    sample(std::get<double>(value));
  }

  void samples(const Figure& figure, const LabeledCounts& family) {
    for (const auto& [name, count] : family) {
      sample(count, fmt::format(FMT_COMPILE("{}={}"), figure.label, quoted_value(name)));
    }
  }

  void samples(const Figure&, const Distribution& distribution) {
    for (std::size_t i = 0; i < Distribution::bounds_seconds.size(); ++i) {
      sample(distribution.up_to[i], fmt::format(FMT_COMPILE("le=\"{}\""), Distribution::bounds_seconds[i]),
             "_bucket");
    }
    sample(distribution.count, "le=\"+Inf\"", "_bucket");
    sample(distribution.sum_seconds, "", "_sum");
    sample(distribution.count, "", "_count");
  }

  void samples(const Figure&, const Labels& labels) {
    std::string text;
    for (const auto& [name, value] : labels) {
      text.append(text.empty() ? "" : ",").append(name).append("=").append(quoted_value(value));
    }
    sample(1, text);
  }

  std::string text_;
  std::string_view name_;
};

}  // namespace

std::string metrics_text(const Status& status) {
  Exposition out;
  for (const Figure& figure : figures()) {
    if (!figure.metric.empty()) out.add(figure, status);
  }
  return out.take();
}

}  // namespace fleet_sim::status
