// The summary of a scenario as text.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "base/plain_text.h"
#include "base/text.h"
#include "preview/scenario_summary.h"
#include "scenario/scenario.h"
#include "yaml/forms.h"

namespace fleet_sim::preview {
namespace {

std::string range_text(const ScenarioSummary& summary) {
  const std::string until = brief_timestamp_text(summary.until);
  if (summary.is_cut) return until + ", which is as far as is worked out";
  return summary.end ? until : until + ", though the run goes on";
}

std::string heading(const ScenarioSummary& summary) {
  return fmt::format("scenario: {} for {}, from {} to {}\n{}",
                     counted(summary.plan.size(), "entry", "entries"), counted(summary.sensors, "sensor"),
                     brief_timestamp_text(summary.start), range_text(summary),
                     summary.seed ? "" : "without a seed, a run reaches about as many sensors, but others\n");
}

void add(std::string& text, const std::string& part) {
  text += (text.empty() ? "" : ", ") + part;
}

// "wave 2 of 3, over 4h, for 45m"
std::string details(const ScenarioWave& row, const scenario::Entry& entry) {
  std::string text;
  if (entry.every > 0) add(text, fmt::format("turn {}", row.turn + 1));
  if (entry.waves.size() > 1) add(text, fmt::format("wave {} of {}", row.wave + 1, entry.waves.size()));
  if (row.over > 0) add(text, "over " + yaml::span_text(row.over));
  if (entry.duration > 0) add(text, "for " + yaml::span_text(entry.duration));
  if (entry.fade > 0) add(text, "fading for " + yaml::span_text(entry.fade));
  if (entry.silent_for > 0) add(text, "silent for " + yaml::span_text(entry.silent_for));
  if (row.failed > 0) add(text, fmt::format("{} of them failing", grouped(row.failed)));
  return text;
}

using Row = std::array<std::string, 5>;

// Columns two spaces apart, the fourth aligned to the right.
std::string table_text(const std::vector<Row>& rows) {
  constexpr std::size_t numbers = 3;
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], count_characters(row[c]));
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string space(widths[c] - count_characters(row[c]), ' ');
      line += (c == 0 ? "" : "  ") + (c == numbers ? space + row[c] : row[c] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string notes_text(const ScenarioSummary& summary) {
  constexpr std::size_t most_shown = 50;
  std::string text;
  for (std::size_t i = 0; i < std::min(summary.notes.size(), most_shown); ++i)
    text += summary.notes[i] + "\n";
  if (summary.notes.size() > most_shown)
    text += fmt::format("... and {} more notes\n", grouped(summary.notes.size() - most_shown));
  return text;
}

std::string later_text(const ScenarioSummary& summary) {
  std::string text;
  for (std::size_t i = 0; i < summary.later.size(); ++i) {
    const LaterTurns& later = summary.later[i];
    if (later.turns == 0) continue;
    text += fmt::format("{} has {} more until then, which reach sensors {} times\n",
                        in_quotes(summary.plan[i].entry.name), counted(later.turns, "turn"),
                        grouped(later.sensors));
  }
  return text;
}

}  // namespace

std::string timeline_text(const ScenarioSummary& summary) {
  std::vector<Row> rows{{"time", "entry", "verb", "sensors", ""}};
  for (const ScenarioWave& wave : summary.waves) {
    const scenario::Entry& entry = summary.plan[wave.entry].entry;
    rows.push_back({brief_timestamp_text(wave.from), printable(entry.name),
                    cut_to_columns(scenario::verb_text(entry), 60),
                    fmt::format("{} of {}", grouped(wave.sensors), grouped(wave.met)), details(wave, entry)});
  }
  const std::string table = rows.size() > 1 ? "\n" + table_text(rows) : "";
  const std::string notes = later_text(summary) + notes_text(summary);
  return heading(summary) + table + (notes.empty() ? "" : "\n" + notes);
}

std::string brief_text(const ScenarioSummary& summary) {
  return heading(summary) + notes_text(summary);
}

}  // namespace fleet_sim::preview
