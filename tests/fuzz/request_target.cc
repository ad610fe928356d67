// Any text as a request to the status API: a line "METHOD TARGET", lines for Host and Authorization, and
// behind an empty line the body. The answer is one that the API gives, what claims to be JSON is, and nothing
// is changed for who does not have the token.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "status/history.h"
#include "status/route.h"
#include "status/status_json.h"

using namespace fleet_sim;

namespace {

constexpr std::string_view token = "0123456789abcdef";

void demand(bool holds) {
  if (!holds) std::abort();
}

std::string_view take_until(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

std::string_view without(std::string_view name, std::string_view line) {
  return line.starts_with(name) ? line.substr(name.size()) : std::string_view{};
}

status::HttpRequest parse(std::string_view text) {
  status::HttpRequest request;
  std::string_view first = take_until(text, '\n');
  request.method = take_until(first, ' ');
  request.target = first;
  while (!text.empty()) {
    const std::string_view line = take_until(text, '\n');
    if (line.empty()) break;
    if (line.starts_with("Host: ")) request.host = without("Host: ", line);
    if (line.starts_with("Authorization: ")) request.authorization = without("Authorization: ", line);
  }
  request.body = text;
  return request;
}

status::SensorDetail detail_of(std::string_view id) {
  status::SensorDetail detail{
      {},
      "{}",
      status::EventRow{},
      {status::ReadingRow{.due = 0, .values = {65, 2.5, 12}, .anomaly = {}, .channel = {}}}};
  detail.sensor.id = id;
  detail.anomaly->sensor_id = id;
  return detail;
}

// Sources that say back what was asked for, and count what was changed.
status::StatusSources sources_that_count(int& changes) {
  status::StatusSources sources;
  sources.status = [] { return std::make_shared<const status::Status>(); };
  sources.status_json = [] { return status::status_json(status::Status()); };
  sources.history = [](std::optional<std::int64_t> since) {
    demand(!since || *since >= 0);
    return status::History().json(since);
  };
  sources.shards = [](std::size_t limit, std::uint64_t after) {
    demand(limit >= 1 && limit <= status::most_rows_per_page);
    return status::Page<status::ShardRow>{{status::ShardRow{}}, after, 1};
  };
  sources.sensors = [](std::string_view query, std::size_t limit, std::uint64_t after) {
    demand(limit >= 1 && limit <= status::most_rows_per_page);
    return status::Page<status::SensorRow>{{detail_of(query).sensor}, after, 1};
  };
  sources.sensor = [](std::string_view id, status::Absence&) { return std::optional(detail_of(id)); };
  sources.events = [](std::size_t limit) {
    demand(limit >= 1 && limit <= status::most_rows_per_page);
    return std::vector<status::EventRow>{detail_of("s").anomaly.value()};
  };
  sources.inject = [&changes](const status::AskedAnomaly& asked, const std::vector<std::string>& sensors) {
    demand(!sensors.empty() && sensors.size() <= status::most_injected_sensors);
    demand(!asked.channel || !takes_rows(asked.type));
    demand(!asked.severity || anomaly_types[index_of(asked.type)].severity);
    demand(!asked.duration || *asked.duration > 0);
    ++changes;
    return status::Injected{.events = std::vector<status::EventRow>(sensors.size())};
  };
  sources.reload = [&changes] { return ++changes, std::optional(std::vector<status::ReloadRecord>()); };
  sources.stop = [&changes] { ++changes; };
  return sources;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const status::HttpRequest request = parse({reinterpret_cast<const char*>(data), size});
  int changes = 0;
  const status::HttpResponse answer =
      status::route(request, sources_that_count(changes), {std::string(token), true});

  constexpr std::array<unsigned, 8> known{200, 202, 400, 401, 403, 404, 405, 503};
  demand(std::ranges::count(known, answer.status) == 1);
  if (answer.content_type.starts_with("application/json")) demand(nlohmann::json::accept(answer.body));
  const bool may_change = request.method == "POST" && without("Bearer ", request.authorization) == token;
  const bool is_done = answer.status == 202 || (answer.status == 200 && request.method == "POST");
  demand(changes == (is_done ? 1 : 0));
  demand(changes == 0 || may_change);
  return 0;
}
