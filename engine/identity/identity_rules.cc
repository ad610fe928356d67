#include "identity/identity_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/cadence.h"
#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "zones/zone_data.h"

namespace fleet_sim::identity {
namespace {

using Kind = JsonValue::Kind;

std::string problem(std::string_view name, std::string_view what) {
  return fmt::format("{} {}", name, what);
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_id(std::string_view name) {
  return name.ends_with("id") || name.ends_with("Id");
}

std::string utf8_text_problem(std::string_view name, std::string_view text) {
  if (is_id(name) && text.empty()) return problem(name, "must not be empty");
  if (text.size() > longest_text_bytes) {
    return fmt::format("{} is {} bytes long: at most {}", name, text.size(), longest_text_bytes);
  }
  if (std::ranges::any_of(text, is_control)) return problem(name, "contains a control character: remove it");
  return {};
}

std::string set_text(std::string& text, std::string_view name, const JsonValue& value) {
  if (!value.is(Kind::text)) {
    const std::string remedy = value.is(Kind::number) ? ": write " + in_double_quotes(value.text) : "";
    return fmt::format("{} must be text in quotes, not {}{}", name, described(value), remedy);
  }
  std::string wrong = utf8_text_problem(name, value.text);
  if (wrong.empty()) text = value.text;
  return wrong;
}

std::string set_rate(IdentityRecord& record, std::string_view name, const JsonValue& value) {
  const bool fits = value.is(Kind::number) && value.number >= lowest_rate && value.number <= highest_rate;
  if (!fits) {
    return fmt::format("{} must be a number above 0 (at least {}) and at most {}, not {}", name, lowest_rate,
                       highest_rate, described(value));
  }
  record.overrides.rate = value.number;
  return {};
}

// A duration, or a number of seconds.
std::string set_interval(IdentityRecord& record, std::string_view name, const JsonValue& value) {
  std::optional<double> seconds;
  if (value.is(Kind::number)) seconds = value.number;
  if (value.is(Kind::text)) seconds = read_duration(value.text);
  const auto interval = seconds ? interval_of(*seconds) : std::nullopt;
  if (!interval) {
    return fmt::format("{} must be a duration of whole microseconds such as \"60s\", up to {} days, not {}",
                       name, longest_interval / microseconds_per_day, described(value));
  }
  record.overrides.rate = Rate::every(*interval);
  return {};
}

std::optional<double>& degrees_of(IdentityRecord& record, Field field) {
  return field == Field::latitude ? record.details.latitude : record.details.longitude;
}

std::string set_degrees(IdentityRecord& record, Field field, std::string_view name, const JsonValue& value) {
  const double most = field == Field::latitude ? 90 : 180;
  const bool fits = value.is(Kind::number) && std::fabs(value.number) <= most;
  if (!fits) {
    return fmt::format("{} must be a number of degrees from {} to {}, not {}", name, -most, most,
                       described(value));
  }
  degrees_of(record, field) = value.number;
  return {};
}

// For a message.
std::string shown(IdentityRecord& record, Field field) {
  return static_cast<std::size_t>(field) < text_fields ? in_double_quotes(text_of(record, field))
                                                       : fmt::format("{}", *degrees_of(record, field));
}

}  // namespace

std::string parameter_path(std::string_view channel) {
  return fmt::format("normal_parameters.{}.", channel);
}

std::string& text_of(IdentityRecord& record, Field field) {
  switch (field) {
    case Field::type:
      return record.type;
    case Field::location:
      return record.location;
    case Field::manufacturer:
      return record.manufacturer;
    case Field::model:
      return record.model;
    case Field::firmware_version:
      return record.firmware_version;
    case Field::serial_number:
      return record.details.serial_number;
    case Field::timezone:
      return record.overrides.time_zone;
    default:
      return record.id;
  }
}

std::optional<Field> text_field(std::string_view key) {
  const std::span<const IdentityKey> keys = keys_of(KeyGroup::identity);
  const auto found = std::ranges::find(keys, key, &IdentityKey::name);
  const bool is_text = found != keys.end() && static_cast<std::size_t>(found->field) < text_fields;
  return is_text ? std::optional(found->field) : std::nullopt;
}

std::string set_field(IdentityRecord& record, Field field, std::string_view path, const JsonValue& value) {
  if (static_cast<std::size_t>(field) < text_fields) return set_text(text_of(record, field), path, value);
  switch (field) {
    case Field::latitude:
    case Field::longitude:
      return set_degrees(record, field, path, value);
    case Field::readings_per_second:
      return set_rate(record, path, value);
    case Field::interval:
      return set_interval(record, path, value);
    case Field::normal_parameters:
      return fmt::format("{} must be an object such as {{\"{}\": {{\"mean\": 65}}}}, not {}", path,
                         types::temperature, described(value));
    default:
      return fmt::format("{} must be an object of values to keep, not {}", path, described(value));
  }
}

std::string confirm_field(const IdentityRecord& record, Field field, std::string_view earlier,
                          std::string_view path, const JsonValue& value) {
  IdentityRecord known = record;
  IdentityRecord other;
  std::string wrong = set_field(other, field, path, value);
  const bool equal = static_cast<std::size_t>(field) < text_fields
                         ? text_of(known, field) == text_of(other, field)
                         : degrees_of(known, field) == degrees_of(other, field);
  if (!wrong.empty() || equal) return wrong;
  return fmt::format("{} {} and {} {} differ: keep one", earlier, shown(known, field), path,
                     shown(other, field));
}

std::string text_value_problem(std::string_view path, const JsonValue& value) {
  std::string text;
  return set_text(text, path, value);
}

std::string object_problem(std::string_view path, KeyGroup group, const JsonValue& value) {
  const std::string_view example = group == KeyGroup::coordinates
                                       ? R"({"latitude": 48.14, "longitude": 11.58})"
                                       : R"({"model": "TempVibe-2000", "firmware_version": "1.3"})";
  return fmt::format("{} must be an object such as {}, not {}", path, example, described(value));
}

std::string set_parameter(IdentityRecord& record, std::string_view channel, std::size_t parameter,
                          const JsonValue& value) {
  const auto wrong = [&](const std::string& must) {
    return fmt::format("{}{} must be {}, not {}", parameter_path(channel), parameter_keys[parameter], must,
                       described(value));
  };
  const auto member = parameter_members[parameter];
  if (!value.is(Kind::number) || !std::isfinite(value.number)) return wrong("a number");
  if (std::fabs(value.number) > largest_parameter) {
    return wrong(fmt::format("from {:.0f} to {:.0f}", -largest_parameter, largest_parameter));
  }
  if (member == &ChannelOverride::std_dev && value.number < 0) return wrong("0 or more");
  record.overrides.normal_parameters[std::string(channel)].*member = value.number;
  return {};
}

std::string channel_problem(std::string_view channel, const JsonValue& value) {
  return "normal_parameters." +
         problem(channel,
                 "must be an object such as {\"mean\": 65, \"std_dev\": 2}, not " + described(value));
}

std::string zone_problem(const IdentityRecord& record, bool hint) {
  const std::string& name = record.overrides.time_zone;
  if (name.empty() || zones::find_zone(name)) return {};
  return fmt::format("{} must be an IANA name such as Europe/Berlin, not {}{}", name_of(Field::timezone),
                     in_double_quotes(name), hint ? zones::zone_hint(name) : "");
}

std::string type_problem(const IdentityRecord& record, const types::Catalog& types, bool hint) {
  if (types.find(record.type) != nullptr) return {};
  return fmt::format(
      "{} {} is not declared{}; declare it under `types:` in a config (--config), or remove the key",
      name_of(Field::type), in_double_quotes(record.type),
      hint ? did_you_mean(record.type, types.names()) : "");
}

namespace {

bool is_logarithmic(const types::SensorType& type, std::size_t channel) {
  if (!type.signal) return false;
  const auto* gauge = std::get_if<types::Gauge>(&type.signal->channels[channel].kind);
  return gauge != nullptr && gauge->scale == types::Gauge::Scale::logarithmic;
}

}  // namespace

std::string parameters_problem(const IdentityRecord& record, const types::Catalog& types) {
  const types::SensorType& type = types[record.type];
  for (const auto& [channel, numbers] : record.overrides.normal_parameters) {
    const auto place = type.schema.find_channel(channel);
    const std::string path = parameter_path(channel).substr(0, parameter_path(channel).size() - 1);
    if (!place)
      return fmt::format("{} is for a channel that sensors of type {} do not have; they have {}", path,
                         in_double_quotes(record.type), listed(type.schema.channels()));
    if (!type.has_normal_parameters(*place))
      return fmt::format("{} is for a channel that has none: it is no gauge", path);
    if (numbers.mean && *numbers.mean <= 0 && is_logarithmic(type, *place))
      return fmt::format("{}.mean must be above 0, as the channel has scale: log", path);
  }
  return {};
}

std::string bounds_problem(const IdentityRecord& record, std::string_view channel) {
  const ChannelOverride& parameters = record.overrides.channel(channel);
  if (!parameters.min || !parameters.max) return {};  // judged once the config's are filled in
  const std::string wrong =
      types::problem_of({parameters.mean.value_or(*parameters.min), 0, *parameters.min, *parameters.max});
  return wrong.empty() ? wrong : parameter_path(channel) + wrong;
}

std::string text_problem(std::string_view name, std::string_view value) {
  std::string wrong = utf8_text_problem(name, value);
  if (wrong.empty() && !is_utf8(value)) wrong = problem(name, "contains bytes that are not UTF-8");
  return wrong;
}

}  // namespace fleet_sim::identity
