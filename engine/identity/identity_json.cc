#include "identity/identity_json.h"

#include <optional>
#include <string_view>

#include "base/json_writer.h"
#include "base/text.h"
#include "identity/identity_rules.h"

namespace fleet_sim::identity {
namespace {

void write_number(JsonWriter& json, std::string_view name, const std::optional<double>& value) {
  if (value) json.member(name, *value);
}

void write_rate(JsonWriter& json, const std::optional<Rate>& rate) {
  if (!rate) return;
  if (const auto interval = rate->interval()) {
    json.member(identity_keys[interval_key], interval_text(*interval));
  } else {
    json.member(identity_keys[rate_key], rate->per_second());
  }
}

void write_channel(JsonWriter& json, std::string_view channel, const ChannelOverride& values) {
  json.object(channel, [&] {
    for (std::size_t i = 0; i < parameter_keys.size(); ++i) {
      write_number(json, parameter_keys[i], values.*parameter_members[i]);
    }
  });
}

void write_parameters(JsonWriter& json, const IdentityOverrides& overrides) {
  if (overrides.normal_parameters.empty()) return;
  json.object(identity_keys[parameters_key], [&] {
    for (const auto& [channel, values] : overrides.normal_parameters) write_channel(json, channel, values);
  });
}

void write_record(JsonWriter json, const IdentityRecord& record) {
  json.object([&] {
    for (std::size_t i = 0; i < text_members.size(); ++i) {
      json.member(identity_keys[i], record.*text_members[i]);
    }
    write_rate(json, record.overrides.rate);
    if (!record.overrides.time_zone.empty()) json.member(identity_keys[zone_key], record.overrides.time_zone);
    write_parameters(json, record.overrides);
  });
}

}  // namespace

void append_json_line(std::string& out, const IdentityRecord& record) {
  write_record(JsonWriter(out, JsonLayout::spaced), record);
}

void append_pretty_json(std::string& out, const IdentityRecord& record) {
  write_record(JsonWriter(out, JsonLayout::indented), record);
}

}  // namespace fleet_sim::identity
