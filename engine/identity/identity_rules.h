// What the fields of an identity may hold: the member that each fills, and the limits of every value with the
// message for one that breaks them. The parser and the writer read the same tables, so a field exists for
// both or for neither. Pure; any thread. A problem is a returned text that begins with the name of the value;
// empty when all is well.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "identity/identity.h"
#include "identity/identity_keys.h"
#include "identity/json_value.h"
#include "types/catalog.h"

namespace fleet_sim::identity {

inline constexpr std::size_t longest_text_bytes = 1'024;

inline constexpr std::array<std::string_view, 4> parameter_keys{"mean", "std_dev", "min", "max"};
inline constexpr std::array<std::optional<double> ChannelOverride::*, 4> parameter_members{
    &ChannelOverride::mean, &ChannelOverride::std_dev, &ChannelOverride::min, &ChannelOverride::max};

// "normal_parameters.CHANNEL."
std::string parameter_path(std::string_view channel);

// The value of a text field, and the text field that a key of a flat identity fills.
std::string& text_of(IdentityRecord& record, Field field);

std::optional<Field> text_field(std::string_view key);

// Assigns the value that stands under `path` to a field with a key of its own, or says why not. The parser
// has made sure that its text is UTF-8.
std::string set_field(IdentityRecord& record, Field field, std::string_view path, const JsonValue& value);

// The same if `earlier` gave the field its value already: what is wrong, unless both are equal.
std::string confirm_field(const IdentityRecord& record, Field field, std::string_view earlier,
                          std::string_view path, const JsonValue& value);

// What is wrong with a value that should be a text.
std::string text_value_problem(std::string_view path, const JsonValue& value);

// What is wrong with a value that stands where an object with keys of ours should.
std::string object_problem(std::string_view path, KeyGroup group, const JsonValue& value);

// Assigns the value that stands under parameter_keys[parameter] of a channel.
std::string set_parameter(IdentityRecord& record, std::string_view channel, std::size_t parameter,
                          const JsonValue& value);

// What is wrong with a value that stands where the object of a channel should.
std::string channel_problem(std::string_view channel, const JsonValue& value);

// What is wrong with the zone that a record names; `hint` says whether to look for the nearest name.
std::string zone_problem(const IdentityRecord& record, bool hint);

// What is wrong with the type that the record is of; `hint` as above.
std::string type_problem(const IdentityRecord& record, const types::Catalog& types, bool hint);

// What is wrong with parameters of channels that the record's type, which there is, has not, or that have no
// such parameters.
std::string parameters_problem(const IdentityRecord& record, const types::Catalog& types);

// What is wrong between the parameters of a channel when all are read.
std::string bounds_problem(const IdentityRecord& record, std::string_view channel);

// For a text that comes from elsewhere than a file, such as the environment: what is wrong with it as the
// value of the key `name`, one of the texts. Its bytes may be anything.
std::string text_problem(std::string_view name, std::string_view value);

}  // namespace fleet_sim::identity
