#include "status/run_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/ledger.h"
#include "base/text.h"
#include "config/database_settings.h"

namespace fleet_sim::status {
namespace {

constexpr double busy_limit = 0.9;              // a writer that is busier than that had no time to spare
constexpr double tolerated_behind_seconds = 1;  // less is a stall of the disk, not a trend

std::string lag_text(Microseconds lag) {
  return duration_text(static_cast<double>(lag) * 1e-6);
}

// Rounded down, so that 100% means all.
std::string percent_text(std::uint64_t part, std::uint64_t whole) {
  if (part == whole) return "100%";
  const double percent = 100 * static_cast<double>(part) / static_cast<double>(whole);
  return fmt::format("{:.2f}%", std::floor(percent * 100) / 100);
}

// What the run is on its way to, and how much longer that takes; none when it has no end.
std::string time_left_text(const Snapshot& now) {
  if (now.simulated_total && now.simulated_seconds >= now.simulated_total) return "finishing";
  const std::optional<double> left = seconds_left(now);
  const std::string text = left ? fmt::format("{} left", duration_text(std::ceil(*left))) : "";
  if (!now.history_left) return text;
  return std::string(filling_history) + (left ? ", " + text : "");
}

// A part of the progress line; of those that do not fit, the one of the highest rank goes first.
struct Part {
  int rank;
  std::string text;
};

std::string rate_text(const Snapshot& now, const Snapshot& before) {
  const double seconds = now.elapsed_seconds - before.elapsed_seconds;
  const auto rows = static_cast<double>(now.books.written - before.books.written);
  return grouped(seconds > 0 ? static_cast<std::uint64_t>(std::llround(rows / seconds)) : 0) + " rows/s";
}

std::vector<Part> progress_parts(const Snapshot& now, const Snapshot& before) {
  const Books& books = now.books;
  std::vector<Part> parts{{0, rate_text(now, before)}, {6, grouped(books.written) + " rows"}};
  if (now.keeps_pace() && books.written > 0) parts.push_back({4, "lag p99 " + lag_text(now.lag_p99)});
  parts.push_back({5, grouped(books.pending()) + " waiting"});
  parts.push_back({7, grouped(books.anomalies) + " anomalies"});
  if (books.lost() > 0) parts.push_back({1, grouped(books.lost()) + " LOST"});
  if (const std::uint64_t errors = total_of(now.errors); errors > 0)
    parts.push_back({2, grouped(errors) + " errors"});
  parts.push_back({3, time_left_text(now)});
  std::erase_if(parts, [](const Part& part) { return part.text.empty(); });
  return parts;
}

std::string joined(const std::vector<Part>& parts) {
  std::string text;
  for (const Part& part : parts) text += (text.empty() ? "" : " | ") + part.text;
  return text;
}

std::string line(std::string_view name, const std::string& value) {
  return fmt::format("  {:<14}{}\n", name, value);
}

// How far a run has come that was to go on.
std::string cut_short_text(const Snapshot& snapshot) {
  const double covered = snapshot.simulated_seconds.value_or(0);
  const double total = snapshot.simulated_total.value_or(0);
  const double percent = total > 0 ? std::floor(1e4 * covered / total) / 100 : 0;
  return fmt::format("cut short after {} of {} of simulated time ({:.2f}%)", duration_text(covered),
                     duration_text(total), percent);
}

std::string lost_text(const Books& books) {
  std::string text = grouped(books.lost());
  for (std::size_t i = 0; i < loss_reason_names.size(); ++i) {
    if (books.lost_by_reason[i] > 0)
      text += fmt::format(" ({} {})", loss_reason_names[i], grouped(books.lost_by_reason[i]));
  }
  if (books.events_lost > 0) text += fmt::format(", and {} anomaly events", grouped(books.events_lost));
  return text;
}

// Rows that are not there. What is usual, and what never should be, is said also where there are none.
std::string absence_text(const RowAbsence& absence, const Books& books) {
  if (absence.name == "lost") return line(absence.name, lost_text(books));
  const std::uint64_t count = absence.count(books);
  if (absence.name == "unconfirmed" && count + books.events_unconfirmed > 0) {
    const std::string truth = books.events_unconfirmed > 0
                                  ? fmt::format(", and {} anomaly events", grouped(books.events_unconfirmed))
                                  : std::string();
    return line(absence.name, fmt::format("{} {}{}", grouped(count), absence.briefly, truth));
  }
  if (absence.name == "missing") {
    return line(absence.name,
                fmt::format("{} left out by {} anomalies", grouped(count), row_leaving_types_text()));
  }
  return count > 0 ? line(absence.name, fmt::format("{} {}", grouped(count), absence.briefly))
                   : std::string();
}

std::string errors_text(const PerErrorClass& errors) {
  std::string text = grouped(total_of(errors));
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (errors[i] > 0) text += fmt::format(" ({} {})", error_class_names[i], grouped(errors[i]));
  }
  return text;
}

}  // namespace

std::string progress_text(const Snapshot& now, const Snapshot& before, std::size_t width) {
  std::vector<Part> parts = progress_parts(now, before);
  while (parts.size() > 1 && count_characters(joined(parts)) > width) {
    parts.erase(std::ranges::max_element(parts, {}, &Part::rank));
  }
  return joined(parts);
}

std::string summary_text(const Snapshot& snapshot, const std::string& where) {
  const Books& books = snapshot.books;
  const double seconds = std::max(snapshot.elapsed_seconds, 1e-6);
  std::string text;
  text +=
      line("sensors", fmt::format("{} in {}", grouped(snapshot.sensors), counted(snapshot.shards, "shard")));
  if (snapshot.cut_short) text += line("ended", cut_short_text(snapshot));
  text += line("due", grouped(books.due) +
                          (snapshot.counted ? ", which completes --count " + std::to_string(*snapshot.counted)
                                            : std::string()));
  text += line("written",
               fmt::format("{} rows, {} rows/s over {}", grouped(books.written),
                           grouped(static_cast<std::uint64_t>(static_cast<double>(books.written) / seconds)),
                           duration_text(seconds)));
  if (books.found > 0) text += line("found", grouped(books.found) + " already in the files");
  if (books.duplicates > 0) text += line("duplicates", grouped(books.duplicates) + " of these, by delivery");
  for (const RowAbsence& absence : row_absences) text += absence_text(absence, books);
  if (books.resent > 0)
    text += line("resent", grouped(books.resent) + " readings, because an answer was lost");
  if (snapshot.readings_deleted > 0) {
    text +=
        line("deleted", fmt::format("{} readings and {} anomaly events by database.retention",
                                    grouped(snapshot.readings_deleted), grouped(snapshot.events_deleted)));
  }
  const std::uint64_t accounted = books.written + books.missing + books.silent + books.dropped +
                                  books.undelivered + books.found - books.duplicates;
  text += line("success", percent_text(accounted, books.due) + " of readings accounted for");
  text += line("anomalies", grouped(books.anomalies));
  text += line("errors", errors_text(snapshot.errors));
  if (snapshot.keeps_pace()) {
    text += line("lag", fmt::format("p50 {}, p99 {}, max {}", lag_text(snapshot.lag_p50),
                                    lag_text(snapshot.lag_p99), lag_text(snapshot.lag_max)));
  }
  text += line("writer", fmt::format("{:.0f}% busy", 100 * snapshot.writer_busy_share));
  text += line("memory", bytes_text(snapshot.peak_memory_bytes) + " peak");
  text += line("files", fmt::format("{} in {}", grouped(snapshot.files_written), where));
  return text;
}

std::string losses_hint(std::uint64_t seed, Timestamp start, bool is_in_files) {
  return line("again", fmt::format("for the lost rows too, run the same command with --seed {} --start {} "
                                   "and another {}",
                                   seed, timestamp_text(start), is_in_files ? "--data-dir" : "--sink"));
}

std::string resume_hint() {
  return line("again", "with --resume, the same command writes what is missing");
}

std::string writers_hint(const Snapshot& snapshot) {
  const bool fell_behind =
      !snapshot.keeps_pace() || snapshot.furthest_behind_seconds > tolerated_behind_seconds;
  const std::size_t useful = std::min<std::size_t>({snapshot.cores, snapshot.shards, config::most_writers});
  const bool was_busy = snapshot.books.written > 0 && snapshot.writer_busy_share > busy_limit;
  if (!fell_behind || !was_busy || snapshot.writers >= useful) return "";
  // A core for those that generate, where there is one to spare.
  const std::size_t more = std::max(snapshot.writers + 1, std::min<std::size_t>(useful, snapshot.cores - 1));
  return line("hint",
              fmt::format("the writer was the bottleneck ({:.0f}% busy); --writers {} would use more cores",
                          100 * snapshot.writer_busy_share, more));
}

}  // namespace fleet_sim::status
