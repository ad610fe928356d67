#include "audit/verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json_writer.h"
#include "base/text.h"

namespace fleet_sim::audit {
namespace {

constexpr std::size_t shown_gaps = 20;
constexpr std::size_t shown_sensors = 20;
constexpr std::size_t shown_hours = 48;

double seconds_of(Microseconds span) {
  return static_cast<double>(span) * 1e-6;
}

std::vector<std::string> cells_of(std::string name, const Counts& counts) {
  return {std::move(name),
          grouped(counts.expected),
          grouped(counts.delivered),
          grouped(counts.missing),
          grouped(counts.duplicate),
          grouped(counts.altered),
          grouped(counts.unexpected),
          grouped(counts.out_of_order)};
}

Table table_of(std::string_view what) {
  return Table({std::string(what), "expected", "delivered", "missing", "duplicate", "altered", "unexpected",
                "out of order"});
}

bool is_wrong(const Counts& counts) {
  return !counts.is_clean() || counts.out_of_order > 0;
}

std::string when(Timestamp at) {
  return brief_timestamp_text(at);
}

void append_totals(const Verdict& verdict, std::string& text) {
  const Counts& total = verdict.total;
  text += fmt::format("{} against {}\n", verdict.rows, verdict.runs);
  for (const std::string& warning : verdict.warnings) text += fmt::format("note: {}\n", warning);
  text += fmt::format("{} of {}: {} of {} delivered, {} missing, {} duplicate, {} altered, {} unexpected\n",
                      counted(verdict.rows_read, "row"), counted(verdict.sensors, "sensor"),
                      grouped(total.delivered), grouped(total.expected), grouped(total.missing),
                      grouped(total.duplicate), grouped(total.altered), grouped(total.unexpected));
  text += verdict.is_clean() ? "every reading once and unchanged\n" : "";
  if (total.out_of_order > 0) text += fmt::format("{} out of order\n", counted(total.out_of_order, "row"));
  for (const auto& [reason, count] : verdict.not_produced)
    text += fmt::format("not in the run: {} {}\n", grouped(count), reason);
  if (verdict.repeated > 0)
    text += fmt::format("the run wrote {} twice; {} came once\n", counted(verdict.repeated, "row"),
                        grouped(verdict.not_repeated));
  if (verdict.delays) {
    const Delays& delays = *verdict.delays;
    text += fmt::format("delay: p50 {}, p90 {}, p99 {}, at most {}\n", duration_text(seconds_of(delays.p50)),
                        duration_text(seconds_of(delays.p90)), duration_text(seconds_of(delays.p99)),
                        duration_text(seconds_of(delays.most)));
    if (delays.negative > 0)
      text += fmt::format("{} came before they were due\n", counted(delays.negative, "row"));
  }
  if (!verdict.not_judged.empty())
    text += fmt::format("columns that are not judged: {}\n", fmt::join(verdict.not_judged, ", "));
}

void append_gaps(const Verdict& verdict, std::string& text) {
  if (verdict.gaps.empty()) return;
  text += fmt::format("\nmissing, in {}{}\n", counted(verdict.gap_count, "gap"),
                      verdict.gap_count > shown_gaps ? fmt::format("; the largest {}", shown_gaps) : "");
  Table table({"sensor", "from", "until", "readings"});
  for (std::size_t i = 0; i < std::min(verdict.gaps.size(), shown_gaps); ++i) {
    const Gap& gap = verdict.gaps[i];
    table.add({gap.sensor, timestamp_text(gap.from), timestamp_text(gap.until), grouped(gap.readings)});
  }
  text += table.text();
}

void append_findings(const Verdict& verdict, std::string& text) {
  if (!verdict.altered.empty()) {
    std::vector<std::string> columns;
    for (const auto& [name, count] : verdict.altered_columns)
      columns.push_back(fmt::format("{} {}", name, grouped(count)));
    text += fmt::format("\naltered: {}; the first {}\n", fmt::join(columns, ", "), verdict.altered.size());
    Table table({"sensor", "due", "column", "was", "is", "line"});
    for (const Finding& one : verdict.altered)
      table.add({one.sensor, timestamp_text(one.at), one.column, one.expected, one.found, grouped(one.line)});
    text += table.text();
  }
  if (verdict.strangers.empty()) return;
  text += fmt::format("\nunexpected; the first {}\n", verdict.strangers.size());
  Table table({"sensor", "time", "why", "line"});
  for (const Finding& one : verdict.strangers)
    table.add({one.sensor, timestamp_text(one.at), one.expected, grouped(one.line)});
  text += table.text();
}

void append_groups(const Verdict& verdict, std::string& text) {
  Table locations = table_of("location");
  for (const auto& [name, counts] : verdict.by_location) locations.add(cells_of(name, counts));
  text += fmt::format("\n{}", locations.text());
  if (verdict.sensors_affected == 0) return;
  Table sensors = table_of("sensor");
  for (std::size_t i = 0; i < std::min<std::size_t>(verdict.sensors_affected, shown_sensors); ++i)
    sensors.add(cells_of(verdict.by_sensor[i].first, verdict.by_sensor[i].second));
  text += fmt::format("\n{}", sensors.text());
  if (verdict.sensors_affected > shown_sensors)
    text += fmt::format("  and {} more\n", grouped(verdict.sensors_affected - shown_sensors));
  Table hours = table_of("hour");
  std::size_t count = 0;
  for (const auto& [hour, counts] : verdict.by_hour) {
    if (is_wrong(counts) && ++count <= shown_hours) hours.add(cells_of(when(hour), counts));
  }
  if (count > 0) text += fmt::format("\n{}", hours.text());
  if (count > shown_hours) text += fmt::format("  and {} more\n", grouped(count - shown_hours));
}

void write_counts(JsonWriter& json, const Counts& counts) {
  json.member("expected", counts.expected);
  json.member("delivered", counts.delivered);
  json.member("missing", counts.missing);
  json.member("duplicate", counts.duplicate);
  json.member("altered", counts.altered);
  json.member("unexpected", counts.unexpected);
  json.member("out_of_order", counts.out_of_order);
}

template <class Groups, class Name>
void write_groups(JsonWriter& json, std::string_view key, const Groups& groups, const Name& name) {
  json.array(key, groups, [&](const auto& group) {
    json.object([&] {
      name(group.first);
      write_counts(json, group.second);
    });
  });
}

void write_findings(JsonWriter& json, const Verdict& verdict) {
  json.object("altered_columns", [&] {
    for (const auto& [name, count] : verdict.altered_columns) {
      json.any_key(name);
      json.value(count);
    }
  });
  json.array("altered_rows", verdict.altered, [&](const Finding& one) {
    json.object([&] {
      json.member("line", one.line);
      json.member("sensor_id", one.sensor);
      json.member("due", timestamp_text(one.at));
      json.member("column", one.column);
      json.member("was", one.expected);
      json.member("is", one.found);
    });
  });
  json.object("unexpected_by_reason", [&] {
    for (std::size_t i = 1; i < stranger_count; ++i)
      json.member(stranger_names[i], verdict.stranger_counts[i]);
  });
  json.array("unexpected_rows", verdict.strangers, [&](const Finding& one) {
    json.object([&] {
      json.member("line", one.line);
      json.member("sensor_id", one.sensor);
      json.member("timestamp", timestamp_text(one.at));
      json.member("why", one.expected);
    });
  });
}

void write_delays(JsonWriter& json, const Verdict& verdict) {
  if (!verdict.delays) return json.member("delay_seconds", std::nullopt);
  const Delays& delays = *verdict.delays;
  json.object("delay_seconds", [&] {
    json.member("p50", seconds_of(delays.p50));
    json.member("p90", seconds_of(delays.p90));
    json.member("p99", seconds_of(delays.p99));
    json.member("max", seconds_of(delays.most));
    json.member("negative", delays.negative);
  });
}

}  // namespace

Counts& Counts::operator+=(const Counts& other) {
  expected += other.expected;
  delivered += other.delivered;
  missing += other.missing;
  duplicate += other.duplicate;
  altered += other.altered;
  unexpected += other.unexpected;
  out_of_order += other.out_of_order;
  return *this;
}

std::string verdict_text(const Verdict& verdict) {
  std::string text;
  append_totals(verdict, text);
  append_gaps(verdict, text);
  append_findings(verdict, text);
  append_groups(verdict, text);
  return text;
}

std::string verdict_json(const Verdict& verdict) {
  std::string text;
  JsonWriter json(text, JsonLayout::indented, JsonReals::with_point);
  json.object([&] {
    write_counts(json, verdict.total);
    json.member("runs", verdict.runs);
    json.member("rows", verdict.rows);
    json.member("rows_read", verdict.rows_read);
    json.member("sensors", verdict.sensors);
    json.member("sensors_affected", verdict.sensors_affected);
    json.array("warnings", verdict.warnings);
    json.array("not_judged", verdict.not_judged);
    json.object("not_produced", [&] {
      for (const auto& [reason, count] : verdict.not_produced) {
        json.any_key(reason);
        json.value(count);
      }
    });
    json.member("repeated", verdict.repeated);
    json.member("not_repeated", verdict.not_repeated);
    write_delays(json, verdict);
    json.member("gap_count", verdict.gap_count);
    json.array("gaps", verdict.gaps, [&](const Gap& gap) {
      json.object([&] {
        json.member("sensor_id", gap.sensor);
        json.member("location", gap.location);
        json.member("from", timestamp_text(gap.from));
        json.member("until", timestamp_text(gap.until));
        json.member("readings", gap.readings);
      });
    });
    write_findings(json, verdict);
    write_groups(json, "by_location", verdict.by_location,
                 [&](const std::string& name) { json.member("location", name); });
    write_groups(json, "by_sensor", verdict.by_sensor,
                 [&](const std::string& name) { json.member("sensor_id", name); });
    write_groups(json, "by_hour", verdict.by_hour,
                 [&](Timestamp hour) { json.member("hour", timestamp_text(hour)); });
  });
  return text + '\n';
}

}  // namespace fleet_sim::audit
