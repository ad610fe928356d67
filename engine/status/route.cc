#include "status/route.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "base/nearest.h"
#include "base/page.h"
#include "base/plain_text.h"
#include "status/metrics.h"
#include "status/status_json.h"
#include "yaml/values.h"

namespace fleet_sim::status {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_id_bytes = 4'096;

struct Call {
  const HttpRequest& request;
  const StatusSources& sources;
  std::shared_ptr<const Status> status;
  std::string tail;                                       // of the path, after a prefix
  std::map<std::string, std::string, std::less<>> query;  // the last of several wins
};

HttpResponse error(unsigned status, std::string_view what, std::string_view remedy = {}) {
  return {.status = status, .body = error_json(what, remedy)};
}

HttpResponse json(std::string body) {
  return {.body = std::move(body)};
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  c = static_cast<char>(c | 0x20);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  return std::nullopt;
}

// Nothing for a % without two hexadecimal digits.
std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const auto high = hex_digit(text[i + 1]);
      const auto low = hex_digit(text[i + 2]);
      if (!high || !low) return std::nullopt;
      out += static_cast<char>(*high * 16 + *low);
      i += 2;
    }
  }
  return out;
}

bool parse_query(std::string_view text, Call& call) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decoded(pair.substr(0, equals), true);
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return false;
    if (!name->empty()) call.query[std::move(*name)] = std::move(*value);
  }
  return true;
}

// All that is wrong with what was sent, so that nobody mends one thing after another.
class Mistakes {
 public:
  void add(std::string_view mistake) {
    if (!mistake.empty())
      fmt::format_to(std::back_inserter(text_), "{}{}", text_.empty() ? "" : "; ", mistake);
  }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The parameters that a query may have. Programs that only ask for health or metrics may add what they like.
void check_parameters(const Call& call, std::span<const std::string_view> known, Mistakes& mistakes) {
  for (const auto& [name, value] : call.query) {
    if (std::ranges::count(known, name) > 0) continue;
    const std::string takes =
        known.empty() ? "this path takes none" : fmt::format("this path takes {}", fmt::join(known, ", "));
    mistakes.add(
        fmt::format("there is no parameter {}{}; {}", in_quotes(name), did_you_mean(name, known), takes));
  }
}

// A whole number of the query; a mistake when it is none, or out of its range. `what` it must be.
void read_number(const Call& call, std::string_view name, std::uint64_t least, std::uint64_t most,
                 std::string_view what, std::uint64_t& value, Mistakes& mistakes) {
  const auto found = call.query.find(name);
  if (found == call.query.end()) return;
  const std::string& text = found->second;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc() && end == text.data() + text.size() && value >= least && value <= most) return;
  mistakes.add(fmt::format("{} must be {}, not {}", name, what, in_quotes(text)));
}

void read_limit(const Call& call, std::uint64_t& limit, Mistakes& mistakes) {
  read_number(call, "limit", 1, most_rows_per_page,
              fmt::format("a whole number from 1 to {}", most_rows_per_page), limit, mistakes);
}

void read_after(const Call& call, std::uint64_t& after, Mistakes& mistakes) {
  read_number(call, "after", 0, UINT64_MAX, "the `next` of the previous page", after, mistakes);
}

HttpResponse refused(const Mistakes& mistakes) {
  return error(400, mistakes.text());
}

// No words at all, or an object without any, as some clients send them unasked.
bool is_blank(std::string_view body) {
  std::string words(body);
  std::erase_if(words, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  return words.empty() || words == "{}";
}

// Of a call that takes neither body nor query: what it was sent was meant to narrow it down.
Mistakes words_unasked_for(const Call& call) {
  Mistakes mistakes;
  check_parameters(call, {}, mistakes);
  if (!is_blank(call.request.body)) mistakes.add("this path takes no body");
  return mistakes;
}

HttpResponse not_started() {
  return error(503, "the run is starting", "try again in a moment");
}

HttpResponse get_dashboard(const Call&) {
  static const std::string page = filled_page(dashboard_page, {{"%ANOMALY_TYPES%", anomaly_types_json()}});
  return {.body = page, .content_type = "text/html; charset=utf-8"};
}

// A process that is still starting is alive, but not ready.
HttpResponse get_health(const Call& call) {
  if (!call.status) return json(health_json({}));
  const std::string_view state = call.status->state() == filling_history ? filling_history : "";
  if (call.status->healthy()) return json(health_json({}, state));
  return {.status = 503, .body = health_json(call.status->reasons, state)};
}

HttpResponse get_readiness(const Call& call) {
  if (!call.status) return {.status = 503, .body = health_json({"the run is starting"})};
  if (call.status->draining) return {.status = 503, .body = health_json({"the run is ending"})};
  return get_health(call);
}

HttpResponse get_status(const Call& call) {
  return json(call.sources.status_json());
}

constexpr std::array<std::string_view, 1> since_alone{"since"};

HttpResponse get_history(const Call& call) {
  Mistakes mistakes;
  check_parameters(call, since_alone, mistakes);
  std::uint64_t second = 0;
  read_number(call, "since", 0, INT64_MAX,
              "a Unix time in seconds, such as the last `time` of the previous answer", second, mistakes);
  if (!mistakes.empty()) return refused(mistakes);
  if (!call.query.contains("since")) return json(call.sources.history(std::nullopt));
  return json(call.sources.history(static_cast<std::int64_t>(second)));
}

HttpResponse get_metrics(const Call& call) {
  return {.body = metrics_text(*call.status), .content_type = metrics_content_type};
}

// A list in pages, of `limit` unless the request says otherwise: what `answer` gives for a page and the token
// where it begins.
template <class Answer>
HttpResponse get_page(const Call& call, std::uint64_t limit, std::span<const std::string_view> parameters,
                      const Answer& answer) {
  std::uint64_t after = 0;
  Mistakes mistakes;
  check_parameters(call, parameters, mistakes);
  read_limit(call, limit, mistakes);
  read_after(call, after, mistakes);
  return mistakes.empty() ? json(answer(limit, after)) : refused(mistakes);
}

HttpResponse get_shards(const Call& call) {
  static constexpr std::array<std::string_view, 2> parameters{"limit", "after"};
  return get_page(call, 100, parameters, [&](std::uint64_t limit, std::uint64_t after) {
    return shards_json(call.sources.shards(limit, after));
  });
}

HttpResponse get_sensors(const Call& call) {
  static constexpr std::array<std::string_view, 3> parameters{"query", "limit", "after"};
  const auto query = call.query.find("query");
  const std::string_view text = query == call.query.end() ? std::string_view{} : query->second;
  return get_page(call, 50, parameters, [&](std::uint64_t limit, std::uint64_t after) {
    return sensors_json(call.sources.sensors(text, limit, after));
  });
}

HttpResponse absent(Absence why) {
  if (why == Absence::unknown_sensor)
    return error(404, "no sensor has this id", "search with /api/sensors?query=");
  return error(503, "the fleet is blocked and does not answer", "see the reasons in /status, and try again");
}

// Leaves the readings that follow the one due at `since`, provided that this one is known: only then is
// nothing between them.
void keep_following(SensorDetail& detail, Timestamp since) {
  const auto seen = std::ranges::lower_bound(detail.readings, since, {}, &ReadingRow::due);
  detail.continues = seen != detail.readings.end() && seen->due == since;
  if (detail.continues) detail.readings.erase(detail.readings.begin(), seen + 1);
}

HttpResponse get_sensor(const Call& call) {
  std::optional<Timestamp> since;
  Mistakes mistakes;
  check_parameters(call, since_alone, mistakes);
  if (const auto said = call.query.find("since"); said != call.query.end()) {
    since = parse_timestamp(said->second);
    if (!since)
      mistakes.add(fmt::format("since must be the timestamp of a reading, such as {}, not {}",
                               timestamp_text(0), in_quotes(said->second)));
  }
  if (!mistakes.empty()) return refused(mistakes);
  Absence why{};
  auto detail = call.sources.sensor(call.tail, why);
  if (!detail) return absent(why);
  if (since) keep_following(*detail, *since);
  return json(sensor_json(*detail));
}

HttpResponse get_events(const Call& call) {
  std::uint64_t limit = 100;
  Mistakes mistakes;
  check_parameters(call, std::array<std::string_view, 1>{"limit"}, mistakes);
  read_limit(call, limit, mistakes);
  if (!mistakes.empty()) return refused(mistakes);
  return json(events_json(call.sources.events(limit)));
}

HttpResponse accepted(std::string body) {
  return {.status = 202, .body = std::move(body)};
}

HttpResponse post_stop(const Call& call) {
  if (const Mistakes mistakes = words_unasked_for(call); !mistakes.empty()) return refused(mistakes);
  call.sources.stop();
  return accepted(accepted_json("stop"));
}

HttpResponse post_reload(const Call& call) {
  if (const Mistakes mistakes = words_unasked_for(call); !mistakes.empty()) return refused(mistakes);
  const auto outcome = call.sources.reload();
  if (!outcome) return accepted(accepted_json("reload", "reload.history in /status"));
  const bool failed = std::ranges::any_of(*outcome, [](const ReloadRecord& one) { return !one.accepted; });
  return {.status = failed ? 409U : 200U, .body = reload_json(*outcome)};
}

constexpr std::array<std::string_view, 5> injection_fields{"type", "sensors", "channel", "severity",
                                                           "duration"};
constexpr std::span<const std::string_view> required_fields = std::span(injection_fields).first(2);
constexpr yaml::Bounds injected_durations{1e-6, yaml::longest_duration_seconds, true};

std::string kind_of(const Json& value) {
  if (value.is_string()) return "a string";
  if (value.is_number()) return "a number";
  if (value.is_array()) return fmt::format("a list of {}", value.size());
  if (value.is_object()) return "an object";
  return value.dump();  // true, false, null
}

std::string type_mistake(const Json& type) {
  const std::string names = fmt::format("one of {}", fmt::join(drawn_anomaly_type_names, ", "));
  if (!type.is_string()) return fmt::format("\"type\" must be {}, not {}", names, kind_of(type));
  const std::string& name = type.get_ref<const std::string&>();
  if (const auto known = anomaly_type_of(name); known && is_drawn(*known)) return {};
  return fmt::format("\"type\" must be {}, not {}{}", names, in_quotes(name),
                     did_you_mean(name, drawn_anomaly_type_names));
}

std::string sensors_mistake(const Json& sensors) {
  if (!sensors.is_array() || sensors.empty() || sensors.size() > most_injected_sensors) {
    return fmt::format("\"sensors\" must be a list of 1 to {} ids, not {}", most_injected_sensors,
                       kind_of(sensors));
  }
  const auto wrong = std::ranges::find_if(sensors, [](const Json& id) { return !id.is_string(); });
  if (wrong == sensors.end()) return {};
  return fmt::format("\"sensors\" must be a list of ids in quotes; number {} of them is {}",
                     wrong - sensors.begin() + 1, kind_of(*wrong));
}

// None for a value that names no type.
std::optional<AnomalyType> anomaly_type_in(const Json& type) {
  return type.is_string() ? anomaly_type_of(type.get_ref<const std::string&>()) : std::nullopt;
}

std::string channel_mistake(AnomalyType type, const Json& channel) {
  if (!channel.is_string()) {
    return fmt::format("\"channel\" must be the name of a channel, not {}", kind_of(channel));
  }
  if (!takes_rows(type)) return {};
  return fmt::format("{} anomalies affect all channels; leave out \"channel\"", name_of(type));
}

std::string severity_mistake(AnomalyType type, const Json& severity) {
  const auto& usual = anomaly_types[index_of(type)].severity;
  if (!usual) return fmt::format("{} anomalies have no severity; leave out \"severity\"", name_of(type));
  const yaml::Bounds bounds{usual->bounds.min, usual->bounds.max};
  const std::string what = fmt::format("\"severity\" of {} anomalies must be a number from {}", name_of(type),
                                       yaml::range_text(bounds));
  if (!severity.is_number()) return fmt::format("{}, not {}", what, kind_of(severity));
  const auto value = severity.get<double>();
  if (value >= bounds.min && value <= bounds.max) return {};
  return fmt::format("{}, not {}", what, severity.dump());
}

// A duration as people write it, or seconds as a number: its text.
std::string written_duration(const Json& duration) {
  return duration.is_string() ? duration.get<std::string>() : duration.dump();
}

std::string duration_mistake(const Json& duration) {
  if (!duration.is_string() && !duration.is_number()) {
    return fmt::format("\"duration\" must be a time such as \"10m\", or seconds, not {}", kind_of(duration));
  }
  double seconds = 0;
  const std::string wrong = yaml::parse_duration(written_duration(duration), injected_durations, seconds);
  return wrong.empty() ? wrong : "\"duration\" " + wrong;
}

bool says(const Json& body, std::string_view field) {
  return body.contains(field) && !body[std::string(field)].is_null();
}

// What is wrong with the fields that may be left out, or be null.
void check_details(const Json& body, Mistakes& mistakes) {
  if (const auto type = anomaly_type_in(body.value("type", Json()))) {
    if (says(body, "channel")) mistakes.add(channel_mistake(*type, body["channel"]));
    if (says(body, "severity")) mistakes.add(severity_mistake(*type, body["severity"]));
  }
  if (says(body, "duration")) mistakes.add(duration_mistake(body["duration"]));
}

// Of a body without mistakes.
AskedAnomaly asked_anomaly(const Json& body) {
  AskedAnomaly asked{.type = *anomaly_type_in(body["type"])};
  if (says(body, "channel")) asked.channel = body["channel"].get<std::string>();
  if (says(body, "severity")) asked.severity = body["severity"].get<double>();
  if (says(body, "duration")) {
    double seconds = 0;
    yaml::parse_duration(written_duration(body["duration"]), injected_durations, seconds);
    asked.duration = std::llround(seconds * static_cast<double>(microseconds_per_second));
  }
  return asked;
}

// Why a body asks for no anomalies, in words; empty when it does.
Mistakes injection_mistakes(const Call& call, const Json& body) {
  Mistakes mistakes;
  check_parameters(call, {}, mistakes);
  if (!body.is_object()) {
    mistakes.add(body.is_discarded() ? std::string("the body is not JSON")
                                     : fmt::format("the body must be a JSON object, not {}", kind_of(body)));
    return mistakes;
  }
  for (const auto& [name, value] : body.items()) {
    if (std::ranges::count(injection_fields, name) > 0) continue;
    mistakes.add(fmt::format("the body has an unknown field {}{}; it takes {}", in_quotes(name),
                             did_you_mean(name, injection_fields), fmt::join(injection_fields, ", ")));
  }
  for (const std::string_view name : required_fields) {
    if (!body.contains(name)) mistakes.add(fmt::format("the body lacks \"{}\"", name));
  }
  if (body.contains("type")) mistakes.add(type_mistake(body["type"]));
  if (body.contains("sensors")) mistakes.add(sensors_mistake(body["sensors"]));
  check_details(body, mistakes);
  return mistakes;
}

HttpResponse nothing_injected(unsigned status, std::string_view error, std::string_view remedy,
                              const Injected& injected) {
  return {.status = status, .body = injection_error_json(error, remedy, injected)};
}

HttpResponse injection_answer(AnomalyType type, const Injected& injected) {
  if (injected.absence == Absence::unknown_sensor) {
    return nothing_injected(404, "nothing was injected: not all of these sensors exist",
                            "search with /api/sensors?query=", injected);
  }
  if (injected.absence) return absent(*injected.absence);
  if (injected.is_impossible) {
    return nothing_injected(400, "nothing was injected: not all of these sensors can have such an anomaly",
                            "/api/sensors/ID shows a sensor's channels, and what anomalies it can have",
                            injected);
  }
  if (injected.events.empty()) {
    return nothing_injected(409, "nothing was injected: no anomaly can start in these sensors now",
                            "/api/sensors/ID shows a sensor's current anomaly", injected);
  }
  return accepted(injection_json(type, injected));
}

HttpResponse post_anomalies(const Call& call) {
  const Json body = Json::parse(call.request.body, nullptr, false);
  if (const Mistakes mistakes = injection_mistakes(call, body); !mistakes.empty())
    return error(400, mistakes.text(), R"(send a body such as {"type": "spike", "sensors": ["ID"]})");
  const AskedAnomaly asked = asked_anomaly(body);
  return injection_answer(asked.type,
                          call.sources.inject(asked, body["sensors"].get<std::vector<std::string>>()));
}

HttpResponse get_scenario(const Call& call) {
  static constexpr std::array<std::string_view, 2> parameters{"limit", "after"};
  return get_page(call, 100, parameters, [&](std::uint64_t limit, std::uint64_t after) {
    return scenario_json(call.sources.scenario(limit, after));
  });
}

HttpResponse post_scenario(const Call& call) {
  Mistakes mistakes;
  check_parameters(call, {}, mistakes);
  const Json body = Json::parse(call.request.body, nullptr, false);
  if (!body.is_object())
    mistakes.add(body.is_discarded() ? std::string("the body is not JSON")
                                     : fmt::format("the body must be a JSON object, not {}", kind_of(body)));
  constexpr std::string_view example =
      R"(send an entry with the keys of a config, such as {"name": "outage", "at": "+1h", "for": "10m", "silence": true})";
  if (!mistakes.empty()) return error(400, mistakes.text(), example);
  const AddedEntry added = call.sources.add_entry(body.dump(-1, ' ', false, Json::error_handler_t::replace));
  for (const std::string& mistake : added.mistakes) mistakes.add(mistake);
  if (!mistakes.empty()) return error(400, mistakes.text(), example);
  if (!added.can_reload)
    return error(409, "this run takes no changes", "it has no config and identity files");
  if (added.is_turned_away)
    return error(429, "too many entries wait to be added", "see reload.history in /status, and try again");
  if (!added.outcome) return accepted(accepted_json(added.name, "reload.history in /status"));
  const bool failed =
      std::ranges::any_of(*added.outcome, [](const ReloadRecord& one) { return !one.accepted; });
  return {.status = failed ? 409U : 200U, .body = reload_json(*added.outcome)};
}

struct Route {
  std::string_view path;  // one that ends in / stands for everything below
  bool changes_state;
  bool needs_run;  // has nothing to say before the run has begun
  HttpResponse (*answer)(const Call&);
};

constexpr std::array routes{
    Route{"/healthz", false, false, get_health},         Route{"/health", false, false, get_health},
    Route{"/readyz", false, false, get_readiness},       Route{"/status", false, true, get_status},
    Route{"/metrics", false, true, get_metrics},         Route{"/api/shards", false, true, get_shards},
    Route{"/api/sensors", false, true, get_sensors},     Route{"/api/sensors/", false, true, get_sensor},
    Route{"/api/history", false, true, get_history},     Route{"/api/events", false, true, get_events},
    Route{"/api/stop", true, true, post_stop},           Route{"/api/reload", true, true, post_reload},
    Route{"/api/anomalies", true, true, post_anomalies}, Route{"/api/scenario", false, true, get_scenario},
    Route{"/api/scenario", true, true, post_scenario},
};
constexpr Route dashboard_route{"/", false, false, get_dashboard};

bool leads_to(const Route& route, std::string_view path) {
  if (!route.path.ends_with('/')) return path == route.path;
  return path.size() > route.path.size() && path.starts_with(route.path);
}

// Those of the path; what changes the run may have the same path as what looks at it.
std::vector<const Route*> find_routes(std::string_view path) {
  if (path == dashboard_route.path) return {&dashboard_route};
  std::vector<const Route*> found;
  for (const Route& route : routes) {
    if (leads_to(route, path)) found.push_back(&route);
  }
  return found;
}

// A page of somebody else's can have its own name point to 127.0.0.1; a browser then sends that name along.
bool is_loopback_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1) == "[::1]";
  const std::string_view name = host.substr(0, host.find(':'));
  const bool numeric = name.find_first_not_of("0123456789.") == name.npos;
  return name.empty() || name == "localhost" || (numeric && name.starts_with("127."));
}

std::optional<HttpResponse> refusal(const HttpRequest& request, const HttpAccess& access) {
  if (access.token.empty()) {
    return error(403, "this run accepts no calls that change it",
                 "set monitoring.token or FLEET_SIM_MONITORING_TOKEN, and send it as Authorization: Bearer");
  }
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view given = request.authorization;
  if (given.starts_with(scheme) && equal_secrets(given.substr(scheme.size()), access.token))
    return std::nullopt;
  return error(401, "this call needs the run's token", "send Authorization: Bearer TOKEN");
}

HttpResponse method_not_allowed(const std::vector<const Route*>& there) {
  HttpResponse response = error(405, "this path does not allow this method");
  response.allow = there.size() > 1 ? "GET, HEAD, POST" : there.front()->changes_state ? "POST" : "GET, HEAD";
  return response;
}

bool takes(const Route& route, std::string_view method) {
  return route.changes_state ? method == "POST" : method == "GET" || method == "HEAD";
}

}  // namespace

bool equal_secrets(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned char>(given[i] ^ expected);
  }
  return difference == 0;
}

HttpResponse route(const HttpRequest& request, const StatusSources& sources, const HttpAccess& access) {
  if (access.loopback_only && !is_loopback_name(request.host)) {
    return error(403, "this address answers only to localhost and 127.0.0.1",
                 "use one of these names, or choose another address with --status-address");
  }
  const std::size_t question = std::min(request.target.find('?'), request.target.size());
  const auto path = decoded(request.target.substr(0, question), false);
  Call call{request, sources, nullptr, {}, {}};
  if (!path || path->size() > longest_id_bytes || !path->starts_with('/') ||
      !parse_query(request.target.substr(std::min(question + 1, request.target.size())), call)) {
    return error(400, "the address is malformed",
                 "it must start with / and have two hexadecimal digits after each %");
  }
  const std::vector<const Route*> there = find_routes(*path);
  if (there.empty())
    return error(404, "there is no such path", "try /, /status, /metrics, /healthz, /readyz or /api");
  const auto taken =
      std::ranges::find_if(there, [&](const Route* route) { return takes(*route, request.method); });
  if (taken == there.end()) return method_not_allowed(there);
  const Route* const found = *taken;
  if (found->changes_state) {
    if (auto refused = refusal(request, access)) return *std::move(refused);
  }
  call.status = sources.status ? sources.status() : nullptr;
  if (found->needs_run && !call.status) return not_started();
  if (found->path.ends_with('/') && found->path.size() > 1) call.tail = path->substr(found->path.size());
  return found->answer(call);
}

}  // namespace fleet_sim::status
