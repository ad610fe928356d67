// Assembles identities from the events of nlohmann's parser. Knows where in the text an event happens and
// what is allowed there; identity_rules.h says what a value may be. Remembers one level per open bracket, at
// most `deepest_nesting`, and one identity. One thread; borrows the types and the findings it fills. Mistakes
// become findings; a handler that returns false stops the parser at once.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "identity/identity_keys.h"
#include "identity/identity_parser.h"
#include "identity/json_value.h"
#include "identity/kept_json.h"
#include "types/catalog.h"

namespace fleet_sim::identity {

class IdentityEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  enum class Form { document, line };  // an object or an array of them, or one object only

  // An object may be `most_bytes` long.
  IdentityEvents(Form form, const types::Catalog& types, IdentityFindings& findings, DrainFindings drain = {},
                 std::size_t most_bytes = largest_identity_bytes)
      : form_(form),
        most_bytes_(most_bytes),
        types_(types),
        channels_(types.channel_names()),
        findings_(findings),
        drain_(std::move(drain)) {}

  // May be called for one text after another.
  void parse(JsonBytes& bytes);

  bool null() override { return value({JsonValue::Kind::null, "null"}); }
  bool boolean(bool yes) override { return value({JsonValue::Kind::boolean, yes ? "true" : "false"}); }
  bool number_integer(std::int64_t number) override { return whole_number(number); }
  bool number_unsigned(std::uint64_t number) override { return whole_number(number); }
  bool number_float(double number, const std::string& text) override {
    return value({JsonValue::Kind::number, text, number});
  }
  bool string(std::string& text) override { return value({JsonValue::Kind::text, text}); }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // not in JSON text
  bool start_object(std::size_t) override;
  bool key(std::string& name) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override;

 private:
  // A group is an object with keys of ours inside an identity; what is kept may hold anything.
  enum class Place { document, list, identity, group, parameters, channel, extras, kept };
  static constexpr std::size_t unknown = SIZE_MAX;

  // Channels of all types, the built-in one among them, are more than an identity has keys.
  static constexpr std::size_t most_known_keys = (types::most_types + 1) * types::most_channels;

  struct Level {
    Place place = Place::document;
    KeyGroup group = KeyGroup::none;
    std::string path;                         // of its keys: "location."
    std::size_t key = unknown;                // of the value that comes next
    std::bitset<most_known_keys> known_keys;  // those seen
    std::set<std::string> other_keys;         // seen
  };

  // A text that may be part of a location, or an id.
  struct Candidate {
    std::size_t key;  // of its group
    std::string text;
  };

  Level& top() { return levels_[depth_]; }
  bool open(Place place, KeyGroup group = KeyGroup::none, std::string path = {});
  bool open_known(const IdentityKey& key);
  bool open_kept(char bracket);
  bool must_say_something(const IdentityKey& key);
  [[nodiscard]] const IdentityKey* known();
  [[nodiscard]] std::string path_of(const IdentityKey& key) { return top().path + std::string(key.name); }

  template <class Number>
  bool whole_number(Number number) {
    const std::string text = std::to_string(number);
    return value({JsonValue::Kind::number, text, static_cast<double>(number)});
  }
  bool value(const JsonValue& value);

  bool own_value(const IdentityKey& key, const JsonValue& value);
  void assign(const IdentityKey& key, const JsonValue& value);

  bool group_key(const std::string& name);
  bool parameter_key(const std::string& name, std::span<const std::string_view> names);
  void known_key(std::size_t key, const std::string& name);
  bool other_key(const std::string& name);
  bool is_new_unknown(const std::string& name);
  void note_unknown(const std::string& name, std::string_view nearest);

  bool begin_identity();
  bool end_identity();
  void end_channel();
  void end_location();
  void choose_id();
  void complain_of_id();

  // Something is wrong with the identity being read, which is left out. An empty text is not a mistake.
  // Mistakes are reported once its id is known.
  void mistake(std::string text, std::uint32_t line);
  void mistake(std::string text) { mistake(std::move(text), bytes_->line()); }
  void tell_mistakes();

  // Something is wrong with what stands where an identity should, or with the rest of the text.
  void lose(std::string text);

  const Form form_;
  const std::size_t most_bytes_;
  const types::Catalog& types_;
  const std::vector<std::string_view> channels_;  // that normal_parameters may name
  IdentityFindings& findings_;
  const DrainFindings drain_;
  JsonBytes* bytes_ = nullptr;

  std::size_t depth_ = 0;
  std::array<Level, deepest_nesting + 2> levels_;  // [0] is the document itself, extras add one
  bool empty_list_ = false;                        // nothing has been seen in the list yet

  IdentityRecord record_;
  std::array<std::string, keyed_fields> said_;  // the path of the key that gave each field its value
  std::vector<Candidate> location_, ids_;       // parts of its location, and what may be its id
  KeptJson kept_;                               // all else
  bool in_extras_ = false;
  bool bad_ = false;                                             // the record being read has a mistake …
  std::vector<std::pair<std::uint32_t, std::string>> mistakes_;  // … or several: their lines
  std::size_t further_mistakes_ = 0;
  std::set<std::string, std::less<>> unknown_;  // keys that have been noted
  bool finished_ = false;                       // a single record is complete: only white space may follow
  std::uint32_t identity_line_ = 0;             // of the record's opening brace
  std::size_t channel_ = 0;                     // whose parameters are being read
  std::uint32_t parameter_line_ = 0;            // of the parameter read last
  std::uint32_t zone_line_ = 0;                 // of the record's time zone
  std::uint32_t type_line_ = 0;                 // of the record's type
};

}  // namespace fleet_sim::identity
