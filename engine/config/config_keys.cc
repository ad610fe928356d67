#include "config/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <deque>

#include "config/codec.h"
#include "types/built_in_type.h"

namespace fleet_sim::config {
namespace {

constexpr Bounds any_value{-largest_parameter, largest_parameter};
constexpr Bounds any_width{0, largest_parameter};
constexpr Bounds any_weight{0, 1e6};
constexpr Bounds any_share{0, 1};
constexpr Bounds any_rate_per_day{0, 1e6};
constexpr Bounds span_seconds{0.001, longest_duration_seconds, true};

constexpr std::string_view elsewhere = "none";

// Names and help built from parts need a place that outlives the rows' views of them.
std::string_view lasting(std::string text) {
  static std::deque<std::string> texts;
  return texts.emplace_back(std::move(text));
}

// "0 (until stopped) to 36525d", where 0 is no amount.
std::string named_range(std::string range, std::string_view zero) {
  if (zero.empty()) return range;
  assert(range.starts_with("0 "));
  return range.insert(1, fmt::format(" ({})", zero));
}

std::string with_range(std::string_view text, std::string_view range) {
  std::string whole(text);
  const std::size_t at = whole.find("{}");
  return at == whole.npos ? whole : whole.replace(at, 2, range);
}

// `field` returns the member of a Config, const or not, that the key stands for.
template <class Field, class T>
ConfigKey make_key(const KeyRow& row, Field field, const Codec<T>& codec) {
  const std::string range = named_range(codec.range, row.zero);
  const auto spelled = [field, codec](const Config& config) {
    return !codec.is_spelled || codec.is_spelled(field(config));
  };
  return {.name = row.name,
          .also = row.also,
          .flag = row.flag,
          .value = row.value,
          .help = with_range(row.help, range),
          .flag_help = with_range(row.flag_help.empty() ? row.help : row.flag_help, range),
          .more = with_range(row.more, range),
          .decides = row.decides,
          .at_once = row.at_once,
          .secret = row.secret,
          .repeatable = row.repeatable,
          .null_is_a_word = row.null_is_a_word,
          .is_flow = codec.is_flow,
          .other_spelling = row.other_spelling,
          .set = [field, codec](Config& config,
                                std::string_view text) { return codec.parse(text, field(config)); },
          .is_spelled = spelled,
          .get =
              [field, codec, spelled](const Config& config) {
                return spelled(config) ? codec.text(field(config)) : std::string(elsewhere);
              },
          .equal =
              [field, spelled](const Config& one, const Config& other) {
                return spelled(one) == spelled(other) && (!spelled(one) || field(one) == field(other));
              },
          .copy = [field](const Config& from, Config& to) { field(to) = field(from); }};
}

using Keys = std::vector<ConfigKey>;

// Adds the rows of one struct of settings; `settings_in` finds the struct in a Config, const or not.
template <class Find>
class SectionOf {
 public:
  SectionOf(Keys& keys, Find settings_in) : keys_(keys), settings_in_(settings_in) {}

  template <class Settings, class T>
  void row(T Settings::*member, const Codec<T>& codec, const KeyRow& row) {
    const auto field = [ find = settings_in_, member ](auto& config) -> auto& {
      return find(config).*member;
    };
    keys_.push_back(make_key(row, field, codec));
  }

  // The struct is itself the value.
  template <class T>
  void row(const Codec<T>& codec, const KeyRow& row) {
    keys_.push_back(make_key(row, settings_in_, codec));
  }

 private:
  Keys& keys_;
  Find settings_in_;
};

template <class Settings>
auto section(Keys& keys, Settings Config::*settings) {
  return SectionOf(
      keys, [settings](auto& config) -> auto& { return config.*settings; });
}

// How each channel reads while it is normal.
template <class Section>
void channel_key(Section& section, const types::ChannelColumn& channel, std::string_view name,
                 double types::ChannelParameters::*member, std::string_view what, const Bounds& bounds) {
  section.row(member, config::number(bounds),
              {.name = lasting(fmt::format("normal_parameters.{}.{}", channel.name, name)),
               .value = "X",
               .help = lasting(fmt::format("{} {}, {}: {{}}", what, channel.name, channel.unit)),
               .decides = Decides::readings,
               .at_once = true});
}

void normal_parameter_keys(Keys& keys) {
  const auto channels = types::built_in_type().schema.channels();
  for (std::size_t i = 0; i < channels.size(); ++i) {
    SectionOf section(
        keys, [i](auto& config) -> auto& { return config.normal_parameters[i]; });
    channel_key(section, channels[i], "mean", &types::ChannelParameters::mean, "Mean of normal", any_value);
    channel_key(section, channels[i], "std_dev", &types::ChannelParameters::std_dev,
                "Standard deviation of normal", any_width);
    channel_key(section, channels[i], "min", &types::ChannelParameters::min, "Lowest normal", any_value);
    channel_key(section, channels[i], "max", &types::ChannelParameters::max, "Highest normal", any_value);
  }
}

void anomaly_type_keys(Keys& keys, std::size_t type) {
  SectionOf section(
      keys, [type](auto& config) -> auto& { return config.anomalies.types[type]; });
  const std::string name(anomaly_type_names[type]);
  const auto named = [&](std::string_view leaf) {
    return lasting(fmt::format("anomalies.types.{}.{}", name, leaf));
  };
  section.row(&AnomalyTypeSettings::enabled, boolean(),
              {.name = named("enabled"),
               .value = "BOOL",
               .help = lasting(fmt::format("Whether sensors show {} anomalies", name)),
               .decides = Decides::readings,
               .at_once = true});
  section.row(
      &AnomalyTypeSettings::weight, config::number(any_weight),
      {.name = named("weight"),
       .value = "X",
       .help = lasting(fmt::format("Weight of {} anomalies, relative to the other types: {{}}", name)),
       .decides = Decides::readings,
       .at_once = true});
  section.row(
      &AnomalyTypeSettings::duration_seconds, or_word("one_reading", duration_law(span_seconds)),
      {.name = named("duration_seconds"),
       .value = "TIME",
       .help = lasting(fmt::format("How long {} anomalies last: {{}}, or one_reading", name)),
       .more = type == 0
                   ? "{median: 10m, min: 1m, max: 6h} draws a time for each, lognormal within the bounds"
                   : "",
       .decides = Decides::readings,
       .at_once = true});
  const auto& severity = anomaly_types[type].severity;
  if (!severity) return;
  section.row(&AnomalyTypeSettings::severity, number_range({severity->bounds.min, severity->bounds.max}),
              {.name = named("severity"),
               .value = "X",
               .help = lasting(fmt::format("How severe graded {} anomalies are: {{}}", name)),
               .more = type == 0 ? "[LOW, HIGH] draws a severity for each, uniform between them" : "",
               .decides = Decides::readings,
               .at_once = true});
}

void anomaly_keys(Keys& keys) {
  auto anomalies = section(keys, &Config::anomalies);
  anomalies.row(&AnomalySettings::enabled, boolean(),
                {.name = "anomalies.enabled",
                 .value = "BOOL",
                 .help = "Whether anomalies occur",
                 .decides = Decides::readings,
                 .at_once = true});
  anomalies.row(&AnomalySettings::probability, config::number(any_share),
                {.name = "anomalies.probability",
                 .value = "P",
                 .help = "How often sensors are anomalous, as anomalies.basis counts it: {}",
                 .decides = Decides::readings,
                 .at_once = true});
  anomalies.row(
      &AnomalySettings::basis, words<AnomalyBasis>({"reading", "event", "rate"}),
      {.name = "anomalies.basis",
       .value = "WORD",
       .help =
           "How anomalies are counted: reading (share of readings), event (chance that one starts) or rate "
           "(per day)",
       .more =
           "with reading, weights are shares of the anomalous readings, else of the anomalies; with rate, "
           "anomalies.per_day counts instead of the probability",
       .decides = Decides::readings,
       .at_once = true});
  anomalies.row(&AnomalySettings::per_day, config::number(any_rate_per_day),
                {.name = "anomalies.per_day",
                 .value = "X",
                 .help = "Anomalies that start per sensor and day with the basis rate: {}",
                 .decides = Decides::readings,
                 .at_once = true});
  anomalies.row(&AnomalySettings::severity, words<AnomalySeverity>({"relative", "graded"}),
                {.name = "anomalies.severity",
                 .value = "WORD",
                 .help = "How much anomalies of the built-in type change: relative to the value, or graded",
                 .more = "graded counts in how much a channel changes anyway; declared types always are",
                 .decides = Decides::readings,
                 .at_once = true});
  anomalies.row(&AnomalySettings::edge, config::number({0, 0.5}),
                {.name = "anomalies.edge",
                 .value = "X",
                 .help = "Share of its duration in which a graded anomaly comes, and goes: {}",
                 .decides = Decides::readings,
                 .at_once = true});
  anomalies.row(&AnomalySettings::pattern_period_seconds, duration(span_seconds),
                {.name = "anomalies.pattern_period_seconds",
                 .value = "TIME",
                 .help = "Period of pattern anomalies: {}",
                 .decides = Decides::readings,
                 .at_once = true});
  for (std::size_t i = 0; i < drawn_anomaly_type_count; ++i) {
    anomaly_type_keys(keys, i);
    if (i != index_of(AnomalyType::stuck)) continue;
    anomalies.row(&AnomalySettings::keep_noise, boolean(),
                  {.name = "anomalies.types.stuck.keep_noise",
                   .value = "BOOL",
                   .help = "Whether a stuck channel keeps its white noise",
                   .decides = Decides::readings,
                   .at_once = true});
  }
}

// In the order in which --help shows their flags: what is simulated, where it goes, how long and how fast.
// Keys of one section stand together: config_text writes a section's heading once.
Keys all_keys() {
  Keys keys;
  fleet_keys(section(keys, &Config::fleet));
  simulation_keys(section(keys, &Config::simulation));
  sharding_keys(section(keys, &Config::sharding));
  clock_keys(section(keys, &Config::clock));
  delivery_keys(section(keys, &Config::delivery),
                SectionOf(
                    keys, [](auto& config) -> auto& { return config.delivery.late; }));
  sink_keys(section(keys, &Config::sink));
  database_keys(section(keys, &Config::write), section(keys, &Config::sqlite));
  retention_keys(SectionOf(
      keys, [](auto& config) -> auto& { return config.sqlite.retention; }));
  normal_parameter_keys(keys);
  anomaly_keys(keys);
  logging_keys(section(keys, &Config::logging));
  config_reload_keys(section(keys, &Config::config_reload));
  monitoring_keys(section(keys, &Config::monitoring));
  return keys;
}

}  // namespace

std::span<const ConfigKey> config_keys() {
  static const Keys keys = all_keys();
  return keys;
}

const ConfigKey* find_config_key(std::string_view name) {
  const auto keys = config_keys();
  const auto found = std::ranges::find_if(
      keys, [&](const ConfigKey& key) { return key.name == name || (!name.empty() && key.also == name); });
  return found == keys.end() ? nullptr : &*found;
}

std::string environment_name(std::string_view key_name) {
  std::string name = "FLEET_SIM_";
  for (char c : key_name) {
    if (c == '.') c = '_';
    name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

}  // namespace fleet_sim::config
