#include "explain/signal_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/plain_text.h"
#include "base/text.h"
#include "declare/fields.h"
#include "declare/week_hours.h"
#include "explain/shared_source.h"

namespace fleet_sim::explain {
namespace {

using ChannelNumbers = model::ChannelNumbers<model::Chain>;

// "2h30m", "16d": as a config has it.
std::string as_declared(Microseconds span) {
  constexpr std::array<std::pair<char, Microseconds>, 3> units{{{'d', microseconds_per_day},
                                                                {'h', 3'600 * microseconds_per_second},
                                                                {'m', 60 * microseconds_per_second}}};
  std::string text;
  for (const auto& [unit, length] : units) {
    if (span >= length) text += fmt::format("{}{}", span / length, unit);
    span %= length;
  }
  if (span > 0 || text.empty()) text += number(static_cast<double>(span) * 1e-6) + "s";
  return text;
}

std::vector<std::string> followed(std::vector<std::string> pieces, std::string last) {
  pieces.push_back(std::move(last));
  return pieces;
}

std::string in_unit(double value, std::string_view unit) {
  return unit.empty() ? number(value) : fmt::format("{} {}", number(value), unit);
}

// Its rows, label by label.
class ChannelRows {
 public:
  ChannelRows(Page& page, const types::SignalDeclaration& signal, const types::ChannelColumn& column,
              const ChannelNumbers& numbers)
      : page_(page), signal_(signal), column_(column), numbers_(numbers) {}

  void operator()(const types::Gauge& gauge) {
    const bool is_log = gauge.scale == types::Gauge::Scale::logarithmic;
    begin(is_log ? "gauge, a product: its scale is logarithmic" : "gauge, a sum");
    row("base", chain_pieces(numbers_.mean, column_.unit));
    row("white", chain_pieces(numbers_.deviation, is_log ? "of the logarithm" : column_.unit));
    for (std::size_t i = 0; i < gauge.terms.size(); ++i) {
      row("term", followed(chain_pieces(numbers_.gains[i]),
                           (is_log ? "to the power of " : "times ") + source_text(gauge.terms[i].source)));
    }
    add_limits("range", {numbers_.min.value(), numbers_.max.value()},
               chain_pieces(numbers_.min, column_.unit), chain_pieces(numbers_.max, column_.unit));
    add_limits("rails", gauge.rails, {in_unit(gauge.rails.low, column_.unit) + " (type)"},
               {in_unit(gauge.rails.high, column_.unit) + " (type)"});
    add_resolution(gauge.resolution);
  }

  void operator()(const types::Counter& counter) {
    begin("counter");
    std::vector<std::string> pieces;
    if (counter.base != 0 || counter.rate.empty()) pieces.push_back(number(counter.base));
    for (const types::Term& term : counter.rate)
      pieces.push_back(
          fmt::format("{}{} × {}", pieces.empty() ? "" : "+ ", number(term.gain), source_text(term.source)));
    pieces.push_back(fmt::format("{} per {} (type)", column_.unit, as_declared(counter.per)));
    if (column_.unit.empty()) pieces.back().erase(0, 1);
    row("rate", pieces);
    add_resolution(counter.resolution);
    row("since", {timestamp_text(counter.since).substr(0, 19) + "Z (type);",
                  "the sensor has counted something before"});
    if (counter.wrap > 0) row("wrap", {fmt::format("at {} (type)", in_unit(counter.wrap, column_.unit))});
  }

  void operator()(const types::State& state) {
    begin(fmt::format("state of {}", printable(signal_.sources[state.of].name)));
    for (std::size_t code = 0; code <= state.at.size(); ++code) {
      const std::string name = code < column_.states.size() ? printable(column_.states[code]) : "";
      row(fmt::format("{}", code),
          {name, code == 0 ? fmt::format("below {} (type)", number(state.at[0]))
                           : fmt::format("from {} (type)", number(state.at[code - 1]))});
    }
  }

  void operator()(const types::Product& product) {
    begin("product");
    std::string factors;
    for (const std::size_t channel : product.of)
      factors += (factors.empty() ? "" : " × ") + signal_.channels[channel].name;
    row("of", {factors + " (type)"});
    add_resolution(product.resolution);
  }

 private:
  void begin(const std::string& kind) {
    page_.row(column_.name,
              {column_.unit.empty() ? kind : fmt::format("{}, in {}", kind, printable(column_.unit))});
  }

  void row(std::string_view label, std::vector<std::string> pieces) {
    page_.row("", joined(fmt::format("{:<10}", label), std::move(pieces)));
  }

  // Either end may be open.
  void add_limits(std::string_view label, const types::Limits& limits, std::vector<std::string> low,
                  std::vector<std::string> high) {
    const bool has_low = std::isfinite(limits.low);
    const bool has_high = std::isfinite(limits.high);
    if (has_low && has_high) {
      row(label, followed(std::move(low), "to " + high[0]));
    } else if (has_low) {
      row(label, joined("at least", std::move(low)));
    } else if (has_high) {
      row(label, joined("at most", std::move(high)));
    }
  }

  void add_resolution(double resolution) {
    if (resolution > 0) row("resolution", {in_unit(resolution, column_.unit) + " (type)"});
  }

  // "run (load)"
  [[nodiscard]] std::string source_text(std::size_t place) const {
    const types::Source& source = signal_.sources[place];
    return fmt::format("{} ({})", source.name, declare::source_kinds[source.kind.index()]);
  }

  Page& page_;
  const types::SignalDeclaration& signal_;
  const types::ChannelColumn& column_;
  const ChannelNumbers& numbers_;
};

// "Mon 06:00-22:00; Tue 08:00-12:00" as "Mon 06:00-22:00;", "Tue 08:00-12:00;".
std::vector<std::string> parts_of(std::string_view hours) {
  std::vector<std::string> parts;
  for (std::size_t end = 0; !hours.empty(); hours.remove_prefix(std::min(hours.size(), end + 2))) {
    end = std::min(hours.find("; "), hours.size());
    parts.push_back(std::string(hours.substr(0, end)) + ";");
  }
  return parts;
}

class SourceRow {
 public:
  SourceRow(Page& page, const ExplainedSensor& sensor, const types::SignalDeclaration& signal)
      : page_(page), sensor_(sensor), signal_(signal) {}

  void add(const types::Source& source) {
    source_ = &source;
    std::visit(*this, source.kind);
  }

  void operator()(const types::Noise& noise) {
    row({fmt::format("noise of {} to {},", as_declared(noise.from), as_declared(noise.to)),
         fmt::format("roughness {};", number(noise.roughness)), owner_of(sensor_, *source_)});
  }

  void operator()(const types::Load& load) {
    std::vector<std::string> pieces{
        fmt::format("load, on for {} of the {}time,", percent(load.duty),
                    load.schedule.empty() ? "" : "scheduled "),
        fmt::format("burst {}{}", number(load.burst), load.schedule.empty() ? ';' : ',')};
    if (!load.schedule.empty()) {
      for (std::string& hours : parts_of(declare::week_hours_text(load.schedule)))
        pieces.push_back(std::move(hours));
      pieces.back().back() = ' ';
      pieces.back() += clock_name(sensor_) + ";";
    }
    pieces.push_back(owner_of(sensor_, *source_));
    row(pieces);
  }

  void operator()(const types::Lag& lag) {
    const types::Source& load = signal_.sources[lag.of];
    row({fmt::format("lag of {}, with the time constant {};", load.name, as_declared(lag.tau)),
         owner_of(sensor_, load)});
  }

  void operator()(const types::Cycle& cycle) {
    constexpr std::array<std::string_view, 3> shapes{"sine", "saw", "square"};
    row({fmt::format("cycle, a {} of {},", shapes[static_cast<std::size_t>(cycle.shape)],
                     as_declared(cycle.period)),
         fmt::format("highest {} {}", peak(cycle), clock_name(sensor_))});
  }

  void operator()(const types::White&) { row({"white, a new number for each reading"}); }

 private:
  // "at 15:00"
  static std::string peak(const types::Cycle& cycle) {
    constexpr Microseconds minute = 60 * microseconds_per_second;
    if (cycle.period == microseconds_per_day && cycle.peak % minute == 0) {
      const Microseconds of_day = cycle.peak % microseconds_per_day / minute;
      return fmt::format("at {:02}:{:02}", of_day / 60, of_day % 60);
    }
    return cycle.peak == 0 ? "at 1970-01-01 00:00" : as_declared(cycle.peak) + " after 1970-01-01 00:00";
  }

  void row(const std::vector<std::string>& pieces) { page_.row(source_->name, pieces); }

  Page& page_;
  const ExplainedSensor& sensor_;
  const types::SignalDeclaration& signal_;
  const types::Source* source_ = nullptr;
};

// "1.2 °C on bearing", or on a logarithmic scale "× 4.5 on vibration".
std::string wear_text(const types::Wear& wear, const types::SensorType& type) {
  const types::ChannelColumn& column = type.schema.channels()[wear.channel];
  const auto& gauge = std::get<types::Gauge>(type.signal->channels[wear.channel].kind);
  const bool is_log = gauge.scale == types::Gauge::Scale::logarithmic;
  return fmt::format("{} on {}",
                     is_log ? "× " + number(wear.amount) : in_unit(wear.amount, printable(column.unit)),
                     column.name);
}

// To the second.
std::string moment_text(Timestamp at) {
  return timestamp_text(at).substr(0, 19) + "Z";
}

void add_aging(Page& page, const ExplainedSensor& sensor, std::size_t a) {
  const types::SensorType& type = *sensor.explanation.type;
  const types::Aging& aging = type.signal->agings[a];
  const types::Life& life = aging.life;
  page.row(aging.name, {fmt::format("replaced every {};", as_declared(aging.every)),
                        life.min == life.max ? fmt::format("lasts {},", as_declared(life.median))
                                             : fmt::format("lasts {} ({} to {}),", as_declared(life.median),
                                                           as_declared(life.min), as_declared(life.max)),
                        aging.then == types::Aging::Then::silent ? "then silent" : "then stuck"});
  std::vector<std::string> wear;
  for (const types::Wear& one : aging.terms)
    wear.push_back(wear_text(one, type) + (&one == &aging.terms.back() ? "" : ","));
  page.row("", joined(fmt::format("{:<10}", "at failure"), std::move(wear)));
  if (!sensor.intervals) return page.row("", {"with --seed, this says when the sensor fails"});
  const model::ServiceInterval& now = (*sensor.intervals)[a];
  page.row("", {fmt::format("{:<10}", "now"),
                fmt::format("{} to {}:", moment_text(now.begins), moment_text(now.ends))});
  page.row("", {fmt::format("{:<10}", ""), fmt::format("wears from {},", moment_text(now.onset)),
                fmt::format("fails at {}", moment_text(now.fails_at))});
}

}  // namespace

void add_agings(Page& page, const ExplainedSensor& sensor) {
  if (!sensor.explanation.profile.agings) return;
  page.heading("aging");
  for (std::size_t a = 0; a < sensor.explanation.profile.agings->size(); ++a) add_aging(page, sensor, a);
}

void add_declared_signal(Page& page, const ExplainedSensor& sensor) {
  const types::SensorType& type = *sensor.explanation.type;
  const types::SignalDeclaration& signal = *type.signal;
  page.heading("channels");
  for (std::size_t c = 0; c < signal.channels.size(); ++c) {
    std::visit(ChannelRows(page, signal, type.schema.channels()[c], sensor.explanation.numbers.channels[c]),
               signal.channels[c].kind);
  }
  if (signal.sources.empty()) return;
  page.heading("sources");
  SourceRow row(page, sensor, signal);
  for (const types::Source& source : signal.sources) row.add(source);
  if (follows_clock(signal)) page.row("time zone", zone_pieces(sensor));
}

}  // namespace fleet_sim::explain
