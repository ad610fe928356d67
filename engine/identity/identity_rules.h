// What an identity may hold: its keys, the member that each fills, and the limits of every value with the
// message for one that breaks them. The parser and the writer read the same tables, so a key exists for both
// or for neither. Pure; any thread. A problem is a returned text that begins with the name of the value;
// empty when all is well.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "identity/identity.h"
#include "identity/json_value.h"

namespace fleet_sim::identity {

inline constexpr std::size_t longest_text_bytes = 1'024;

inline constexpr std::array<std::string_view, 10> identity_keys{"id",
                                                                "type",
                                                                "location",
                                                                "manufacturer",
                                                                "model",
                                                                "firmware_version",
                                                                "readings_per_second",
                                                                "normal_parameters",
                                                                "interval",
                                                                "timezone"};
inline constexpr std::size_t id_key = 0;
inline constexpr std::size_t rate_key = 6;
inline constexpr std::size_t parameters_key = 7;
inline constexpr std::size_t interval_key = 8;  // another way to say the rate
inline constexpr std::size_t zone_key = 9;

// text_members[i] belongs to identity_keys[i].
inline constexpr std::array<std::string IdentityRecord::*, 6> text_members{
    &IdentityRecord::id,           &IdentityRecord::type,  &IdentityRecord::location,
    &IdentityRecord::manufacturer, &IdentityRecord::model, &IdentityRecord::firmware_version};

inline constexpr std::array<std::string_view, 4> parameter_keys{"mean", "std_dev", "min", "max"};
inline constexpr std::array<std::optional<double> ChannelOverride::*, 4> parameter_members{
    &ChannelOverride::mean, &ChannelOverride::std_dev, &ChannelOverride::min, &ChannelOverride::max};

// "normal_parameters.CHANNEL."
std::string parameter_path(std::string_view channel);

// Assigns the value that stands under identity_keys[key]. The parser has made sure that its text is UTF-8.
std::string set_field(IdentityRecord& record, std::size_t key, const JsonValue& value);

// Assigns the value that stands under parameter_keys[parameter] of a channel.
std::string set_parameter(IdentityRecord& record, std::string_view channel, std::size_t parameter,
                          const JsonValue& value);

// What is wrong with a value that stands where the object of a channel should.
std::string channel_problem(std::string_view channel, const JsonValue& value);

// What is wrong with the zone that a record names; `hint` says whether to look for the nearest name.
std::string zone_problem(const IdentityRecord& record, bool hint);

// What is wrong with an identity that has these of identity_keys, a bit for each.
std::string keys_problem(std::uint32_t keys);

// What is wrong between the parameters of a channel when all are read.
std::string bounds_problem(const IdentityRecord& record, std::string_view channel);

// For a text that comes from elsewhere than a file, such as the environment: what is wrong with it as the
// value of the key `name`, one of the six texts. Its bytes may be anything.
std::string text_problem(std::string_view name, std::string_view value);

}  // namespace fleet_sim::identity
