#include "identity/identity_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/nearest.h"
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
  bytes.allow(most_bytes_);
  depth_ = 0;
  top() = {};
  finished_ = false;
  nlohmann::json::sax_parse(JsonByteIterator(bytes), JsonByteIterator(), this);
}

bool IdentityEvents::start_object(std::size_t) {
  const JsonValue object{JsonValue::Kind::object, {}};
  switch (top().place) {
    case Place::document:
    case Place::list:
      return begin_identity();
    case Place::identity:
    case Place::group:
      if (known() != nullptr) return open_known(*known());
      break;
    case Place::parameters:
      if (top().key == unknown) break;
      channel_ = top().key;
      return open(Place::channel, KeyGroup::none, parameter_path(channels_[channel_]));
    case Place::channel:
      if (top().key != unknown) return value(object) && open_kept('{');
      break;
    default:
      break;
  }
  return open_kept('{');
}

// An object under a key of ours: a group, or a mistake, whose members no longer matter.
bool IdentityEvents::open_known(const IdentityKey& key) {
  const std::string path = path_of(key);
  if (key.object != KeyGroup::none) return open(Place::group, key.object, path + ".");
  if (key.field == Field::normal_parameters) return open(Place::parameters, KeyGroup::none, path + ".");
  if (key.field == Field::extras) return open(Place::extras);
  if (!key.lenient) return own_value(key, {JsonValue::Kind::object, {}}) && open_kept('{');
  kept_.key(key.name);
  return open_kept('{');
}

bool IdentityEvents::key(std::string& name) {
  switch (top().place) {
    case Place::identity:
    case Place::group:
      return group_key(name);
    case Place::parameters:
      return parameter_key(name, channels_);
    case Place::channel:
      return parameter_key(name, parameter_keys);
    default:
      return other_key(name);
  }
}

bool IdentityEvents::end_object() {
  bool proceed = true;
  switch (top().place) {
    case Place::identity:
      proceed = end_identity();
      break;
    case Place::group:
      if (top().group == KeyGroup::location) end_location();
      kept_.leave();
      break;
    case Place::channel:
      end_channel();
      kept_.leave();
      break;
    case Place::parameters:
      kept_.leave();
      break;
    case Place::kept:
      kept_.end('}');
      break;
    default:
      in_extras_ = false;
      break;
  }
  --depth_;
  return proceed;
}

bool IdentityEvents::start_array(std::size_t) {
  const JsonValue array{JsonValue::Kind::array, {}};
  switch (top().place) {
    case Place::document:
      empty_list_ = form_ == Form::document;
      return empty_list_ ? open(Place::list) : value(array);
    case Place::list:
      return value(array) && open_kept('[');
    case Place::identity:
    case Place::group:
      if (known() == nullptr) break;
      if (!known()->lenient) return own_value(*known(), array) && open_kept('[');
      kept_.key(known()->name);
      break;
    case Place::parameters:
    case Place::channel:
      if (top().key != unknown) return value(array) && open_kept('[');
      break;
    default:
      break;
  }
  return open_kept('[');
}

bool IdentityEvents::end_array() {
  if (empty_list_) lose("an empty array: write at least one identity, such as [{\"id\": \"SENSOR_001\"}]");
  if (top().place == Place::kept) kept_.end(']');
  --depth_;
  return true;
}

bool IdentityEvents::parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
  tell_mistakes();
  // What follows a finished object makes the whole text doubtful, the object included.
  if (finished_) findings_.identities.pop_back();
  lose(bytes_->used_up() ? fmt::format("an identity may be at most {} bytes long", most_bytes_)
                         : syntax_problem(error.what()));
  return false;
}

bool IdentityEvents::open(Place place, KeyGroup group, std::string path) {
  if (depth_ == deepest_nesting + (in_extras_ ? 1 : 0)) {
    lose(fmt::format("nested deeper than {} levels", deepest_nesting));
    return false;
  }
  const bool holds_our_keys = place == Place::group || place == Place::parameters || place == Place::channel;
  if (holds_our_keys) {
    const auto before = path.rfind('.', path.size() - 2);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    kept_.enter(std::string_view(path).substr(begin, path.size() - 1 - begin));
  }
  in_extras_ = in_extras_ || place == Place::extras;
  ++depth_;
  top() = {};
  top().place = place;
  top().group = group;
  top().path = std::move(path);
  return true;
}

// What stands there is kept, or left out with an identity that has a mistake.
bool IdentityEvents::open_kept(char bracket) {
  kept_.begin(bracket);
  return open(Place::kept);
}

const IdentityKey* IdentityEvents::known() {
  return top().key == unknown ? nullptr : &keys_of(top().group)[top().key];
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
      bytes_->allow(most_bytes_);
      lose("an array of identities must hold objects, not " + described(value));
      return true;
    case Place::identity:
    case Place::group:
      if (const IdentityKey* key = known()) return own_value(*key, value);
      break;
    case Place::parameters:
      if (top().key == unknown) break;
      mistake(channel_problem(channels_[top().key], value));
      return true;
    case Place::channel:
      if (top().key == unknown) break;
      parameter_line_ = bytes_->line();
      mistake(set_parameter(record_, channels_[channel_], top().key, value));
      return true;
    default:
      break;
  }
  kept_.value(value);
  return true;
}

// Whether null is a mistake there, and does not merely say nothing.
bool IdentityEvents::must_say_something(const IdentityKey& key) {
  const bool is_older = key.field < Field::serial_number || key.field == Field::readings_per_second ||
                        key.field == Field::normal_parameters;
  return top().place == Place::identity && is_older;
}

// A value under a key of ours.
bool IdentityEvents::own_value(const IdentityKey& key, const JsonValue& value) {
  if (value.is(JsonValue::Kind::null) && !must_say_something(key) && !key.lenient) return true;
  const bool is_candidate =
      key.field == Field::place || key.field == Field::area || key.field == Field::other_id;
  if (is_candidate && value.is(JsonValue::Kind::text)) {
    (key.field == Field::other_id ? ids_ : location_).push_back({top().key, std::string(value.text)});
  } else if (key.lenient) {
    kept_.key(key.name);
    kept_.value(value);
  } else if (key.field == Field::none) {
    mistake(object_problem(path_of(key), key.object, value));
  } else {
    assign(key, value);
  }
  return true;
}

void IdentityEvents::assign(const IdentityKey& key, const JsonValue& value) {
  const bool has_field = static_cast<std::size_t>(key.field) < keyed_fields;
  std::string path = path_of(key);
  if (!has_field) return mistake(text_value_problem(path, value));
  std::string& said = said_[static_cast<std::size_t>(key.field)];
  if (said == path) return;  // a key that appears twice
  if (!said.empty()) return mistake(confirm_field(record_, key.field, said, path, value));
  if (key.field == Field::timezone) zone_line_ = bytes_->line();
  if (key.field == Field::type) type_line_ = bytes_->line();
  std::string wrong = set_field(record_, key.field, path, value);
  if (wrong.empty()) said = std::move(path);
  mistake(std::move(wrong));
}

bool IdentityEvents::group_key(const std::string& name) {
  const std::span<const IdentityKey> keys = keys_of(top().group);
  const auto found = std::ranges::find(keys, name, &IdentityKey::name);
  if (found != keys.end()) {
    known_key(static_cast<std::size_t>(found - keys.begin()), name);
    return true;
  }
  if (is_new_unknown(name)) note_unknown(name, nearest_key(top().group, name));
  return other_key(name);
}

bool IdentityEvents::parameter_key(const std::string& name, std::span<const std::string_view> names) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) {
    known_key(static_cast<std::size_t>(found - names.begin()), name);
    return true;
  }
  if (is_new_unknown(name)) note_unknown(name, nearest_word(name, names));
  return other_key(name);
}

void IdentityEvents::known_key(std::size_t key, const std::string& name) {
  top().key = key;
  if (top().known_keys.test(key)) mistake(top().path + name + " appears twice: keep one");
  top().known_keys.set(key);
}

bool IdentityEvents::other_key(const std::string& name) {
  top().key = unknown;
  const bool is_new = top().other_keys.insert(name).second;
  if (!is_new) mistake("the key " + in_double_quotes(name) + " appears twice: keep one");
  kept_.key(name);
  return true;
}

// A fleet has the same few unknown keys again and again, and looking for what may be meant takes a while.
bool IdentityEvents::is_new_unknown(const std::string& name) {
  return unknown_.size() < IdentityFindings::most_unknown_keys &&
         unknown_.insert(top().path + short_name(name)).second;
}

// For the list of keys that we do not use, with the one that may be meant.
void IdentityEvents::note_unknown(const std::string& name, std::string_view nearest) {
  std::string path = top().path + short_name(name);
  if (!nearest.empty()) path += fmt::format(" (did you mean '{}{}'?)", top().path, nearest);
  findings_.add_unknown_key(path);
}

bool IdentityEvents::begin_identity() {
  empty_list_ = false;
  record_ = {};
  for (std::string& path : said_) path.clear();
  location_.clear();
  ids_.clear();
  kept_.clear();
  bad_ = in_extras_ = false;
  identity_line_ = bytes_->line();
  bytes_->allow(most_bytes_ - 1);  // its opening brace is read
  return open(Place::identity, KeyGroup::identity);
}

bool IdentityEvents::end_identity() {
  choose_id();
  if (!kept_.repeated().empty()) {
    mistake(fmt::format("the key {} is both in extras and beside it: keep one",
                        in_double_quotes(kept_.repeated())));
  }
  const auto is_said = [this](Field field) { return !said_[static_cast<std::size_t>(field)].empty(); };
  if (is_said(Field::readings_per_second) && is_said(Field::interval)) {
    mistake(fmt::format("{} and {} cannot be combined; give one of them", name_of(Field::readings_per_second),
                        name_of(Field::interval)),
            identity_line_);
  }
  // Names are many: no nearest one is looked for where its mistake would only be counted.
  const bool hint = findings_.mistakes.size() < IdentityFindings::most_mistakes;
  mistake(zone_problem(record_, hint), zone_line_);
  std::string of_type = type_problem(record_, types_, hint);
  if (of_type.empty()) mistake(parameters_problem(record_, types_), parameter_line_);
  mistake(std::move(of_type), type_line_ == 0 ? identity_line_ : type_line_);
  record_.details.extras = kept_.text();
  tell_mistakes();
  if (bad_) {
    ++findings_.invalid;
  } else {
    findings_.identities.push_back({std::move(record_), identity_line_});
  }
  bytes_->allow(most_bytes_);  // for what stands between two identities
  const bool in_list = depth_ > 1;
  finished_ = !in_list && !bad_;
  const bool drain = drain_ && in_list && findings_.identities.size() >= drained_at;
  return !drain || drain_(findings_);
}

void IdentityEvents::end_channel() {
  mistake(bounds_problem(record_, channels_[channel_]), parameter_line_);
}

// "site - zone"; what does not become part of the location is kept.
void IdentityEvents::end_location() {
  const std::span<const IdentityKey> keys = keys_of(KeyGroup::location);
  std::ranges::sort(location_, {}, &Candidate::key);
  const auto take = [&](Field field) {
    const auto found = std::ranges::find_if(location_, [&](const Candidate& part) {
      return keys[part.key].field == field && !part.text.empty();
    });
    if (found == location_.end()) return std::string();
    std::string text = std::move(found->text);
    location_.erase(found);
    return text;
  };
  const std::string place = take(Field::place);
  const std::string area = take(Field::area);
  const std::string location = place + (place.empty() || area.empty() ? "" : " - ") + area;
  for (const Candidate& part : location_) {
    kept_.key(keys[part.key].name);
    kept_.value({JsonValue::Kind::text, part.text});
  }
  if (location.empty()) return;
  std::string wrong = set_field(record_, Field::location, "location", {JsonValue::Kind::text, location});
  mistake(std::move(wrong));
}

// Another key's id where there is no better one; what does not become the id is kept.
void IdentityEvents::choose_id() {
  const std::span<const IdentityKey> keys = keys_of(KeyGroup::identity);
  std::string& said = said_[static_cast<std::size_t>(Field::id)];
  const bool was_tried = std::ranges::any_of(keys, [&](const IdentityKey& key) {
    return key.field == Field::id && top().known_keys.test(static_cast<std::size_t>(&key - keys.data()));
  });
  for (const Candidate& other : ids_) {
    const IdentityKey& key = keys[other.key];
    if (said.empty() && !was_tried) {
      mistake(set_field(record_, Field::id, key.name, {JsonValue::Kind::text, other.text}));
      said = key.name;
    } else if (other.text != record_.id) {
      kept_.key(key.name);
      kept_.value({JsonValue::Kind::text, other.text});
    }
  }
  if (said.empty() && !was_tried) complain_of_id();
}

void IdentityEvents::complain_of_id() {
  const auto near = std::ranges::find_if(top().other_keys, resembles_id);
  const std::string hint = near == top().other_keys.end()
                               ? std::string()
                               : fmt::format(" (did you mean 'id' by {}?)", in_double_quotes(*near));
  mistake("id is missing: every identity needs a unique one" + hint, identity_line_);
}

void IdentityEvents::mistake(std::string text, std::uint32_t line) {
  if (text.empty()) return;
  bad_ = true;
  if (mistakes_.size() < IdentityFindings::most_mistakes) {
    mistakes_.emplace_back(line, std::move(text));
  } else {
    ++further_mistakes_;
  }
}

void IdentityEvents::tell_mistakes() {
  const bool has_id = !said_[static_cast<std::size_t>(Field::id)].empty() && !record_.id.empty();
  const std::string whose = has_id ? fmt::format(" (sensor '{}')", short_name(record_.id)) : std::string();
  for (auto& [line, text] : mistakes_) findings_.add_mistake(line, text + whose);
  findings_.further_mistakes += further_mistakes_;
  mistakes_.clear();
  further_mistakes_ = 0;
}

void IdentityEvents::lose(std::string text) {
  ++findings_.invalid;
  findings_.add_mistake(bytes_->line(), std::move(text));
}

}  // namespace fleet_sim::identity
