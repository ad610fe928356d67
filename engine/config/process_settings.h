// The sections `logging`, `config_reload` and `monitoring`: what the process logs, when it looks for changes,
// and whose requests it answers. Each struct is followed by the rows of its keys. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "config/codec.h"
#include "config/key_row.h"

namespace fleet_sim::config {

enum class LogFormat { text, json };

struct LoggingSettings {
  std::string level = "INFO";
  std::string file = "data/fleet-sim.log";
  std::uint32_t file_bytes = 10'000'000;  // of one log file, before the next is begun
  std::uint32_t kept_files = 3;           // earlier log files
  LogFormat format = LogFormat::text;
  double summary_interval_seconds = 60;  // 0: no summaries
  bool console_output = true;
  bool quiet = false;

  bool operator==(const LoggingSettings&) const = default;
};

template <class Section>
void logging_keys(Section logging) {
  logging.row(&LoggingSettings::level, text_of(parse_log_level),
              {.name = "logging.level",
               .flag = "--log-level",
               .value = "debug|info|warning|error|critical|off",
               .help = "Least severe level that is logged",
               .more = "debug adds failed attempts, opened and closed files, and injected anomalies",
               .at_once = true});
  logging.row(&LoggingSettings::file, path(),
              {.name = "logging.file",
               .value = "FILE",
               .help = "Log file, rotated; empty for none",
               .more = "if only data_dir is set, the log goes there too"});
  logging.row(
      &LoggingSettings::file_bytes, count(1'000u, 4'000'000'000u),
      {.name = "logging.file_bytes", .value = "BYTES", .help = "Size at which a new log file starts: {}"});
  logging.row(&LoggingSettings::kept_files, count(0u, 1'000u),
              {.name = "logging.kept_files",
               .value = "N",
               .help = "Rotated log files to keep: {}",
               .more = "fleet-sim.1.log is the newest"});
  logging.row(&LoggingSettings::format, words<LogFormat>({"text", "json"}),
              {.name = "logging.format",
               .value = "WORD",
               .help = "Format of log lines: text, or json (one object per line)",
               .more = "an object has ts, level, event, msg and fields"});
  logging.row(&LoggingSettings::summary_interval_seconds, duration({0, 86'400}),
              {.name = "logging.summary_interval_seconds",
               .value = "TIME",
               .help = "Time between summaries in the log: {}",
               .zero = "none"});
  logging.row(&LoggingSettings::console_output, boolean(),
              {.name = "logging.console_output",
               .value = "BOOL",
               .help = "Whether log messages also go to the console"});
  logging.row(&LoggingSettings::quiet, boolean(),
              {.name = "logging.quiet",
               .flag = "--quiet",
               .help = "Show only warnings and the closing summary on the console"});
}

struct ConfigReloadSettings {
  bool enabled = true;
  double check_interval_seconds = 60;

  bool operator==(const ConfigReloadSettings&) const = default;
};

template <class Section>
void config_reload_keys(Section reload) {
  reload.row(&ConfigReloadSettings::enabled, boolean(),
             {.name = "config_reload.enabled",
              .value = "BOOL",
              .help = "Whether to check the config and identity files for changes while running; SIGHUP "
                      "checks them anyway",
              .at_once = true});
  reload.row(&ConfigReloadSettings::check_interval_seconds, duration({0.01, 86'400, true}),
             {.name = "config_reload.check_interval_seconds",
              .value = "TIME",
              .help = "Time between checks of the files: {}",
              .at_once = true});
}

// The HTTP status page and its API.
struct MonitoringSettings {
  bool enabled = true;
  std::string address;  // HOST:PORT; empty: 127.0.0.1:8080, and none where that is taken
  std::string token;    // that calls which change something must send; empty: no call may

  bool operator==(const MonitoringSettings&) const = default;
};

template <class Section>
void monitoring_keys(Section monitoring) {
  monitoring.row(&MonitoringSettings::enabled, boolean(),
                 {.name = "monitoring.enabled",
                  .flag = "--no-status",
                  .help = "Whether to serve the HTTP status page and API",
                  .flag_help = "Run without the HTTP status page and API"});
  monitoring.row(&MonitoringSettings::address, text_of(parse_address),
                 {.name = "monitoring.address",
                  .flag = "--status-address",
                  .value = "HOST:PORT",
                  .help = "Address of the status page; default 127.0.0.1:8080, if that is free",
                  .more = "port 0 picks a free port; 0.0.0.0 serves every machine that can reach this one"});
  monitoring.row(&MonitoringSettings::token, token(),
                 {.name = "monitoring.token",
                  .value = "TEXT",
                  .help = "Bearer token for HTTP calls that change the run: {} printable characters; empty "
                          "forbids such calls",
                  .more = "never stored or logged",
                  .secret = true});
}

}  // namespace fleet_sim::config
