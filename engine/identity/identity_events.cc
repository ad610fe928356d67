#include "identity/identity_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/plain_text.h"
#include "files/encoding.h"
#include "identity/identity_rules.h"

namespace fleet_sim::identity {
namespace {

constexpr std::size_t drained_at = 1'024;  // identities, about 500 kB

// Without the parser's own prefix, whose positions count from the start of a slice.
std::string syntax_problem(std::string_view what) {
  const auto quote = what.find("; last read: ");
  if (what.substr(0, quote).find("UTF-8") != std::string_view::npos) {
    const std::string_view read = what.substr(std::min(quote, what.size()));
    const auto flaw = find_text_flaw(read);
    return files::not_utf8(flaw && !flaw->is_utf8 ? read[flaw->offset] : '\0');
  }
  const auto column = what.find(", column ");
  const auto prefix = column == std::string_view::npos ? what.find("] ") : what.find(": ", column);
  if (prefix != std::string_view::npos) what.remove_prefix(prefix + 2);
  return "not valid JSON: " + printable(what, 200);
}

}  // namespace

void IdentityEvents::parse(JsonBytes& bytes) {
  bytes_ = &bytes;
  bytes.allow(largest_identity_bytes);
  depth_ = 0;
  top() = {};
  finished_ = false;
  nlohmann::json::sax_parse(JsonByteIterator(bytes), JsonByteIterator(), this);
}

bool IdentityEvents::start_object(std::size_t) {
  switch (top().place) {
    case Place::document:
    case Place::list:
      return begin_identity();
    case Place::identity:
      if (top().key == parameters_key) return open(Place::parameters);
      break;
    case Place::parameters:
      if (top().key == unknown) break;
      channel_ = top().key;
      return open(Place::channel);
    default:
      break;
  }
  return value({JsonValue::Kind::object, {}}) && open(Place::ignored);
}

bool IdentityEvents::key(std::string& name) {
  switch (top().place) {
    case Place::identity:
      return known_key(name, identity_keys, "");
    case Place::parameters:
      return known_key(name, channels_, "normal_parameters.");
    case Place::channel:
      return known_key(name, parameter_keys, parameter_path(channels_[channel_]));
    default:
      return other_key(name);
  }
}

bool IdentityEvents::end_object() {
  const Place place = top().place;
  if (place == Place::channel) end_channel();
  const bool proceed = place != Place::identity || end_identity();
  --depth_;
  return proceed;
}

bool IdentityEvents::start_array(std::size_t) {
  empty_list_ = top().place == Place::document && form_ == Form::document;
  if (empty_list_) return open(Place::list);
  return value({JsonValue::Kind::array, {}}) && open(Place::ignored);
}

bool IdentityEvents::end_array() {
  if (empty_list_) lose("an empty array: write at least one identity, such as [{\"id\": \"SENSOR_001\"}]");
  --depth_;
  return true;
}

bool IdentityEvents::parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
  // What follows a finished object makes the whole text doubtful, the object included.
  if (finished_) findings_.identities.pop_back();
  lose(bytes_->used_up() ? fmt::format("an identity may be at most {} bytes long", largest_identity_bytes)
                         : syntax_problem(error.what()));
  return false;
}

bool IdentityEvents::open(Place place) {
  if (depth_ == deepest_nesting) {
    lose(fmt::format("nested deeper than {} levels", deepest_nesting));
    return false;
  }
  ++depth_;
  top() = {};
  top().place = place;
  return true;
}

bool IdentityEvents::value(const JsonValue& value) {
  switch (top().place) {
    case Place::document:
      lose((form_ == Form::line ? "a line must hold one object such as {\"id\": \"SENSOR_001\"}, not "
                                : "must hold one identity in {} or an array of them, not ") +
           described(value));
      return false;
    case Place::list:
      empty_list_ = false;
      bytes_->allow(largest_identity_bytes);
      lose("an array of identities must hold objects, not " + described(value));
      break;
    case Place::identity:
      if (top().key == zone_key) zone_line_ = bytes_->line();
      if (top().key != unknown) mistake(set_field(record_, top().key, value));
      break;
    case Place::parameters:
      if (top().key != unknown) mistake(channel_problem(channels_[top().key], value));
      break;
    case Place::channel:
      if (top().key == unknown) break;
      parameter_line_ = bytes_->line();
      mistake(set_parameter(record_, channels_[channel_], top().key, value));
      break;
    case Place::ignored:
      break;
  }
  return true;
}

bool IdentityEvents::known_key(const std::string& name, std::span<const std::string_view> names,
                               const std::string& path) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    findings_.add_unknown_key(path + short_name(name));
    return other_key(name);
  }
  top().key = static_cast<std::size_t>(found - names.begin());
  const std::uint32_t bit = 1u << top().key;
  if ((top().known_keys & bit) != 0) mistake(path + name + " appears twice: keep one");
  top().known_keys |= bit;
  return true;
}

bool IdentityEvents::other_key(const std::string& name) {
  top().key = unknown;
  const bool is_new = top().other_keys.insert(name).second;
  if (!is_new) mistake("the key " + in_double_quotes(name) + " appears twice: keep one");
  return true;
}

bool IdentityEvents::begin_identity() {
  empty_list_ = false;
  record_ = {};
  bad_ = false;
  identity_line_ = bytes_->line();
  bytes_->allow(largest_identity_bytes - 1);  // its opening brace is read
  return open(Place::identity);
}

bool IdentityEvents::end_identity() {
  const bool has_id = (top().known_keys & 1u << id_key) != 0;
  if (!has_id) mistake("id is missing: every identity needs a unique text", identity_line_);
  mistake(keys_problem(top().known_keys), identity_line_);
  // Names are many: no nearest one is looked for where its mistake would only be counted.
  mistake(zone_problem(record_, findings_.mistakes.size() < IdentityFindings::most_mistakes), zone_line_);
  if (bad_) {
    ++findings_.invalid;
  } else {
    findings_.identities.push_back({std::move(record_), identity_line_});
  }
  bytes_->allow(largest_identity_bytes);  // for what stands between two identities
  const bool in_list = depth_ > 1;
  finished_ = !in_list && !bad_;
  const bool drain = drain_ && in_list && findings_.identities.size() >= drained_at;
  return !drain || drain_(findings_);
}

void IdentityEvents::end_channel() {
  mistake(bounds_problem(record_, channels_[channel_]), parameter_line_);
}

void IdentityEvents::mistake(std::string text, std::uint32_t line) {
  if (text.empty()) return;
  bad_ = true;
  findings_.add_mistake(line, std::move(text));
}

void IdentityEvents::lose(std::string text) {
  ++findings_.invalid;
  findings_.add_mistake(bytes_->line(), std::move(text));
}

}  // namespace fleet_sim::identity
