#include "report/report_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/plain_text.h"
#include "base/text.h"

namespace fleet_sim::report {
namespace {

constexpr std::string_view nothing = "–";
constexpr std::size_t most_lines = 20;  // of a list that may be long

std::string percent(double share) {
  return fmt::format("{:.2f}%", 100 * share);
}

std::string percent(const std::optional<double>& share) {
  return share ? percent(*share) : std::string(nothing);
}

std::string interval_text(const std::optional<Interval>& interval) {
  return interval ? percent(interval->low) + " … " + percent(interval->high) : std::string(nothing);
}

std::string share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? std::string(nothing) : percent(static_cast<double>(part) / static_cast<double>(whole));
}

std::string seconds_text(Microseconds span) {
  return duration_text(static_cast<double>(span) * 1e-6);
}

std::string heading_text(const Report& report) {
  std::string text =
      fmt::format("{}: {}, {}, {}", printable(report.directory), counted(report.shards.size(), "shard"),
                  counted(report.total.sensors, "sensor"), counted(report.total.readings, "reading"));
  if (report.range) {
    text += fmt::format("\n{} … {}", timestamp_text(report.range->first), timestamp_text(report.range->last));
  }
  text += '\n';
  for (const UnreadableShard& shard : report.unreadable) {
    text += fmt::format("NOT READ {}: {}\n", printable(shard.file), printable(shard.why));
  }
  return text;
}

// Injected readings have a column where there are any.
std::string rates_text(std::string_view by, const std::vector<ReportGroup>& groups) {
  const bool any_injected =
      std::ranges::any_of(groups, [](const ReportGroup& group) { return group.injected > 0; });
  const auto without_injected = [any_injected](std::vector<std::string> cells) {
    if (!any_injected) cells.erase(cells.begin() + 5);
    return cells;
  };
  Table table(without_injected({std::string(by), "sensors", "readings", "missing", "anomalous", "injected",
                                "rate", "95% interval", "expected", "of rows"}));
  for (const ReportGroup& group : groups) {
    table.add(without_injected({printable(group.name), grouped(group.sensors), grouped(group.readings),
                                grouped(group.missing), grouped(group.all_anomalous()),
                                grouped(group.injected), percent(group.rate), interval_text(group.interval),
                                percent(group.expected_rate()), percent(group.rate_of_rows())}));
  }
  return '\n' + table.text();
}

// "scenario rollout: set: {firmware_version: 1.4}, wave 1 of 3".
std::string mark_text(const course::Mark& mark) {
  if (mark.kind == course::Mark::Kind::injection)
    return fmt::format("{} injected", mark.count == 1 ? "1 anomaly" : grouped(mark.count) + " anomalies");
  std::string more = mark.until ? fmt::format(", until {}", brief_timestamp_text(*mark.until)) : "";
  if (mark.count > 0) more += fmt::format("; {}", counted(mark.count, "sensor"));
  return printable(fmt::format("{}{}{}: {}{}", name_of(mark.kind), mark.name.empty() ? "" : " ", mark.name,
                               mark.what, more));
}

// What a stretch begins with, in a few words.
std::string beginning_text(const std::vector<course::Mark>& marks, Timestamp at) {
  std::vector<std::string> names;
  for (const course::Mark& mark : marks) {
    if (mark.at != at || mark.kind == course::Mark::Kind::injection) continue;
    const std::string name = printable(mark.name.empty() ? std::string(name_of(mark.kind)) : mark.name);
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return cut_to_bytes(fmt::format("{}", fmt::join(names, ", ")), 40, "…");
}

// Where nothing happened, the rates by firmware say all.
std::string over_time_text(const OverTime& over_time) {
  if (over_time.marks.empty()) return "";
  Table table({"from", "", "firmware", "readings", "missing", "anomalous", "injected", "rate", "expected"});
  for (const ReportSpan& stretch : over_time.stretches) {
    std::string from = brief_timestamp_text(stretch.from);
    std::string beginning = beginning_text(over_time.marks, stretch.from);
    for (std::size_t i = 0; i < stretch.by_firmware.size(); ++i) {
      const FirmwareShare& share = stretch.by_firmware[i];
      if (share.due() == 0) continue;
      table.add({std::exchange(from, ""), std::exchange(beginning, ""), printable(over_time.firmware[i]),
                 grouped(share.readings), grouped(share.missing), grouped(share.anomalous),
                 grouped(share.injected), percent(share.rate()), percent(share.expected_rate())});
    }
  }
  std::string text = "\n" + table.text() + '\n';
  for (std::size_t i = 0; i < std::min(over_time.marks.size(), most_lines); ++i)
    text +=
        fmt::format("  {}  {}\n", brief_timestamp_text(over_time.marks[i].at), mark_text(over_time.marks[i]));
  const std::size_t more = over_time.marks.size() - std::min(over_time.marks.size(), most_lines);
  if (more + over_time.marks_left_out > 0)
    text += fmt::format("  … and {} more; --json lists them\n", grouped(more + over_time.marks_left_out));
  return text;
}

std::string severity_text(const SeverityTally& severity) {
  if (severity.events == 0) return std::string(nothing);
  return fmt::format("{:.3g} … {:.3g}", severity.least, severity.most);
}

// What the rates do not say: why anomalies came, and how severe they were.
std::string events_text(const EventTally& events) {
  if (events.is_plain()) return "";
  std::vector<std::string> heading{"events by cause", "events"};
  heading.insert(heading.end(), anomaly_cause_names.begin(), anomaly_cause_names.end());
  heading.insert(heading.end(), {"severity", "mean"});
  Table table(heading);
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const TypeEvents& type = events[k];
    if (type.all() == 0) continue;
    std::vector<std::string> cells{std::string(anomaly_type_names[k]), grouped(type.all())};
    for (const std::uint64_t count : type.by_cause) cells.push_back(grouped(count));
    const bool is_graded = type.severity.events > 0;
    cells.push_back(severity_text(type.severity));
    cells.push_back(is_graded ? fmt::format("{:.3g}", type.severity.mean()) : std::string(nothing));
    table.add(cells);
  }
  return '\n' + table.text();
}

// Whether the types table has a column for it: types that are drawn unless a config says otherwise, and those
// that there are or should be.
bool is_listed(std::size_t type, const std::vector<ReportGroup>& models) {
  if (anomaly_types[type].weight > 0) return true;
  return std::ranges::any_of(models, [type](const ReportGroup& model) {
    return model.anomalous[type] > 0 || (model.expected && (*model.expected)[type] > 0);
  });
}

std::string types_text(const std::vector<ReportGroup>& models) {
  std::vector<std::string> heading{"type by model", "anomalous"};
  std::vector<std::size_t> listed;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (!is_listed(k, models)) continue;
    listed.push_back(k);
    heading.insert(heading.end(), {std::string(anomaly_type_names[k]), ""});
  }
  Table table(heading);
  for (const ReportGroup& model : models) {
    const std::uint64_t all = model.all_anomalous();
    std::vector<std::string> cells{printable(model.name), grouped(all)};
    std::vector<std::string> expected{"", "expected"};
    for (const std::size_t k : listed) {
      cells.insert(cells.end(), {grouped(model.anomalous[k]), share_of(model.anomalous[k], all)});
      const bool known = model.expected && *model.expected_rate() > 0;
      const std::string share =
          known ? percent((*model.expected)[k] / *model.expected_rate()) : std::string(nothing);
      expected.insert(expected.end(), {"", share});
    }
    table.add(cells);
    table.add(expected);
  }
  return '\n' + table.text();
}

std::string sync_text(const Report& report) {
  Table table({"sync by firmware", "readings", "synced", "", "unsynced"});
  const auto add = [&](const ReportGroup& group) {
    table.add({printable(group.name), grouped(group.readings), grouped(group.synced),
               share_of(group.synced, group.readings), grouped(group.readings - group.synced)});
  };
  for (const ReportGroup& group : report.by_firmware) add(group);
  add(report.total);
  std::string text = '\n' + table.text();
  if (report.oldest_unsynced)
    text += fmt::format("  oldest unsynced {}\n", timestamp_text(*report.oldest_unsynced));
  return text;
}

std::string missing_text(const MissingData& missing) {
  std::string text = fmt::format("\n  missing data    {} left out in {}\n",
                                 counted(missing.readings, "reading"), counted(missing.events, "event"));
  if (missing.open_events > 0) {
    text += fmt::format("                  {} not ended, so the number of readings is a lower bound\n",
                        counted(missing.open_events, "event"));
  }
  if (missing.without_a_row > 0) {
    text += fmt::format("                  {} of sensors without any rows, which no rate above includes\n",
                        counted(missing.without_a_row, "reading"));
  }
  return text;
}

std::string deleted_text(const tables::Deletions& deleted) {
  if (deleted.readings == 0) return "";
  return fmt::format("  deleted         {} and {} by database.retention, up to {}\n",
                     counted(deleted.readings, "reading"), counted(deleted.events, "event"),
                     printable(deleted.until));
}

std::string gaps_text(const GapTally& gaps) {
  std::string text = fmt::format("  gaps            {}", counted(gaps.count, "gap"));
  if (gaps.count > 0) {
    text += fmt::format(" that no event explains: {} absent, {} in total", counted(gaps.readings, "reading"),
                        seconds_text(gaps.length));
  }
  text += '\n';
  for (const Gap& gap : gaps.longest) {
    text += fmt::format("                  {} … {}  {} absent  {}\n", timestamp_text(gap.from),
                        timestamp_text(gap.until), grouped(gap.readings), printable(gap.sensor_id));
  }
  if (gaps.between_runs > 0) {
    text += fmt::format("  between runs    {}, {} in all\n", counted(gaps.between_runs, "sensor pause"),
                        seconds_text(gaps.between_runs_length));
  }
  return text;
}

// What delivery did, if anything.
std::string delivery_text(const DeliveryTally& delivery) {
  using Kind = batch::Delivery::Kind;
  if (delivery.is_empty()) return "";
  std::string text =
      fmt::format("  delivery        {} dropped, {} late, {} twice", grouped(delivery.of(Kind::drop)),
                  grouped(delivery.of(Kind::late)), grouped(delivery.of(Kind::duplicate)));
  if (delivery.of(Kind::hold) > 0) {
    text += fmt::format("; {}, {} of them drained, with {}", counted(delivery.of(Kind::hold), "hold"),
                        grouped(delivery.of(Kind::drained)), counted(delivery.held, "reading"));
  }
  return text + '\n';
}

std::string duplicates_text(const Duplicates& duplicates) {
  if (duplicates.readings == 0) return "  duplicates      none\n";
  return fmt::format("  duplicates      {}{} written again: same sensor, same time\n",
                     duplicates.is_estimate ? "about " : "", counted(duplicates.readings, "reading"));
}

std::string runs_text(const std::vector<tables::RunInfo>& runs) {
  Table table({"run", "seed", "version", "start", "sensors", "partition", "shards by", "config"});
  for (std::size_t i = 0; i < std::min(runs.size(), most_lines); ++i) {
    const tables::RunInfo& run = runs[i];
    table.add({printable(run.run_id), std::to_string(run.seed), printable(run.version),
               timestamp_text(run.start), grouped(run.fleet_size), printable(run.partition),
               printable(run.shard_by), printable(run.config_hash)});
  }
  std::string text = '\n' + table.text();
  if (runs.size() > most_lines)
    text += fmt::format("  … and {} more\n", counted(runs.size() - most_lines, "run"));
  return text;
}

std::string shards_text(const std::vector<ReportShard>& shards) {
  Table table({"shard", "readings", "missing", "unsynced", "gaps", "first", "last"});
  for (std::size_t i = 0; i < std::min(shards.size(), most_lines); ++i) {
    const ReportShard& shard = shards[i];
    const std::string first = shard.range ? timestamp_text(shard.range->first) : std::string(nothing);
    const std::string last = shard.range ? timestamp_text(shard.range->last) : std::string(nothing);
    table.add({printable(shard.file), grouped(shard.readings), grouped(shard.missing),
               grouped(shard.readings - shard.synced), grouped(shard.gaps), first, last});
  }
  std::string text = '\n' + table.text();
  if (shards.size() > most_lines)
    text += fmt::format("  … and {} more; --json lists all\n", counted(shards.size() - most_lines, "shard"));
  return text;
}

std::string notes_text(const Report& report) {
  std::string text =
      "\n  rate: anomalous share of due readings, missing ones included; its interval is computed from "
      "sensors, not readings.\n  expected: the long-run rate that the runs' config sets. of rows: the rate "
      "that "
      "a query over the rows finds.\n";
  if (report.total.injected > 0)
    text +=
        "  injected: readings of anomalies that were injected or that a scenario began, which no expected "
        "rate "
        "includes.\n";
  if (const std::uint64_t shards = report.shards_without_expectation(); shards > 0) {
    const auto why = std::ranges::find_if(report.shards, [](const ReportShard& shard) {
      return !shard.expectation_missing.empty() && shard.readings > 0;
    });
    text += fmt::format("  no expected rate for {}, such as {}: {}.\n", counted(shards, "shard"),
                        printable(why->file), why->expectation_missing);
  }
  return text;
}

}  // namespace

std::string report_text(const Report& report) {
  std::string text = heading_text(report);
  if (report.total.due() > 0) {
    text += rates_text("", {report.total});
    if (report.by_sensor_type.size() > 1) text += rates_text("sensor type", report.by_sensor_type);
    text += rates_text("firmware", report.by_firmware);
    text += over_time_text(report.over_time);
    text += rates_text("model", report.by_model);
    text += rates_text("manufacturer", report.by_manufacturer);
    text += rates_text("location class", report.by_location_class);
    text += notes_text(report);
    text += types_text(report.by_model) + events_text(report.events);
    if (report.detectability) text += "\n" + score::detectability_text(*report.detectability);
    text += sync_text(report);
  }
  text += missing_text(report.missing) + gaps_text(report.gaps) + duplicates_text(report.duplicates) +
          delivery_text(report.delivery) + deleted_text(report.deleted());
  return text + runs_text(report.runs) + shards_text(report.shards);
}

}  // namespace fleet_sim::report
