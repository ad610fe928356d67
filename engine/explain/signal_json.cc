#include "explain/signal_json.h"

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "declare/fields.h"
#include "declare/week_hours.h"
#include "explain/shared_source.h"

namespace fleet_sim::explain {
namespace {

double seconds_of(Microseconds span) {
  return static_cast<double>(span) / static_cast<double>(microseconds_per_second);
}

std::optional<double> above_zero(double value) {
  return value > 0 ? std::optional(value) : std::nullopt;
}

class ChannelMembers {
 public:
  ChannelMembers(JsonWriter& json, const types::SignalDeclaration& signal, const types::ChannelColumn& column,
                 const model::ChannelNumbers<model::Chain>& numbers)
      : json_(json), signal_(signal), column_(column), numbers_(numbers) {}

  void operator()(const types::Gauge& gauge) {
    begin();
    json_.member("scale", gauge.scale == types::Gauge::Scale::logarithmic ? "log" : "linear");
    add_number(json_, "base", numbers_.mean);
    add_number(json_, "white", numbers_.deviation);
    if (std::isfinite(numbers_.min.value()) || std::isfinite(numbers_.max.value())) {
      json_.object("range", [&] {
        add_number(json_, "low", numbers_.min);
        add_number(json_, "high", numbers_.max);
      });
    }
    if (std::isfinite(gauge.rails.low) || std::isfinite(gauge.rails.high))
      json_.array("rails", std::array{gauge.rails.low, gauge.rails.high});
    json_.member("resolution", above_zero(gauge.resolution));
    add_terms("terms", gauge.terms, [&](std::size_t i) { add_number(json_, "gain", numbers_.gains[i]); });
  }

  void operator()(const types::Counter& counter) {
    begin();
    json_.member("base", counter.base);
    add_terms("rate", counter.rate, [&](std::size_t i) { json_.member("gain", counter.rate[i].gain); });
    json_.member("per_seconds", seconds_of(counter.per));
    json_.member("resolution", counter.resolution);
    json_.member("since", timestamp_text(counter.since));
    json_.member("wrap", above_zero(counter.wrap));
  }

  void operator()(const types::State& state) {
    begin();
    json_.member("of", signal_.sources[state.of].name);
    json_.array("at", state.at);
    json_.array("names", column_.states);
  }

  void operator()(const types::Product& product) {
    begin();
    json_.array("of", product.of, [&](std::size_t channel) { json_.value(signal_.channels[channel].name); });
    json_.member("resolution", above_zero(product.resolution));
  }

 private:
  void begin() {
    json_.member("kind", types::channel_kind_names[static_cast<std::size_t>(column_.kind)]);
    json_.member("unit", column_.unit);
  }

  template <class AddGain>
  void add_terms(std::string_view name, const std::vector<types::Term>& terms, const AddGain& add_gain) {
    json_.array(name, terms, [&](const types::Term& term) {
      const types::Source& source = signal_.sources[term.source];
      json_.object([&] {
        json_.member("source", source.name);
        json_.member("kind", declare::source_kinds[source.kind.index()]);
        add_gain(static_cast<std::size_t>(&term - terms.data()));
      });
    });
  }

  JsonWriter& json_;
  const types::SignalDeclaration& signal_;
  const types::ChannelColumn& column_;
  const model::ChannelNumbers<model::Chain>& numbers_;
};

class SourceMembers {
 public:
  SourceMembers(JsonWriter& json, const ExplainedSensor& sensor, const types::SignalDeclaration& signal)
      : json_(json), sensor_(sensor), signal_(signal) {}

  void add(const types::Source& source) {
    json_.member("kind", declare::source_kinds[source.kind.index()]);
    std::visit(*this, source.kind);
    const auto* lag = std::get_if<types::Lag>(&source.kind);
    const types::Source& owned = lag != nullptr ? signal_.sources[lag->of] : source;
    if (std::holds_alternative<types::Noise>(owned.kind) || std::holds_alternative<types::Load>(owned.kind)) {
      json_.member("scope", scope_name(scope_of(owned)));
      json_.member("owner", owner_of(sensor_, owned));
    }
  }

  void operator()(const types::Noise& noise) {
    json_.member("from_seconds", seconds_of(noise.from));
    json_.member("to_seconds", seconds_of(noise.to));
    json_.member("roughness", noise.roughness);
  }

  void operator()(const types::Load& load) {
    json_.member("duty", load.duty);
    json_.member("burst", load.burst);
    json_.member("schedule", load.schedule.empty() ? std::nullopt
                                                   : std::optional(declare::week_hours_text(load.schedule)));
  }

  void operator()(const types::Lag& lag) {
    json_.member("of", signal_.sources[lag.of].name);
    json_.member("tau_seconds", seconds_of(lag.tau));
  }

  void operator()(const types::Cycle& cycle) {
    constexpr std::array<std::string_view, 3> shapes{"sine", "saw", "square"};
    json_.member("shape", shapes[static_cast<std::size_t>(cycle.shape)]);
    json_.member("period_seconds", seconds_of(cycle.period));
    json_.member("peak_seconds", seconds_of(cycle.peak));
  }

  void operator()(const types::White&) {}

 private:
  static std::string_view scope_name(types::Scope scope) {
    constexpr std::array<std::string_view, 4> names{"sensor", "location", "site", "fleet"};
    return names[static_cast<std::size_t>(scope)];
  }

  JsonWriter& json_;
  const ExplainedSensor& sensor_;
  const types::SignalDeclaration& signal_;
};

void add_aging(JsonWriter& json, const ExplainedSensor& sensor, std::size_t a) {
  const types::SignalDeclaration& signal = *sensor.explanation.type->signal;
  const types::Aging& aging = signal.agings[a];
  json.member("every_seconds", seconds_of(aging.every));
  json.object("life_seconds", [&] {
    json.member("median", seconds_of(aging.life.median));
    json.member("min", seconds_of(aging.life.min));
    json.member("max", seconds_of(aging.life.max));
  });
  json.object("terms", [&] {
    for (const types::Wear& wear : aging.terms) json.member(signal.channels[wear.channel].name, wear.amount);
  });
  json.member("then", aging.then == types::Aging::Then::silent ? "silent" : "stuck");
  if (!sensor.intervals) return;
  const model::ServiceInterval& now = (*sensor.intervals)[a];
  json.object("now", [&] {
    json.member("begins", timestamp_text(now.begins));
    json.member("onset", timestamp_text(now.onset));
    json.member("fails_at", timestamp_text(now.fails_at));
    json.member("ends", timestamp_text(now.ends));
  });
}

}  // namespace

void add_agings(JsonWriter& json, const ExplainedSensor& sensor) {
  if (!sensor.explanation.profile.agings) return;
  json.object("aging", [&] {
    for (std::size_t a = 0; a < sensor.explanation.profile.agings->size(); ++a) {
      json.any_key(sensor.explanation.type->signal->agings[a].name);
      json.object([&] { add_aging(json, sensor, a); });
    }
  });
}

void add_declared_signal(JsonWriter& json, const ExplainedSensor& sensor) {
  const types::SensorType& type = *sensor.explanation.type;
  const types::SignalDeclaration& signal = *type.signal;
  json.object("channels", [&] {
    for (std::size_t c = 0; c < signal.channels.size(); ++c) {
      json.object(signal.channels[c].name, [&] {
        std::visit(
            ChannelMembers(json, signal, type.schema.channels()[c], sensor.explanation.numbers.channels[c]),
            signal.channels[c].kind);
      });
    }
  });
  json.object("sources", [&] {
    SourceMembers members(json, sensor, signal);
    for (const types::Source& source : signal.sources) {
      json.any_key(source.name);
      json.object([&] { members.add(source); });
    }
  });
}

}  // namespace fleet_sim::explain
