// The status API as a function from a request to a response: paths, methods, parameters, who may do what. No
// sockets and no threads, so that tests and the fuzzer call it directly. A request is untrusted: everything
// in it is bounded by the server before it comes here, and what is wrong with it becomes an answer, never an
// exception.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/terms.h"
#include "status/status.h"

namespace fleet_sim::status {

inline constexpr std::size_t most_rows_per_page = 1'000;
inline constexpr std::size_t most_injected_sensors = 1'000;  // by one call

struct HttpRequest {
  std::string_view method;
  std::string_view target;
  std::string_view host;
  std::string_view authorization;
  std::string_view body;
};

struct HttpResponse {
  unsigned status = 200;
  std::string body;
  std::string_view content_type = "application/json; charset=utf-8";
  std::string_view allow = {};  // for 405
};

// What the answers are made from, called on the HTTP thread. Each returns soon, whatever the fleet does.
struct StatusSources {
  std::function<std::shared_ptr<const Status>()> status;  // null while the run is starting
  std::function<std::string()> status_json;               // of the same; asked for when it is not null
  std::function<std::string(std::optional<std::int64_t> since)> history;  // JSON
  std::function<Page<ShardRow>(std::size_t limit, std::uint64_t after)> shards;
  std::function<Page<SensorRow>(std::string_view query, std::size_t limit, std::uint64_t after)> sensors;
  std::function<std::optional<SensorDetail>(std::string_view id, Absence& why)> sensor;
  std::function<std::vector<EventRow>(std::size_t limit)> events;
  std::function<Page<ScenarioRow>(std::size_t limit, std::uint64_t after)> scenario;
  // Adds an entry, which is a JSON object, to the scenario.
  std::function<AddedEntry(const std::string& entry)> add_entry;
  // Starts an anomaly at the next reading of each of these.
  std::function<Injected(const AskedAnomaly& asked, const std::vector<std::string>& sensors)> inject;
  // Has the files checked, and returns the outcome; none if it is not known soon.
  std::function<std::optional<std::vector<ReloadRecord>>()> reload;
  std::function<void()> stop;
};

struct HttpAccess {
  std::string token;           // empty: no call may change anything
  bool loopback_only = false;  // then a Host that is another name was rebound by another site
};

HttpResponse route(const HttpRequest& request, const StatusSources& sources, const HttpAccess& access);

// Whether two secrets are equal, in a time that depends only on the length of `given`.
bool equal_secrets(std::string_view given, std::string_view secret);

// The page at /; embedded at build time.
extern const std::string_view dashboard_page;

}  // namespace fleet_sim::status
