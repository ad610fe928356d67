// The summary of a scenario as JSON.
#include <algorithm>
#include <cstdint>

#include "base/json_writer.h"
#include "preview/scenario_summary.h"
#include "scenario/fields.h"
#include "scenario/scenario.h"

namespace fleet_sim::preview {
namespace {

double seconds(Microseconds span) {
  return static_cast<double>(span) / static_cast<double>(microseconds_per_second);
}

void add_entry(JsonWriter& json, const ScenarioSummary& summary, std::uint32_t index) {
  const timeline::PlannedEntry& planned = summary.plan[index];
  json.object([&] {
    json.member("name", planned.entry.name);
    json.member("at", brief_timestamp_text(planned.at));
    json.member("verb", scenario::verb_of(planned.entry).name);
    json.member("entry", scenario::entry_text(planned.entry));
    json.member("sensors", summary.reached[index]);
    json.member("turns_not_shown", summary.later[index].turns);
  });
}

void add_wave(JsonWriter& json, const ScenarioSummary& summary, const ScenarioWave& wave) {
  json.object([&] {
    json.member("at", brief_timestamp_text(wave.from));
    json.member("over_seconds", seconds(wave.over));
    json.member("name", summary.plan[wave.entry].entry.name);
    json.member("turn", wave.turn + 1);
    json.member("wave", wave.wave + 1);
    json.member("sensors", wave.sensors);
    json.member("of", wave.met);
    json.member("failing", wave.failed);
  });
}

}  // namespace

std::string timeline_json(const ScenarioSummary& summary) {
  std::string text;
  JsonWriter json(text, JsonLayout::indented);
  json.object([&] {
    json.member("sensors", summary.sensors);
    json.member("start", brief_timestamp_text(summary.start));
    json.member("until", brief_timestamp_text(summary.until));
    json.member("is_cut", summary.is_cut);
    json.member("seed", summary.seed);
    std::uint32_t index = 0;
    json.array("entries", summary.plan, [&](const auto&) { add_entry(json, summary, index++); });
    json.array("timeline", summary.waves, [&](const ScenarioWave& wave) { add_wave(json, summary, wave); });
    json.array("notes", summary.notes);
  });
  return text + '\n';
}

}  // namespace fleet_sim::preview
