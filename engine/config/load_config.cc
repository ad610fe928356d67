#include "config/load_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "config/config_keys.h"
#include "config/units.h"
#include "files/text_file.h"
#include "scenario/scenario.h"
#include "types/built_in_type.h"

namespace fleet_sim::config {
namespace {

class Loader {
 public:
  Loader(Config defaults, Problems& problems)
      : config_(std::move(defaults)),
        usual_scenario_(std::exchange(config_.scenario, {})),
        problems_(problems) {}

  void add_file(const std::filesystem::path& file) {
    layer([&] { read_config_file(file, config_, origins_, problems_); });
  }

  void add_text(std::string_view text, const std::string& place) {
    layer([&] { read_config_text(text, place, config_, origins_, problems_); });
  }

  void add_settings(std::span<const Setting> settings) {
    layer([&] { apply(settings); });
  }

  // What the layers say of one thing each, and cannot both mean. Not for a config that was recorded: in that
  // of a resumed run, a history has become a start.
  void check_exclusions() {
    const bool counts = set("simulation.count") && config_.simulation.count > 0;
    if (counts && !set("simulation.run_time_seconds")) config_.simulation.run_time_seconds = 0;
    if (counts && config_.fleet.partition.count > 1) exclude("simulation.count", "fleet.partition");
    if (set("clock.time_zone") && set("clock.utc_offset")) exclude("clock.time_zone", "clock.utc_offset");
    check_end();
    if (!config_.sink.events.empty() && config_.sink.address.sink != Sink::text && set("sink.events")) {
      problems_.add(
          origin({"sink.events"}),
          fmt::format("sink.events is for sinks of text, such as --sink ndjson:FILE; {} keeps events "
                      "beside the readings",
                      in_quotes(config_.sink.address.text())));
    }
    if (config_.sink.address.sink != Sink::sqlite && config_.sharding.key != ShardKey::none &&
        set("sharding.by")) {
      problems_.add(
          origin({"sharding.by"}),
          fmt::format("sharding.by {} is about SQLite's files, but sink.address is {}; give one of them",
                      in_quotes(written("sharding.by")), in_quotes(config_.sink.address.text())));
    }
    if (!set("clock.backfill_seconds") || config_.clock.backfill_seconds == 0) return;
    if (set("clock.start") && config_.clock.start) exclude("clock.backfill_seconds", "clock.start");
    if (set("clock.speed") && config_.clock.speed != Speed{})
      exclude("clock.backfill_seconds", "clock.speed");
  }

  Config finish() {
    keep_usual_scenario();
    check_channels();
    check_anomalies();
    check_durations();
    check_delivery();
    check_paths();
    check_scenario();
    return std::move(config_);
  }

  Origins take_origins() { return std::move(origins_); }

 private:
  // Each layer says anew which sensors run: `--identity one.json` on the command line replaces a list in the
  // file.
  template <class Read>
  void layer(Read read) {
    const FleetSettings before = config_.fleet;
    config_.fleet.identity.clear();
    config_.fleet.identities.clear();
    Origins before_layer = std::exchange(origins_, {});
    read();
    check_spellings();
    origins_.merge(before_layer);
    FleetSettings& now = config_.fleet;
    if (!now.identity.empty() && !now.identities.empty()) {
      problems_.add(origins_["fleet.identity"].place,
                    "identity and identities cannot be combined; give one of them");
    } else if (now.identity.empty() && now.identities.empty()) {
      now.identity = before.identity;
      now.identities = before.identities;
    }
  }

  // One value, said twice in one layer; between layers, the later one counts, but for a zone (see above).
  void check_spellings() {
    for (const auto& [name, origin_of_key] : origins_) {
      const ConfigKey* key = find_config_key(name);
      if (key == nullptr || key->other_spelling.empty() || key->is_spelled(config_) ||
          !set(key->other_spelling))
        continue;
      if (key->name.starts_with("clock.")) continue;
      problems_.add(origin_of_key.place,
                    fmt::format("{} and {} ({}) cannot be combined; give one of them", name,
                                key->other_spelling, origin({std::string(key->other_spelling)})));
    }
  }

  void apply(std::span<const Setting> settings) {
    std::map<std::string_view, std::string> lists;  // what this layer has gathered for its repeatable keys
    for (const Setting& setting : settings) {
      const ConfigKey* key = find_config_key(setting.key);
      if (key == nullptr) {
        problems_.add(setting.source, fmt::format("unknown key {}", in_quotes(setting.key)));
        continue;
      }
      origins_[std::string(key->name)] = {setting.source, setting.value};
      const std::string& text =
          key->repeatable ? lists[key->name].append(setting.value).append("\n") : setting.value;
      const std::string wrong = key->set(config_, text);
      if (!wrong.empty()) problems_.add(setting.source, wrong);
    }
  }

  void check_channels() {
    const std::vector<std::string_view> names = types::built_in_type().schema.channel_names();
    for (std::size_t i = 0; i < names.size(); ++i) {
      const types::ChannelParameters& channel = config_.normal_parameters[i];
      const std::string path = fmt::format("normal_parameters.{}", names[i]);
      const std::string wrong = types::problem_of(
          channel, [&](std::string_view name, double) { return written(fmt::format("{}.{}", path, name)); });
      if (wrong.empty()) continue;
      problems_.add(
          origin(wrong.starts_with("min") ? std::vector{path + ".min", path + ".max"}
                                          : std::vector{path + ".mean", path + ".min", path + ".max"}),
          fmt::format("{}.{}", path, wrong));
    }
  }

  void check_anomalies() {
    const AnomalySettings& anomalies = config_.anomalies;
    const bool by_rate = anomalies.basis == AnomalyBasis::rate;
    if (!anomalies.enabled || (by_rate ? anomalies.per_day : anomalies.probability) <= 0) return;
    const auto can_happen = [](const AnomalyTypeSettings& type) { return type.enabled && type.weight > 0; };
    if (std::ranges::any_of(anomalies.types, can_happen)) return;
    std::vector<std::string> keys;
    for (const std::string_view name : drawn_anomaly_type_names) {
      keys.push_back(fmt::format("anomalies.types.{}.enabled", name));
      keys.push_back(fmt::format("anomalies.types.{}.weight", name));
    }
    problems_.add(
        origin(keys),
        "no anomaly type is enabled with a weight above 0; enable one, or set anomalies.enabled to false");
  }

  // Such anomalies would all be over before the next reading: the same as one_reading.
  void check_durations() {
    const double period = config_.simulation.rate.seconds();
    for (std::size_t k = 0; config_.anomalies.enabled && k < anomaly_type_count; ++k) {
      const AnomalyTypeSettings& type = config_.anomalies.types[k];
      const auto& law = type.duration_seconds;
      if (!type.enabled || type.weight == 0 || !law || law->is_fixed() || law->max >= period) continue;
      const std::string key = fmt::format("anomalies.types.{}.duration_seconds", anomaly_type_names[k]);
      problems_.add(origin({key, "simulation.readings_per_second", "simulation.interval"}),
                    fmt::format("{} has a max of {}, but sensors are read once in {}; raise it, or set "
                                "one_reading",
                                key, duration_text(law->max), duration_text(period)));
    }
  }

  void check_delivery() {
    if (config_.delivery.late.share <= 0 || config_.delivery.late.median > 0) return;
    problems_.add(origin({"delivery.late.share", "delivery.late.median"}),
                  "delivery.late.share is above 0, so delivery.late.median must be too, such as 8s");
  }

  void check_paths() {
    const std::filesystem::path log(config_.logging.file);
    const std::filesystem::path database(config_.sqlite.path);
    if (log.lexically_normal() != database.lexically_normal()) return;
    problems_.add(origin({"logging.file", "database.path"}),
                  fmt::format("logging.file and database.path must not be the same file {}",
                              in_quotes(config_.logging.file)));
  }

  // Files that say something of a scenario say all of it, but for what requests have added.
  void keep_usual_scenario() {
    std::vector<std::string_view> names;
    for (const scenario::Entry& entry : config_.scenario) names.push_back(entry.name);
    std::ranges::sort(names);
    scenario::Entries kept;
    for (scenario::Entry& entry : usual_scenario_) {
      if (set("scenario") && (!entry.added.by_request || std::ranges::binary_search(names, entry.name)))
        continue;
      kept.push_back(std::move(entry));
    }
    if (kept.empty()) return;
    std::ranges::move(kept, std::back_inserter(config_.scenario));
    if (const std::string wrong = scenario::problem_of(config_.scenario); !wrong.empty())
      problems_.add(origin({"scenario"}), wrong);
  }

  // Not before all types are known, and none of them has been left out.
  void check_scenario() {
    if (!problems_.empty()) return;
    for (const scenario::Entry& entry : config_.scenario) {
      const std::string path = scenario::path_of(entry.name);
      if (const std::string wrong = scenario::problem_of(entry, config_.types); !wrong.empty())
        problems_.add(origin({path}), fmt::format("{}.{}", path, wrong));
    }
  }

  [[nodiscard]] bool set(std::string_view key) const { return origins_.find(key) != origins_.end(); }

  // At the clock's pace, now never ends; as fast as storage allows, there would soon be rows of next week.
  void check_end() {
    const SimulationSettings& simulation = config_.simulation;
    const bool ends = simulation.run_time_seconds > 0 || simulation.count > 0;
    if (!config_.clock.speed.max || config_.clock.start || ends) return;
    problems_.add(
        origin({"clock.speed", "simulation.run_time_seconds"}),
        "clock.speed 'max' (--speed) without an end would run into the future; give --duration or --count "
        "to end now, or give --start, or use --backfill instead, which continues in real time");
  }

  void exclude(std::string_view key, std::string_view other) {
    const auto named = [&](std::string_view name) {
      return find_config_key(name)->is_spelled(config_) ? fmt::format("{} {}", name, in_quotes(written(name)))
                                                        : std::string(name);
    };
    problems_.add(origin({std::string(key)}),
                  fmt::format("{} and {} ({}) cannot be combined; give one of them", named(key), named(other),
                              origin({std::string(other)})));
  }

  // Where the first of `keys` that was set at all was set.
  [[nodiscard]] std::string origin(const std::vector<std::string>& keys) const {
    for (const std::string& key : keys) {
      if (const auto found = origins_.find(key); found != origins_.end()) return found->second.place;
    }
    return "config";
  }

  // The value as a person wrote it: "9.0", not "9".
  [[nodiscard]] std::string written(std::string_view key) const {
    const auto found = origins_.find(key);
    return found == origins_.end() ? find_config_key(key)->get(config_) : found->second.written;
  }

  Config config_;
  scenario::Entries usual_scenario_;  // of the defaults
  Origins origins_;
  Problems& problems_;
};

constexpr std::string_view variable_prefix = "FLEET_SIM_";

// Kubernetes tells every container of a namespace about its services; one called fleet-sim looks like ours.
bool is_kubernetes(std::string_view variable) {
  return variable.starts_with("FLEET_SIM_SERVICE_") || variable.starts_with("FLEET_SIM_PORT");
}

struct Variable {
  std::string name;
  const ConfigKey* key;
};

const std::vector<Variable>& known_variables() {
  static const std::vector<Variable> variables = [] {
    std::vector<Variable> all;
    for (const ConfigKey& key : config_keys()) {
      all.push_back({environment_name(key.name), &key});
      if (!key.also.empty()) all.push_back({environment_name(key.also), &key});
    }
    return all;
  }();
  return variables;
}

std::string nearest_variable(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Variable& variable : known_variables()) names.push_back(variable.name);
  return did_you_mean(name, names);
}

Setting setting_of(const Variable& variable, std::string value) {
  if (variable.key->repeatable) std::ranges::replace(value, ':', '\n');
  return {std::string(variable.key->name), std::move(value), variable.name};
}

}  // namespace

Config load_config(std::span<const std::filesystem::path> files, std::span<const Setting> environment,
                   std::span<const Setting> flags, Problems& problems, Config defaults, Origins* origins) {
  Loader loader(std::move(defaults), problems);
  for (const std::filesystem::path& file : files) loader.add_file(file);
  loader.add_settings(environment);
  loader.add_settings(flags);
  loader.check_exclusions();
  Config config = loader.finish();
  if (origins != nullptr) *origins = loader.take_origins();
  return config;
}

Config read_config(std::string_view text, const std::string& place, Problems& problems) {
  Loader loader({}, problems);
  if (text.size() > largest_config_file_bytes) {
    problems.add(place, "is too large for a config");
  } else if (files::is_text(text, place, problems)) {
    loader.add_text(text, place);
  }
  return loader.finish();
}

std::vector<Setting> environment_settings(const char* const* environment, Problems& problems) {
  std::vector<Setting> settings;
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry(*environment);
    const std::string_view name = entry.substr(0, entry.find('='));
    if (!name.starts_with(variable_prefix) || name == entry) continue;
    const std::string_view value = entry.substr(name.size() + 1);
    const auto known = std::ranges::find(known_variables(), name, &Variable::name);
    if (known != known_variables().end()) {
      if (!value.empty()) settings.push_back(setting_of(*known, std::string(value)));
    } else if (!is_kubernetes(name)) {
      problems.add(std::string(name), fmt::format("unknown variable{}", nearest_variable(name)));
    }
  }
  return settings;
}

}  // namespace fleet_sim::config
