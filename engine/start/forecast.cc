#include "start/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <system_error>

#include "base/text.h"
#include "base/timestamp.h"
#include "fleet/profile_table.h"
#include "start/sinks.h"
#include "tables/layout.h"

namespace fleet_sim::start {
namespace {

// What SQLite adds to the contents of a row: the header of its record with a byte a column, its size, its
// number and its place in the page. An entry of the index holds the timestamp and the row's number. Pages are
// full but for the last row that did not fit, because rows come in order of their numbers, and nearly in
// order of time. tests/forecast_test.cc holds the sum against files.
constexpr double row_overhead = 9;
constexpr double bytes_of_timestamp = 27;
constexpr double bytes_of_number = 2;  // which stands for a sensor's texts
constexpr double bytes_of_index_entry = bytes_of_timestamp + 12;
constexpr double bytes_of_delivery = 2 * bytes_of_timestamp + 6;  // its columns

// A figure for an ordinary disk and one writer; bench/README.md has measured ones.
constexpr double usual_rows_per_second = 500'000;

constexpr double seconds_per_day = 86'400;

double bytes_of_texts(const identity::Roster& roster, const identity::Identity& identity) {
  double bytes = static_cast<double>(identity.id.size());
  for (const identity::Text text :
       {identity.firmware_version, identity.model, identity.manufacturer, identity.location}) {
    bytes += static_cast<double>(roster.text(text).size());
  }
  return bytes;
}

// Without the texts of its sensor.
double bytes_of_row(const config::Config& config, const types::Schema& schema) {
  const config::Layout layout = config.sqlite.layout;
  const double columns = static_cast<double>(tables::stored_columns(schema, layout).size());
  const double number = layout == config::Layout::wide ? 0 : bytes_of_number;
  const double values = 8 * static_cast<double>(schema.channels().size());
  const double index = config.sqlite.unsynced_index ? bytes_of_index_entry : 0;
  const double delivery = config::delivers(config) ? bytes_of_delivery : 0;
  return row_overhead + columns + bytes_of_timestamp + values + number + index + delivery;
}

std::optional<std::uint64_t> free_bytes(std::filesystem::path folder) {
  std::error_code error;
  folder = std::filesystem::absolute(folder, error);
  while (!std::filesystem::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) return std::nullopt;
  return space.available;
}

// "0.25", "54,000", "3.15 billion"
std::string count_text(double n) {
  if (n >= 1e12) return fmt::format("{:.3g} trillion", n * 1e-12);
  if (n >= 1e9) return fmt::format("{:.3g} billion", n * 1e-9);
  if (n < 1'000 && n != std::floor(n)) return fmt::format("{:.3g}", n);
  return grouped(static_cast<std::uint64_t>(std::llround(n)));
}

std::string in_bytes(double bytes) {
  return bytes_text(static_cast<std::uint64_t>(bytes));
}

std::string rows_line(const Forecast& forecast) {
  const double per_second = forecast.readings_per_second;
  if (!forecast.seconds) {
    return fmt::format("runs until stopped: {} readings a second, {} a day", count_text(per_second),
                       count_text(per_second * seconds_per_day));
  }
  return fmt::format("{} readings: {} a second for {}", count_text(*forecast.rows()), count_text(per_second),
                     duration_text(*forecast.seconds));
}

std::string bytes_line(const Forecast& forecast) {
  const std::string row = fmt::format("about {:.0f} bytes a row", *forecast.bytes_per_row);
  const std::string free =
      forecast.free_bytes ? fmt::format("; {} free", bytes_text(*forecast.free_bytes)) : std::string();
  if (const auto bytes = forecast.bytes()) return fmt::format("{}, {} in all{}", row, in_bytes(*bytes), free);
  const double a_day = *forecast.bytes_per_row * forecast.readings_per_second * seconds_per_day;
  return fmt::format("{}, {} a day{}", row, in_bytes(a_day), free);
}

std::string time_line(const Forecast& forecast) {
  if (!forecast.seconds) return {};
  const double as_fast_as_it_goes =
      forecast.speed ? std::min(forecast.history_seconds, *forecast.seconds) : *forecast.seconds;
  const double paced = (*forecast.seconds - as_fast_as_it_goes) / forecast.speed.value_or(1);
  if (as_fast_as_it_goes == 0) return fmt::format("takes {}", duration_text(paced));
  const double filling = as_fast_as_it_goes * forecast.readings_per_second / usual_rows_per_second;
  return fmt::format("takes about {} at {} rows a second (`fleet-sim bench --quick` measures your disk)",
                     duration_text(std::max(filling, paced)), count_text(usual_rows_per_second));
}

}  // namespace

std::optional<double> Forecast::rows() const {
  if (!seconds) return std::nullopt;
  return readings_per_second * *seconds;
}

std::optional<double> Forecast::bytes() const {
  if (!seconds || !bytes_per_row) return std::nullopt;
  return *rows() * *bytes_per_row;
}

std::optional<double> Forecast::seconds_of_space() const {
  if (!bytes_per_row || !free_bytes || readings_per_second <= 0) return std::nullopt;
  return static_cast<double>(*free_bytes) / (*bytes_per_row * readings_per_second);
}

bool Forecast::exceeds_space() const {
  const auto space = seconds_of_space();
  return space && seconds && *space < *seconds;
}

Forecast forecast(const config::Config& config, const identity::Roster& roster,
                  std::span<const std::uint32_t> members, const types::Catalog& types) {
  Forecast result;
  double bytes_per_second = 0;
  const bool has_texts = config.sqlite.layout == config::Layout::wide;
  std::map<identity::Text, std::size_t> places;  // in result.types
  std::vector<double> bytes_of_rows;             // of each of these types
  for (const std::uint32_t member : members) {
    const identity::Identity& identity = roster[member];
    const types::Schema& schema = types[roster.text(identity.type)].schema;
    const auto [place, is_new] = places.try_emplace(identity.type, result.types.size());
    if (is_new) {
      result.types.push_back({schema.type(), 0, member, schema.channels().size()});
      bytes_of_rows.push_back(bytes_of_row(config, schema));
    }
    TypeForecast& of_type = result.types[place->second];
    const double rate = fleet::rate_of(roster, identity, config).per_second();
    const double texts = has_texts ? bytes_of_texts(roster, identity) : 0;
    const double bytes = rate * (bytes_of_rows[place->second] + texts);
    ++of_type.sensors;
    of_type.readings_per_second += rate;
    of_type.bytes_per_second += bytes;
    result.readings_per_second += rate;
    bytes_per_second += bytes;
  }
  result.history_seconds = config.clock.backfill_seconds;
  if (config.simulation.run_time_seconds > 0)
    result.seconds = config.clock.backfill_seconds + config.simulation.run_time_seconds;
  if (config.simulation.count > 0 && result.readings_per_second > 0) {
    const double counted = static_cast<double>(config.simulation.count) / result.readings_per_second;
    result.seconds = std::min(result.seconds.value_or(counted), counted);
  }
  if (!config.clock.speed.max) result.speed = config.clock.speed.factor;
  if (!sink_of(config).keeps_files || result.readings_per_second <= 0) return result;
  result.bytes_per_row = bytes_per_second / result.readings_per_second;
  result.free_bytes = free_bytes(config.data_directory());
  return result;
}

std::string text_of(const Forecast& forecast) {
  std::string text = rows_line(forecast);
  if (forecast.bytes_per_row) text += "\n" + bytes_line(forecast);
  if (const std::string time = time_line(forecast); !time.empty()) text += "\n" + time;
  return text;
}

log::LogFields log_fields(const Forecast& forecast) {
  log::LogFields fields{{"readings_per_second", forecast.readings_per_second}};
  if (const auto rows = forecast.rows())
    fields.push_back({"readings", static_cast<std::uint64_t>(*rows + 0.5)});
  if (forecast.bytes_per_row)
    fields.push_back({"bytes_per_row", static_cast<std::uint64_t>(*forecast.bytes_per_row + 0.5)});
  if (const auto bytes = forecast.bytes())
    fields.push_back({"bytes", static_cast<std::uint64_t>(*bytes + 0.5)});
  if (forecast.free_bytes) fields.push_back({"free_bytes", *forecast.free_bytes});
  return fields;
}

std::string space_warning(const Forecast& forecast) {
  if (!forecast.exceeds_space()) return {};
  return fmt::format(
      "the disk has {} free, but the run needs about {}: the disk will be full after {} of {}; use another "
      "--data-dir, a shorter --duration, or database.retention",
      bytes_text(*forecast.free_bytes), in_bytes(*forecast.bytes()),
      duration_text(*forecast.seconds_of_space()), duration_text(*forecast.seconds));
}

}  // namespace fleet_sim::start
