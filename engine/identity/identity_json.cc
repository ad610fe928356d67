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
    json.member(name_of(Field::interval), interval_text(*interval));
  } else {
    json.member(name_of(Field::readings_per_second), rate->per_second());
  }
}

void write_text(JsonWriter& json, std::string_view name, const std::string& value) {
  if (!value.empty()) json.member(name, value);
}

void write_channel(JsonWriter& json, std::string_view channel, const ChannelOverride& values) {
  json.object(channel, [&] {
    for (std::size_t i = 0; i < parameter_keys.size(); ++i) {
      write_number(json, parameter_keys[i], values.*parameter_members[i]);
    }
  });
}

void write_channels(JsonWriter& json, const IdentityOverrides& overrides) {
  json.object([&] {
    for (const auto& [channel, values] : overrides.normal_parameters) write_channel(json, channel, values);
  });
}

void write_parameters(JsonWriter& json, const IdentityOverrides& overrides) {
  if (overrides.normal_parameters.empty()) return;
  json.key(name_of(Field::normal_parameters));
  write_channels(json, overrides);
}

// An identity, wherever its texts are kept.
struct Seen {
  std::string_view id;
  std::string_view type;
  std::string_view location;
  std::string_view manufacturer;
  std::string_view model;
  std::string_view firmware_version;
  const IdentityOverrides& overrides;
  const IdentityDetails& details;
};

Seen see(const IdentityRecord& record) {
  return {record.id,           record.type,   record.location,
          record.manufacturer, record.model,  record.firmware_version,
          record.overrides,    record.details};
}

Seen see(const Roster& roster, const Identity& identity) {
  return {identity.id,
          roster.text(identity.type),
          roster.text(identity.location),
          roster.text(identity.manufacturer),
          roster.text(identity.model),
          roster.text(identity.firmware_version),
          roster.overrides(identity),
          roster.details(identity)};
}

void write_record(JsonWriter json, const Seen& record) {
  json.object([&] {
    json.member(name_of(Field::id), record.id);
    json.member(name_of(Field::type), record.type);
    json.member(name_of(Field::location), record.location);
    json.member(name_of(Field::manufacturer), record.manufacturer);
    json.member(name_of(Field::model), record.model);
    json.member(name_of(Field::firmware_version), record.firmware_version);
    write_text(json, name_of(Field::serial_number), record.details.serial_number);
    write_text(json, name_of(Field::timezone), record.overrides.time_zone);
    write_number(json, name_of(Field::latitude), record.details.latitude);
    write_number(json, name_of(Field::longitude), record.details.longitude);
    write_rate(json, record.overrides.rate);
    write_parameters(json, record.overrides);
    if (record.details.extras.empty()) return;
    json.key(name_of(Field::extras));
    json.put(record.details.extras);
  });
}

}  // namespace

void append_json_line(std::string& out, const IdentityRecord& record) {
  write_record(JsonWriter(out, JsonLayout::spaced), see(record));
}

void append_json_line(std::string& out, const Roster& roster, const Identity& identity) {
  write_record(JsonWriter(out, JsonLayout::spaced), see(roster, identity));
}

void append_pretty_json(std::string& out, const IdentityRecord& record) {
  write_record(JsonWriter(out, JsonLayout::indented), see(record));
}

std::string parameters_json(const IdentityOverrides& overrides) {
  std::string text;
  if (overrides.normal_parameters.empty()) return text;
  JsonWriter json(text);
  write_channels(json, overrides);
  return text;
}

}  // namespace fleet_sim::identity
