#include "identity/json_value.h"

#include "base/json_writer.h"
#include "base/plain_text.h"

namespace fleet_sim::identity {
namespace {

constexpr std::size_t longest_name = 80;
constexpr std::size_t longest_quoted = 40;

}  // namespace

std::string described(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::null:
      return "null";
    case JsonValue::Kind::boolean:
      return std::string(value.text);
    case JsonValue::Kind::number:
      return "the number " + printable(value.text, longest_quoted);
    case JsonValue::Kind::text:
      return "the text " + in_double_quotes(value.text);
    case JsonValue::Kind::object:
      return "an object";
    case JsonValue::Kind::array:
      return "an array";
  }
  return {};
}

std::string short_name(std::string_view text) {
  return printable(text, longest_name);
}

std::string in_double_quotes(std::string_view text) {
  std::string out;
  append_json_text(out, printable(text, longest_quoted));
  return out;
}

}  // namespace fleet_sim::identity
