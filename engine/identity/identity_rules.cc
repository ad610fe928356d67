#include "identity/identity_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/cadence.h"
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

std::string utf8_text_problem(std::string_view name, std::string_view text) {
  if (name == identity_keys[id_key] && text.empty()) return problem(name, "must not be empty");
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

std::string set_rate(IdentityRecord& record, const JsonValue& value) {
  const bool fits = value.is(Kind::number) && value.number >= lowest_rate && value.number <= highest_rate;
  if (!fits) {
    return fmt::format("{} must be a number above 0 (at least {}) and at most {}, not {}",
                       identity_keys[rate_key], lowest_rate, highest_rate, described(value));
  }
  record.overrides.rate = value.number;
  return {};
}

// A duration, or a number of seconds.
std::string set_interval(IdentityRecord& record, const JsonValue& value) {
  std::optional<double> seconds;
  if (value.is(Kind::number)) seconds = value.number;
  if (value.is(Kind::text)) seconds = read_duration(value.text);
  const auto interval = seconds ? interval_of(*seconds) : std::nullopt;
  if (!interval) {
    return fmt::format("{} must be a duration of whole microseconds such as \"60s\", up to {} days, not {}",
                       identity_keys[interval_key], longest_interval / microseconds_per_day,
                       described(value));
  }
  record.overrides.rate = Rate::every(*interval);
  return {};
}

}  // namespace

std::string parameter_path(std::string_view channel) {
  return fmt::format("normal_parameters.{}.", channel);
}

std::string set_field(IdentityRecord& record, std::size_t key, const JsonValue& value) {
  if (key < text_members.size()) return set_text(record.*text_members[key], identity_keys[key], value);
  if (key == rate_key) return set_rate(record, value);
  if (key == interval_key) return set_interval(record, value);
  if (key == zone_key) return set_text(record.overrides.time_zone, identity_keys[key], value);
  return fmt::format("{} must be an object such as {{\"{}\": {{\"mean\": 65}}}}, not {}",
                     identity_keys[parameters_key], types::temperature, described(value));
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
  return fmt::format("{} of {} must be an IANA name such as Europe/Berlin, not {}{}", identity_keys[zone_key],
                     in_double_quotes(record.id), in_double_quotes(name), hint ? zones::zone_hint(name) : "");
}

std::string keys_problem(std::uint32_t keys) {
  constexpr std::uint32_t both = 1u << rate_key | 1u << interval_key;
  if ((keys & both) != both) return {};
  return fmt::format("{} and {} cannot be combined; give one of them", identity_keys[rate_key],
                     identity_keys[interval_key]);
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
