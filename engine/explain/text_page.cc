#include "explain/text_page.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "config/units.h"

namespace fleet_sim::explain {
namespace {

constexpr std::size_t page_columns = 100;
constexpr std::size_t longest_origin = 60;  // columns

std::string origin_text(const model::Step& step) {
  // A start needs no key: its row names what it is the start of.
  const bool kind_alone = step.operation == model::Operation::start || step.name.empty();
  return shortened(kind_alone ? step.kind : step.kind + ' ' + step.name);
}

std::string_view sign_of(model::Operation operation) {
  constexpr std::array<std::string_view, 7> signs{"",           "× ", "excess over 1 × ", "+ ", "→ ",
                                                  "→ at most ", "^ "};
  return signs[static_cast<std::size_t>(operation)];
}

// A step whose value is what the number has become.
bool is_result(const model::Step& step) {
  return step.operation == model::Operation::start || step.operation == model::Operation::replace ||
         step.operation == model::Operation::limit;
}

}  // namespace

void Page::heading(std::string_view title) {
  text_ += fmt::format("{}{}\n", text_.empty() ? "" : "\n", title);
}

void Page::row(std::string_view label, const std::vector<std::string>& pieces) {
  std::string line = fmt::format("  {:<14}", label);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0 && most_columns(line) + 1 + most_columns(pieces[i]) > page_columns) {
      text_ += line + '\n';
      line.assign(18, ' ');
    }
    line += ' ' + pieces[i];
  }
  text_ += line + '\n';
}

std::string shortened(std::string_view text) {
  return cut_to_columns(text, longest_origin);
}

std::string number(double value) {
  return fmt::format("{:.6g}", value);
}

std::string percent(double share) {
  return fmt::format("{:.4g}%", 100 * share);
}

std::vector<std::string> chain_pieces(const model::Number<model::Chain>& explained, std::string_view unit) {
  const std::vector<model::Step>& steps = explained.trail().steps();
  const std::string with_unit = unit.empty() ? "" : fmt::format(" {}", unit);
  std::vector<std::string> pieces;
  for (const model::Step& step : steps) {
    const bool last = &step == &steps.back();
    pieces.push_back(fmt::format("{}{}{} ({})", sign_of(step.operation), number(step.value),
                                 last && is_result(step) ? with_unit : "", origin_text(step)));
  }
  if (!is_result(steps.back())) pieces.push_back("= " + number(explained.value()) + with_unit);
  return pieces;
}

std::vector<std::string> joined(std::string first, std::vector<std::string> pieces) {
  pieces.insert(pieces.begin(), std::move(first));
  return pieces;
}

std::vector<std::string> joined(std::vector<std::string> pieces, std::string last) {
  pieces.back() += ',';
  pieces.push_back(std::move(last));
  return pieces;
}

std::string clock_name(const ExplainedSensor& sensor) {
  const zones::Zone& zone = sensor.explanation.profile.zone;
  return zone.is_named() ? "local time" : "UTC" + config::utc_offset_text(zone.offset_at(sensor.now));
}

std::vector<std::string> zone_pieces(const ExplainedSensor& sensor) {
  const zones::Zone& zone = sensor.explanation.profile.zone;
  const std::string offset = "UTC" + config::utc_offset_text(zone.offset_at(sensor.now));
  const std::string source = fmt::format("({})", zone_source(sensor));
  if (!zone.is_named()) return {offset, source};
  std::vector<std::string> pieces{std::string(zone.name()), source + ":", offset + " now,"};
  if (const auto next = zone.next_change(sensor.now)) {
    pieces.push_back(fmt::format("UTC{} from {}Z", config::utc_offset_text(next->offset),
                                 timestamp_text(next->at).substr(0, 16)));
  } else {
    pieces.emplace_back("with no further change");
  }
  return pieces;
}

}  // namespace fleet_sim::explain
