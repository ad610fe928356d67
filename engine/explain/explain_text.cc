#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/plain_text.h"
#include "base/text.h"
#include "config/units.h"
#include "explain/clipping.h"
#include "explain/explained_sensor.h"
#include "explain/graded.h"
#include "explain/signal_text.h"
#include "explain/text_page.h"
#include "model/anomaly_effect.h"
#include "sources/signal.h"

namespace fleet_sim::explain {
namespace {

std::vector<std::string> named_pieces(std::string_view name, const model::FoundBehavior& found) {
  std::vector<std::string> pieces{std::string(name)};
  if (!found.entry) {
    pieces.emplace_back("(no entry in the config: no effect)");
  } else if (*found.entry != name) {
    pieces.push_back(fmt::format("(entry '{}')", shortened(*found.entry)));
  }
  return pieces;
}

void add_identity(Page& page, const ExplainedSensor& sensor) {
  const auto& [firmware, model, manufacturer, location] = sensor.explanation.behaviors;
  page.heading(fmt::format("sensor {}", sensor.id));
  page.row("type",
           sensor.declared_at.empty()
               ? std::vector{std::string(sensor.type)}
               : std::vector{std::string(sensor.type), fmt::format("({})", printable(sensor.declared_at))});
  page.row("location", named_pieces(sensor.location, location));
  page.row("manufacturer", named_pieces(sensor.manufacturer, manufacturer));
  page.row("model", named_pieces(sensor.model, model));
  std::vector<std::string> pieces = named_pieces(sensor.firmware_version, firmware);
  const std::string_view canonical = config::canonical_firmware(sensor.firmware_version);
  if (!firmware.entry && canonical != sensor.firmware_version) {
    pieces.insert(pieces.begin() + 1, fmt::format("(the same as {})", canonical));
  }
  page.row("firmware", pieces);
}

std::string partition_text(const ExplainedSensor& sensor) {
  const config::Partition& here = sensor.config.fleet.partition;
  std::string text = fleet_sim::config::partition_text({sensor.partition, here.count});
  if (!sensor.in_this_partition()) {
    text += fmt::format(", not in {}: a run of that partition leaves it out",
                        fleet_sim::config::partition_text(here));
  }
  return text;
}

std::string about(double value) {
  return fmt::format("about {:.0f}", value < 100 ? value : std::round(value / 10) * 10);
}

std::vector<std::string> cost_pieces(const ExplainedSensor& sensor) {
  std::vector<std::string> pieces{
      fmt::format("{} ns a reading, measured now on this machine", about(*sensor.reading_nanoseconds))};
  const auto& signal = sensor.explanation.profile.signal;
  if (signal == nullptr || signal->knot_words() == 0) return pieces;
  const double knot_seconds = static_cast<double>(sources::Signal::knot_length) * 1e-6;
  const double period = static_cast<double>(sensor.period) * 1e-6;
  return joined(pieces, period < knot_seconds ? fmt::format("one knot each {:.0f} s", knot_seconds)
                                              : std::string("up to two knots each"));
}

void add_readings(Page& page, const ExplainedSensor& sensor) {
  page.heading("readings");
  const std::string period = duration_text(static_cast<double>(sensor.period) * 1e-6);
  page.row("rate", joined(chain_pieces(sensor.explanation.numbers.readings_per_second, "per second"),
                          "one every " + period));
  std::string first = sensor.is_aligned ? "at a multiple of this since 1970 UTC" : "";
  if (sensor.phase) {
    first += fmt::format("{}{:.6f} s after the start", first.empty() ? "" : ", ",
                         static_cast<double>(*sensor.phase) * 1e-6);
  }
  if (sensor.first_due) first += ", at " + timestamp_text(*sensor.first_due);
  page.row("first", {first});
  page.row("partition", {partition_text(sensor)});
  page.row("file", {sensor.file.value_or("none: the sink is null")});
  if (sensor.reading_nanoseconds) page.row("cost", cost_pieces(sensor));
}

void add_channel(Page& page, const types::ChannelColumn& column,
                 const model::ChannelNumbers<model::Chain>& channel, double clipped) {
  const std::string& unit = column.unit;
  page.row(column.name, joined("mean    ", chain_pieces(channel.mean, unit)));
  page.row("", joined("std_dev ", chain_pieces(channel.deviation, unit)));
  page.row("",
           joined("min, max", joined(chain_pieces(channel.min, unit), chain_pieces(channel.max, unit)[0])));
  if (clipped > tolerable_clipped_share) {
    page.row("", {fmt::format("clipped  {} of normal readings would lie outside, and read exactly min or max",
                              percent(clipped))});
  }
}

void add_signal(Page& page, const ExplainedSensor& sensor) {
  const types::SensorType& type = *sensor.explanation.type;
  if (type.signal) return add_declared_signal(page, sensor);
  const model::ProfileNumbers<model::Chain>& numbers = sensor.explanation.numbers;
  page.heading("normal readings");
  const auto channels = type.schema.channels();
  for (std::size_t c = 0; c < channels.size(); ++c)
    add_channel(page, channels[c], numbers.channels[c], sensor.clipped[c]);
  if (!type.daily_channel) return;
  const std::string& daily_unit = channels[index_of(*type.daily_channel)].unit;
  page.row("daily cycle", joined(chain_pieces(numbers.daily_amplitude, daily_unit),
                                 "warmest at 15:00 " + clock_name(sensor)));
  page.row("work hours", joined(chain_pieces(numbers.work_hours_rise, daily_unit),
                                "from 08:00 to 18:00 " + clock_name(sensor)));
  page.row("time zone", zone_pieces(sensor));
}

double anomalous_share(const model::Explanation& explanation) {
  double share = 0;
  for (const model::TypeExplanation& type : explanation.types) share += type.share_of_readings;
  return share;
}

std::string_view frequency_name(const config::Config& config) {
  return config.anomalies.basis == config::AnomalyBasis::rate ? "per day" : "probability";
}

std::vector<std::string> meaning_of_rate(const ExplainedSensor& sensor) {
  const double asked = sensor.explanation.numbers.frequency.value();
  double begun = 0;
  for (const model::TypeExplanation& type : sensor.explanation.types) begun += type.per_day;
  const bool is_limited = begun < asked * (1 - 1e-9);
  return {fmt::format("basis rate: {} start per day{};", number(begun),
                      is_limited ? ", for no more fit into 95% of the readings" : ""),
          percent(anomalous_share(sensor.explanation)) + " of all readings become anomalous"};
}

std::vector<std::string> meaning(const ExplainedSensor& sensor) {
  if (!sensor.config.anomalies.enabled) return {"anomalies are disabled: none ever starts"};
  const bool by_rate = sensor.config.anomalies.basis == config::AnomalyBasis::rate;
  const double f = sensor.explanation.numbers.frequency.value();
  const double share = anomalous_share(sensor.explanation);
  if (share == 0) {
    return {fmt::format("no anomaly ever starts: {} or every weight is 0",
                        by_rate ? "anomalies.per_day" : "the probability")};
  }
  if (by_rate) return meaning_of_rate(sensor);
  if (sensor.config.anomalies.basis == config::AnomalyBasis::reading) {
    return {fmt::format("basis reading: in the long run {} of all due readings are anomalous", percent(f))};
  }
  return {fmt::format("basis event: one starts at {} of normal readings; {} of all readings become anomalous",
                      percent(f), percent(share))};
}

bool is_longer(const model::Explanation& explanation, std::size_t k) {
  return explanation.times.duration[k].min > explanation.configured.duration[k].min;
}

std::string law_text(const DurationRange& law) {
  if (law.is_fixed()) return duration_text(law.median);
  return fmt::format("{} to {}", duration_text(law.min), duration_text(law.max));
}

// What fits into a column.
std::string usual_duration_text(const DurationRange& law) {
  return (law.is_fixed() ? "" : "~ ") + duration_text(law.median);
}

std::string duration_of(const config::AnomalyTypeSettings& type, const model::Explanation& explanation,
                        std::size_t k) {
  if (!type.enabled) return "disabled";
  if (is_longer(explanation, k) || type.duration_seconds)
    return usual_duration_text(explanation.times.duration[k]);
  return "one reading";
}

// Why an anomaly lasts longer than the config says.
void add_longer_durations(Page& page, const ExplainedSensor& sensor) {
  const model::Explanation& explanation = sensor.explanation;
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (!sensor.config.anomalies.types[k].enabled || !is_longer(explanation, k)) continue;
    if (!is_shown(explanation, k)) continue;
    page.row("", {fmt::format("{} lasts {}, not {}: fewer readings would not show it", anomaly_type_names[k],
                              law_text(explanation.times.duration[k]),
                              law_text(explanation.configured.duration[k]))});
  }
}

void add_anomalies(Page& page, const ExplainedSensor& sensor) {
  const model::Explanation& explanation = sensor.explanation;
  page.heading("anomalies");
  page.row(frequency_name(sensor.config), chain_pieces(explanation.numbers.frequency));
  page.row("", meaning(sensor));
  page.heading("weight of each type");
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (!is_shown(explanation, k)) continue;
    page.row(anomaly_type_names[k], chain_pieces(explanation.numbers.weights[k]));
  }
  page.heading(fmt::format("{:<16}{:>10}{:>14}{:>11}{:>14}{:>14}{:>12}", "result", "share", "duration",
                           "readings", "onset chance", "of readings", "per day"));
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (!is_shown(explanation, k)) continue;
    const model::TypeExplanation& type = explanation.types[k];
    page.row(anomaly_type_names[k],
             {fmt::format("{:>8}{:>14}{:>11.6g}{:>14.4g}{:>14}{:>12.6g}", percent(type.share_of_anomalies),
                          duration_of(sensor.config.anomalies.types[k], explanation, k),
                          explanation.profile.readings_per_anomaly[k], type.onset_chance,
                          percent(type.share_of_readings), type.per_day)});
  }
  add_longer_durations(page, sensor);
}

std::size_t widest_name(std::span<const types::ChannelColumn> channels) {
  std::size_t widest = 0;
  for (const types::ChannelColumn& channel : channels) widest = std::max(widest, channel.name.size());
  return widest;
}

// Of a type that has one.
void add_strength(Page& page, std::size_t k, const model::Explanation& explanation) {
  const auto type = static_cast<AnomalyType>(k);
  if (const auto& strength = model::strength_of(type)) {
    page.row(anomaly_type_names[k], joined(fmt::format("{:<11}", strength->word),
                                           chain_pieces(explanation.numbers.strengths[k], strength->of)));
  }
  if (type == AnomalyType::pattern) {
    const double period = explanation.times.pattern_period;
    const double configured = explanation.configured.pattern_period;
    std::vector<std::string> pieces{"period     ", duration_text(period)};
    if (period > configured)
      pieces.push_back(
          fmt::format("(8 readings; {} would have too few to show it)", duration_text(configured)));
    page.row("", pieces);
  }
}

void add_relative_effects(Page& page, const ExplainedSensor& sensor) {
  const model::Explanation& explanation = sensor.explanation;
  const model::ProfileNumbers<model::Chain>& numbers = explanation.numbers;
  const auto channels = explanation.type->schema.channels();
  const auto channel_word = [&, width = widest_name(channels)](std::size_t c) {
    return fmt::format("{:<{}}", channels[c].name, width);
  };
  for (std::size_t c = 0; c < channels.size(); ++c) {
    page.row(c == 0 ? "channel" : "", joined(channel_word(c), joined(chain_pieces(numbers.channel_weights[c]),
                                                                     percent(explanation.channel_shares[c]) +
                                                                         " of spikes and trends")));
  }
  page.row("spike", joined("factor from", chain_pieces(numbers.spike_factor_min)));
  page.row("", joined("factor to  ", chain_pieces(numbers.spike_factor_max)));
  for (std::size_t k = 0; k < anomaly_type_count; ++k) add_strength(page, k, explanation);
  for (std::size_t c = 0; c < channels.size(); ++c) {
    page.row(c == 0 ? "noise" : "",
             joined(channel_word(c), chain_pieces(numbers.noise_factor[c], "of the value")));
  }
}

// The rows of a type of graded anomalies. The first has its name.
class GradedRows {
 public:
  GradedRows(Page& page, const model::Explanation& explanation, AnomalyType type, const GradedType& graded)
      : page_(page), explanation_(explanation), type_(type), graded_(graded) {}

  void add() {
    const std::size_t k = index_of(type_);
    if (graded_.severity)
      add_severity(explanation_.numbers.least_severity[k], explanation_.numbers.most_severity[k]);
    const DurationRange& law = explanation_.times.duration[k];
    if (!law.is_fixed()) {
      row({fmt::format("lasts {},", law_text(law)),
           fmt::format("about half of them up to {}", duration_text(law.median))});
    }
    if (type_ == AnomalyType::pattern) row({"period " + duration_text(explanation_.times.pattern_period)});
    add_channels();
  }

 private:
  using Severity = model::Number<model::Chain>;
  void add_severity(const Severity& least, const Severity& most) {
    if (least.trail().steps().size() == 1) {
      return row(joined("severity " + number(least.value()) + " to", chain_pieces(most)));
    }
    row(joined("severity from", chain_pieces(least)));
    row(joined("severity to  ", chain_pieces(most)));
  }

  void add_channels() {
    if (!graded_.severity) return row(shares());
    row({fmt::format("severity {} lasting {} is{}", number(*graded_.severity), duration_text(graded_.seconds),
                     graded_.channels.empty() ? size_text(*graded_.severity, "") : "")});
    const auto columns = explanation_.type->schema.channels();
    const std::size_t width = widest_name(columns);
    for (const GradedChannel& channel : graded_.channels) {
      if (channel.share == 0) continue;
      std::vector<std::string> pieces{fmt::format("{:<{}}{}", columns[channel.channel].name, width,
                                                  size_text(channel.magnitude.value_or(0), channel.unit))};
      if (channel.sigma)
        pieces = joined(std::move(pieces), "σ = " + size_in_unit(*channel.sigma, channel.unit));
      row(joined(std::move(pieces), percent(channel.share) + " of them"));
    }
  }

  // " ±0.42 °C"
  [[nodiscard]] std::string size_text(double magnitude, std::string_view unit) const {
    return " " + graded_magnitude_text(type_, magnitude, unit);
  }

  // How often each channel is affected: "flow 25%,", "bearing 75%"
  [[nodiscard]] std::vector<std::string> shares() const {
    std::vector<std::string> pieces;
    for (const GradedChannel& channel : graded_.channels) {
      if (channel.share == 0) continue;
      if (!pieces.empty()) pieces.back() += ',';
      pieces.push_back(explanation_.type->schema.channels()[channel.channel].name + " " +
                       percent(channel.share));
    }
    return pieces;
  }

  void row(const std::vector<std::string>& pieces) {
    page_.row(is_first_ ? anomaly_type_names[index_of(type_)] : "", pieces);
    is_first_ = false;
  }

  Page& page_;
  const model::Explanation& explanation_;
  AnomalyType type_;
  const GradedType& graded_;
  bool is_first_ = true;
};

void add_effects(Page& page, const ExplainedSensor& sensor) {
  const model::Explanation& explanation = sensor.explanation;
  page.heading("what anomalies do");
  page.row("severity", chain_pieces(explanation.numbers.severity));
  if (!explanation.profile.graded) add_relative_effects(page, sensor);
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    const auto type = static_cast<AnomalyType>(k);
    if (explanation.numbers.weights[k].value() == 0 || type == AnomalyType::missing_data) continue;
    if (const auto graded = graded_type(explanation, type))
      GradedRows(page, explanation, type, *graded).add();
  }
}

// Where what is called "config" above was set, if not all of it is at its default.
void add_origins(Page& page, const ExplainedSensor& sensor) {
  const auto keys = sensor.set_keys();
  if (!keys.empty()) page.heading("config");
  for (const auto& [key, origin] : keys) {
    page.row(key->name,
             {shortened(printable(origin->written)), fmt::format("({})", printable(origin->place))});
  }
}

}  // namespace

std::string text_of(const ExplainedSensor& sensor) {
  Page page;
  add_identity(page, sensor);
  add_readings(page, sensor);
  add_signal(page, sensor);
  add_agings(page, sensor);
  add_anomalies(page, sensor);
  add_effects(page, sensor);
  add_origins(page, sensor);
  return page.text();
}

}  // namespace fleet_sim::explain
