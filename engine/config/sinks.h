// The sinks that a config can name, and the address that names one: where readings go. SQLite's files, and a
// row of sinks.def for each other. Values and constants; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fleet_sim::config {

enum class Sink : std::uint8_t {
  sqlite,
#define SINK(name, ...) name,
#include "config/sinks.def"
#undef SINK
};

// A row of the table, in the order of the enumerators.
struct SinkRow {
  Sink sink;
  bool is_built;
  std::string_view package;
  std::string_view schemes;  // separated by spaces
  std::string_view notation;
  std::string_view people;
  std::string_view meaning;
};
inline constexpr std::array sink_rows{
    SinkRow{Sink::sqlite, true, "", "sqlite", "sqlite", "", ""},
#define SINK(name, built, package, schemes, notation, people, meaning) \
  SinkRow{Sink::name, built, package, schemes, notation, people, meaning},
#include "config/sinks.def"
#undef SINK
};

constexpr const SinkRow& row_of(Sink sink) {
  return sink_rows[static_cast<std::size_t>(sink)];
}

// "null", "ndjson:readings.json", "postgresql://user@host/db". What follows the scheme is for the sink to
// understand, which checks it when it is made.
struct SinkAddress {
  Sink sink = Sink::sqlite;
  std::string scheme = "sqlite";
  std::string target = {};  // behind the colon, as given: with its secrets, so for the sink alone

  // The address without passwords and tokens, for everything that is written or shown.
  [[nodiscard]] std::string text() const;

  // Whether its rows leave no file behind, so that the run leaves none either, unless it is told where.
  [[nodiscard]] bool is_stream() const { return target == "-" || scheme == "tcp"; }

  bool operator==(const SinkAddress&) const = default;
};

inline const SinkAddress null_address{Sink::null, "null"};

// What is wrong with the text, without its secrets, or an empty string after assigning the address.
std::string parse_sink_address(std::string_view text, SinkAddress& address);

// The text of an address without the password before its host, and without the parameters that hold secrets.
std::string without_secrets(std::string_view address);

// What without_secrets leaves out of an address, as it stands there; of parameters, their values.
std::vector<std::string_view> secrets_in(std::string_view address);

// Puts something else in their place in an argument, so that they do not stay in the list of processes.
void overwrite_secrets(std::span<char> argument);

// The schemes of the sinks that this build has.
std::vector<std::string_view> built_in_schemes();

// "sqlite|null", and "Where readings go: sqlite, or null (generated and dropped)". Valid for as long as the
// process runs.
std::string_view sink_notation();
std::string_view sink_help();

}  // namespace fleet_sim::config
