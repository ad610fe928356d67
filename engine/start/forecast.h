// What a run will amount to, worked out before it starts: rows, bytes, time, and the space there is for them.
// Estimates: `check` prints them, and a run logs them when it starts. Pure, but for the free space, which is
// asked of the file system. Main thread. Cannot fail: what cannot be determined is left out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "identity/identity.h"
#include "log/log.h"
#include "start/inputs.h"
#include "types/schema.h"

namespace fleet_sim::start {

// What a run has of one type of sensor.
struct TypeForecast {
  std::string_view name;  // of a schema that the types keep
  std::uint64_t sensors = 0;
  std::uint32_t first = 0;  // of them, in the roster
  std::size_t channels = 0;
  double readings_per_second = 0;
  double bytes_per_second = 0;
};

struct Forecast {
  double readings_per_second = 0;       // simulated seconds, all members
  std::optional<double> seconds;        // simulated; none: until stopped
  double history_seconds = 0;           // of them, that are filled as fast as it goes
  std::optional<double> speed;          // simulated seconds per second; none: as fast as it goes
  std::optional<double> bytes_per_row;  // none: the sink keeps no files
  std::optional<std::uint64_t> free_bytes;
  std::vector<TypeForecast> types = {};  // in the order of their first sensors

  // Of a run with an end.
  [[nodiscard]] std::optional<double> rows() const;
  [[nodiscard]] std::optional<double> bytes() const;

  // Simulated seconds until the free space is used up, if nothing else uses or frees any.
  [[nodiscard]] std::optional<double> seconds_of_space() const;

  // Whether the space ends before the run does.
  [[nodiscard]] bool exceeds_space() const;
};

Forecast forecast(const config::Config& config, const identity::Roster& roster,
                  std::span<const std::uint32_t> members, const types::Catalog& types);
inline Forecast forecast(const Inputs& inputs) {
  return forecast(inputs.config, inputs.identities.roster, inputs.members, *inputs.types);
}

// One to three lines.
std::string text_of(const Forecast& forecast);

// The same for the log, in readings, bytes and seconds; what is not known is left out.
log::LogFields log_fields(const Forecast& forecast);

// What a user has to know before an hour is lost; empty when there is enough space.
std::string space_warning(const Forecast& forecast);

}  // namespace fleet_sim::start
