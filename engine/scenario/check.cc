// What is wrong with an entry when all types are known.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "scenario/scenario.h"
#include "types/built_in_type.h"

namespace fleet_sim::scenario {
namespace {

struct Channels {
  std::vector<std::string_view> all;
  std::vector<std::string_view> gauges;
  std::vector<std::string_view> agings;
};

void add_channels(Channels& channels, const types::DeclaredType& type) {
  for (const types::SignalChannel& channel : type.signal.channels) {
    channels.all.push_back(channel.name);
    if (std::holds_alternative<types::Gauge>(channel.kind)) channels.gauges.push_back(channel.name);
  }
  for (const types::Aging& aging : type.signal.agings) channels.agings.push_back(aging.name);
}

// Of the types that `where` may be about: the one that it names, or all.
Channels channels_of(const Where& where, const types::DeclaredTypes& types) {
  Channels channels;
  const types::Schema& built_in = types::built_in_type().schema;
  const bool is_named = types.contains(where.type) || where.type == built_in.type();
  const auto may_be = [&](std::string_view name) { return !is_named || where.type == name; };
  for (const auto& [name, type] : types) {
    if (may_be(name)) add_channels(channels, type);
  }
  if (!types.contains(built_in.type()) && may_be(built_in.type())) {
    for (const std::string_view name : built_in.channel_names()) {
      channels.all.push_back(name);
      channels.gauges.push_back(name);
    }
  }
  return channels;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string unknown(std::string_view verb, std::string_view channel, const Channels& channels) {
  return fmt::format("{} names {}, which is no channel of these sensors{}", verb, in_quotes(channel),
                     did_you_mean(channel, channels.all));
}

std::string problem_of(const Add& add, const Channels& channels) {
  for (const auto& [channel, number] : add.channels) {
    if (!contains(channels.all, channel)) return unknown("add", channel, channels);
    if (!contains(channels.gauges, channel))
      return fmt::format("add names {}, which is no gauge; only gauges can be added to", in_quotes(channel));
  }
  return {};
}

std::string problem_of(const Fault& fault, const Channels& channels) {
  const bool is_known = fault.channel.empty() || contains(channels.all, fault.channel);
  return is_known ? "" : unknown("fault.channel", fault.channel, channels);
}

std::string problem_of(const Reset& reset, const Channels& channels) {
  for (const std::string& name : reset.what) {
    if (contains(channels.agings, name) || std::ranges::count(drawn_anomaly_type_names, name) > 0) continue;
    std::vector<std::string_view> known = channels.agings;
    known.insert(known.end(), drawn_anomaly_type_names.begin(), drawn_anomaly_type_names.end());
    return fmt::format("reset names {}, which is no type of anomaly, and no aging of these sensors{}",
                       in_quotes(name), did_you_mean(name, known));
  }
  return {};
}

template <class Other>
std::string problem_of(const Other&, const Channels&) {
  return {};
}

}  // namespace

std::string problem_of(const Entry& entry, const types::DeclaredTypes& types) {
  const Channels channels = channels_of(entry.where, types);
  return std::visit([&](const auto& verb) { return problem_of(verb, channels); }, entry.verb);
}

}  // namespace fleet_sim::scenario
