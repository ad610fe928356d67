#include "identity/identity_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

#include "identity/load_identities.h"

namespace fleet_sim {

namespace {

// ---- the bytes ----

// A text that arrives in pieces, read once, with the line of the byte read last. It ends early when an
// allowance is used up: the parser collects a text before anyone can look at its length, so the length is
// bounded here.
class Bytes {
 public:
  Bytes(const NextBytes& next, std::size_t allowance) : next_(&next) { allow(allowance); }
  Bytes(std::string_view text, std::uint32_t line) : line_(line), piece_end_(text.data() + text.size()) {
    position_ = text.data();
    allow(text.size());
  }

  // From here on at most this many bytes, until the next call.
  void allow(std::size_t bytes) {
    allowance_ = bytes;
    set_stop();
  }

  bool at_end() { return position_ == stop_ && !refill(); }
  [[nodiscard]] char peek() const { return *position_; }

  // A line break still belongs to the line it ends: the parser looks one byte past a number.
  void advance() {
    line_ += after_line_break_ ? 1u : 0u;
    after_line_break_ = *position_++ == '\n';
  }

  [[nodiscard]] std::uint32_t line() const { return line_; }
  [[nodiscard]] bool used_up() const { return used_up_; }

 private:
  void set_stop() {
    mark_ = position_;
    stop_ = position_ + std::min(allowance_, static_cast<std::size_t>(piece_end_ - position_));
  }

  bool refill() {
    allowance_ -= static_cast<std::size_t>(position_ - mark_);
    if (position_ == piece_end_) {
      const std::string_view piece = next_ != nullptr ? (*next_)() : std::string_view();
      if (piece.empty()) return false;
      position_ = piece.data();
      piece_end_ = position_ + piece.size();
    }
    set_stop();
    used_up_ = allowance_ == 0;
    return !used_up_;
  }

  const NextBytes* next_ = nullptr;
  std::uint32_t line_ = 1;
  bool after_line_break_ = false;
  bool used_up_ = false;
  std::size_t allowance_ = 0;
  const char* position_ = nullptr;
  const char* stop_ = nullptr;  // end of the piece or of the allowance, whichever comes first
  const char* mark_ = nullptr;  // where the allowance was last counted
  const char* piece_end_ = nullptr;
};

// What the parser reads through. All copies share one position.
class ByteIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  ByteIterator() = default;
  explicit ByteIterator(Bytes& bytes) : bytes_(&bytes) {}

  char operator*() const { return bytes_->peek(); }
  ByteIterator& operator++() {
    bytes_->advance();
    return *this;
  }
  ByteIterator operator++(int) { return ++*this; }
  bool operator==(const ByteIterator& end) const { return end.bytes_ == nullptr && bytes_->at_end(); }

 private:
  Bytes* bytes_ = nullptr;
};

// ---- the words of messages ----

constexpr double most_readings_per_second = 1'000'000;

std::string json_text(std::string_view text);

std::string in_quotes(std::string_view text) {
  return json_text(printable(text, 40));
}

// A value as the parser found it.
struct Value {
  enum class Kind { null, boolean, number, text, object, array };

  Kind kind = Kind::null;
  std::string_view text;  // of a number, text or boolean, as written
  double number = 0;

  [[nodiscard]] std::string described() const {
    switch (kind) {
      case Kind::null:
        return "null";
      case Kind::boolean:
        return std::string(text);
      case Kind::number:
        return "the number " + printable(text, 40);
      case Kind::text:
        return "the text " + in_quotes(text);
      case Kind::object:
        return "an object";
      case Kind::array:
        return "an array";
    }
    return {};
  }
};

// Drops the parser's own prefix with its positions, which count from the start of a slice, and shortens what
// it quotes from the file.
std::string syntax_mistake(std::string_view what) {
  if (what.find("UTF-8") != std::string_view::npos)
    return "holds bytes that are not UTF-8: save the file as UTF-8";
  const auto column = what.find(", column ");
  const auto start = column == std::string_view::npos ? what.find("] ") : what.find(": ", column);
  if (start != std::string_view::npos) what.remove_prefix(start + 2);
  constexpr std::string_view quote = "; last read: '";
  const auto last_read = what.find(quote);
  std::string_view read;
  std::string_view expected;
  if (last_read != std::string_view::npos) {
    read = what.substr(last_read + quote.size());
    const auto closing = read.rfind("'; expected ");
    if (closing != std::string_view::npos) expected = read.substr(closing + 1);
    read = read.substr(0, closing == std::string_view::npos ? read.size() - 1 : closing);
    what = what.substr(0, last_read);
  }
  std::string text = "not valid JSON: " + printable(what, 200);
  if (!read.empty()) text += "; last read: " + printable(read, 40);
  return text + printable(expected, 80);
}

// ---- what an identity may hold ----

constexpr std::array<std::string_view, 8> identity_keys{"id",
                                                        "type",
                                                        "location",
                                                        "manufacturer",
                                                        "model",
                                                        "firmware_version",
                                                        "readings_per_second",
                                                        "normal_parameters"};
constexpr std::size_t id_key = 0;
constexpr std::size_t text_keys = 6;  // the first six hold texts
constexpr std::size_t rate_key = 6;
constexpr std::size_t parameters_key = 7;

constexpr std::array<std::string IdentityRecord::*, text_keys> text_members{
    &IdentityRecord::id,           &IdentityRecord::type,  &IdentityRecord::location,
    &IdentityRecord::manufacturer, &IdentityRecord::model, &IdentityRecord::firmware_version};

constexpr std::array<std::string_view, 4> parameter_keys{"mean", "std_dev", "min", "max"};
constexpr std::array<std::optional<double> ChannelOverride::*, 4> parameter_members{
    &ChannelOverride::mean, &ChannelOverride::std_dev, &ChannelOverride::min, &ChannelOverride::max};
constexpr std::size_t std_dev_key = 1;

constexpr std::size_t unknown = SIZE_MAX;

std::size_t position_in(std::span<const std::string_view> names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? unknown : static_cast<std::size_t>(found - names.begin());
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// What is wrong with a text that is one of an identity's six, or nothing.
std::string text_mistake(std::size_t key, std::string_view text) {
  if (key == id_key && text.empty()) return " must not be empty";
  if (text.size() > longest_text_bytes) {
    return " is " + std::to_string(text.size()) + " bytes long: at most " +
           std::to_string(longest_text_bytes);
  }
  if (std::any_of(text.begin(), text.end(), is_control)) return " holds a control character: remove it";
  return {};
}

// ---- the parser's events ----

// Builds identities from the events of nlohmann's SAX parser and notes what is wrong, with its line.
// Remembers one level per open bracket, at most `deepest_nesting`; a handler that returns false stops the
// parser at once.
class IdentityEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  IdentityEvents(IdentityFindings& findings, const DrainFindings& drain, bool one_per_line)
      : findings_(findings), drain_(drain), one_per_line_(one_per_line) {}

  void parse(Bytes& bytes) {
    bytes_ = &bytes;
    depth_ = 0;
    levels_[0].place = Place::document;
    finished_ = false;
    nlohmann::json::sax_parse(ByteIterator(bytes), ByteIterator(), this);
  }

  bool null() override { return value({Value::Kind::null, "null"}); }
  bool boolean(bool yes) override { return value({Value::Kind::boolean, yes ? "true" : "false"}); }
  bool number_integer(std::int64_t number) override { return whole_number(number); }
  bool number_unsigned(std::uint64_t number) override { return whole_number(number); }
  bool number_float(double number, const std::string& text) override {
    return value({Value::Kind::number, text, number});
  }
  bool string(std::string& text) override { return value({Value::Kind::text, text}); }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // not in JSON text

  bool start_object(std::size_t) override {
    switch (top().place) {
      case Place::document:
      case Place::list:
        begin_identity();
        return open(Place::identity);
      case Place::identity:
        if (top().key == parameters_key) return open(Place::parameters);
        break;
      case Place::parameters:
        if (top().key != unknown) return begin_channel();
        break;
      default:
        break;
    }
    return value({Value::Kind::object, {}}) && open(Place::ignored);
  }

  bool start_array(std::size_t) override {
    if (top().place == Place::document && !one_per_line_) return open(Place::list);
    return value({Value::Kind::array, {}}) && open(Place::ignored);
  }

  bool key(std::string& name) override {
    switch (top().place) {
      case Place::identity:
        return known_key(name, identity_keys, "");
      case Place::parameters:
        return known_key(name, channel_names, "normal_parameters.");
      case Place::channel:
        return known_key(name, parameter_keys, channel_path());
      default:
        return other_key(name);
    }
  }

  bool end_object() override {
    if (top().place == Place::channel) check_bounds();
    if (top().place == Place::identity) end_identity();
    return close();
  }

  bool end_array() override {
    const bool empty_list = top().place == Place::list && top().elements == 0;
    if (empty_list) lose("an empty array: write at least one identity, such as [{\"id\": \"SENSOR_001\"}]");
    return close();
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    // What follows a finished object makes the whole text doubtful, the object included.
    if (finished_ && !findings_.identities.empty()) findings_.identities.pop_back();
    lose(bytes_->used_up() ? too_long() : syntax_mistake(error.what()));
    return false;
  }

 private:
  enum class Place { document, list, identity, parameters, channel, ignored };

  struct Level {
    Place place = Place::document;
    std::size_t key = unknown;     // of the value that comes next
    std::uint32_t keys_seen = 0;   // bit per known key
    std::size_t elements = 0;      // of the list
    std::set<std::string> others;  // unknown keys seen
  };

  Level& top() { return levels_[depth_]; }

  template <class Number>
  bool whole_number(Number number) {
    const std::string text = std::to_string(number);
    return value({Value::Kind::number, text, static_cast<double>(number)});
  }

  bool open(Place place) {
    if (depth_ == deepest_nesting) {
      lose("nested deeper than " + std::to_string(deepest_nesting) + " levels");
      return false;
    }
    Level& opened = levels_[++depth_];
    opened.place = place;
    opened.key = unknown;
    opened.keys_seen = 0;
    opened.elements = 0;
    if (!opened.others.empty()) opened.others.clear();
    return true;
  }

  bool close() {
    --depth_;
    return true;
  }

  void begin_identity() {
    ++top().elements;
    record_ = {};
    bad_ = false;
    line_ = bytes_->line();
    if (!one_per_line_) bytes_->allow(largest_identity_bytes - 1);  // less the opening brace
  }

  void end_identity() {
    if ((top().keys_seen & 1u << id_key) == 0) {
      mistake_at(line_, "id is missing: every identity needs a text of its own");
    }
    if (bad_) {
      ++findings_.invalid;
    } else {
      findings_.identities.push_back({std::move(record_), line_});
    }
    const bool in_list = depth_ > 1;
    finished_ = !in_list && !bad_;
    if (one_per_line_) return;
    bytes_->allow(largest_identity_bytes);  // for what stands between two identities
    constexpr std::size_t drained_at = 1'024;
    if (in_list && drain_ && findings_.identities.size() >= drained_at) drain_(findings_);
  }

  bool begin_channel() {
    channel_ = top().key;
    return open(Place::channel);
  }

  void check_bounds() {
    const ChannelOverride& channel = record_.overrides.normal_parameters[channel_];
    if (channel.min && channel.max && *channel.min > *channel.max) {
      mistake_at(bounds_line_, channel_path() + "min must not be above max");
    }
  }

  bool known_key(const std::string& name, std::span<const std::string_view> names, const std::string& path) {
    top().key = position_in(names, name);
    if (top().key == unknown) {
      findings_.add_unknown_key(path + printable(name));
      return other_key(name);
    }
    const std::uint32_t bit = 1u << top().key;
    if ((top().keys_seen & bit) != 0) mistake(path + name + " is given twice: keep one");
    top().keys_seen |= bit;
    return true;
  }

  bool other_key(const std::string& name) {
    if (!top().others.insert(name).second)
      mistake("the key " + in_quotes(name) + " is given twice: keep one");
    return true;
  }

  bool value(const Value& value) {
    switch (top().place) {
      case Place::document:
        lose(document_mistake(value));
        return false;
      case Place::list:
        ++top().elements;
        bytes_->allow(largest_identity_bytes);
        lose("an array of identities must hold objects, not " + value.described());
        return true;
      case Place::identity:
        set_field(value);
        return true;
      case Place::parameters:
        refuse_channel(value);
        return true;
      case Place::channel:
        set_parameter(value);
        return true;
      case Place::ignored:
        return true;
    }
    return true;
  }

  void set_field(const Value& value) {
    const std::size_t key = top().key;
    if (key < text_keys) return set_text(key, value);
    if (key == rate_key) return set_rate(value);
    if (key == parameters_key) {
      mistake("normal_parameters must be an object such as {\"temperature\": {\"mean\": 65}}, not " +
              value.described());
    }
  }

  void set_text(std::size_t key, const Value& value) {
    const std::string name(identity_keys[key]);
    if (value.kind != Value::Kind::text) {
      const bool can_be_quoted = value.kind == Value::Kind::number;
      const std::string remedy = can_be_quoted ? ": write " + in_quotes(value.text) : "";
      return mistake(name + " must be text in quotes, not " + value.described() + remedy);
    }
    const std::string wrong = text_mistake(key, value.text);
    if (!wrong.empty()) return mistake(name + wrong);
    record_.*text_members[key] = value.text;
  }

  void set_rate(const Value& value) {
    const bool fits =
        value.kind == Value::Kind::number && value.number > 0 && value.number <= most_readings_per_second;
    if (!fits) {
      return mistake("readings_per_second must be a number above 0 and at most 1000000, not " +
                     value.described());
    }
    record_.overrides.readings_per_second = value.number;
  }

  void refuse_channel(const Value& value) {
    if (top().key == unknown) return;
    mistake("normal_parameters." + std::string(channel_names[top().key]) +
            " must be an object such as {\"mean\": 65, \"std_dev\": 2}, not " + value.described());
  }

  void set_parameter(const Value& value) {
    const std::size_t key = top().key;
    if (key == unknown) return;
    const std::string name = channel_path() + std::string(parameter_keys[key]);
    if (value.kind != Value::Kind::number || !std::isfinite(value.number)) {
      return mistake(name + " must be a number, not " + value.described());
    }
    if (key == std_dev_key && value.number < 0) {
      return mistake(name + " must be 0 or more, not " + value.described());
    }
    bounds_line_ = bytes_->line();
    record_.overrides.normal_parameters[channel_].*parameter_members[key] = value.number;
  }

  [[nodiscard]] std::string channel_path() const {
    return "normal_parameters." + std::string(channel_names[channel_]) + ".";
  }

  [[nodiscard]] std::string document_mistake(const Value& value) const {
    if (one_per_line_)
      return "a line must hold one object such as {\"id\": \"SENSOR_001\"}, not " + value.described();
    return "must hold one identity in {} or an array of them, not " + value.described();
  }

  [[nodiscard]] std::string too_long() const {
    return "an identity may take at most " + std::to_string(largest_identity_bytes) + " bytes";
  }

  // Something is wrong with the identity being read, which is left out.
  void mistake(std::string text) { mistake_at(bytes_->line(), std::move(text)); }
  void mistake_at(std::uint32_t line, std::string text) {
    bad_ = true;
    findings_.add_mistake(line, std::move(text));
  }

  // Something is wrong with what stands where an identity should, or with the rest of the text.
  void lose(std::string text) {
    ++findings_.invalid;
    findings_.add_mistake(bytes_->line(), std::move(text));
  }

  IdentityFindings& findings_;
  const DrainFindings& drain_;
  const bool one_per_line_;
  Bytes* bytes_ = nullptr;

  std::size_t depth_ = 0;
  std::array<Level, deepest_nesting + 1> levels_;  // [0] is the document itself

  IdentityRecord record_;
  bool bad_ = false;               // the record being read has a mistake
  bool finished_ = false;          // a single record is complete: only white space may follow
  std::uint32_t line_ = 0;         // of the record's opening brace
  std::uint32_t bounds_line_ = 0;  // of the channel's parameter read last
  std::size_t channel_ = 0;
};

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// ---- writing ----

void append_escaped(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (is_control(c)) {
    out += "\\u00";
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  } else {
    out += c;
  }
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) append_escaped(out, c);
  out += '"';
}

std::string json_text(std::string_view text) {
  std::string out;
  append_text(out, text);
  return out;
}

void append_number(std::string& out, double number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// Lays out one object and the objects in it, on one line or indented.
class ObjectWriter {
 public:
  ObjectWriter(std::string& out, bool pretty) : out_(out), pretty_(pretty) {}

  void open() {
    out_ += '{';
    ++depth_;
    first_ = true;
  }

  void close() {
    --depth_;
    first_ = false;
    break_line();
    out_ += '}';
  }

  void key(std::string_view name) {
    if (!first_) out_ += pretty_ ? "," : ", ";
    first_ = false;
    break_line();
    append_text(out_, name);
    out_ += ": ";
  }

  void text(std::string_view name, std::string_view value) {
    key(name);
    append_text(out_, value);
  }

  void number(std::string_view name, const std::optional<double>& value) {
    if (!value) return;
    key(name);
    append_number(out_, *value);
  }

 private:
  void break_line() {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  std::string& out_;
  const bool pretty_;
  std::size_t depth_ = 0;
  bool first_ = true;
};

void write_channel(ObjectWriter& writer, std::size_t channel, const ChannelOverride& values) {
  if (values == ChannelOverride{}) return;
  writer.key(channel_names[channel]);
  writer.open();
  for (std::size_t i = 0; i < parameter_keys.size(); ++i) {
    writer.number(parameter_keys[i], values.*parameter_members[i]);
  }
  writer.close();
}

void write_record(ObjectWriter writer, const IdentityRecord& record) {
  writer.open();
  for (std::size_t i = 0; i < text_keys; ++i) writer.text(identity_keys[i], record.*text_members[i]);
  writer.number(identity_keys[rate_key], record.overrides.readings_per_second);
  if (record.overrides.normal_parameters != PerChannel<ChannelOverride>{}) {
    writer.key(identity_keys[parameters_key]);
    writer.open();
    for (std::size_t i = 0; i < channel_count; ++i) {
      write_channel(writer, i, record.overrides.normal_parameters[i]);
    }
    writer.close();
  }
  writer.close();
}

}  // namespace

void IdentityFindings::add_mistake(std::uint32_t line, std::string text) {
  if (mistakes.size() < most_mistakes) {
    mistakes.push_back({line, identities.size(), std::move(text)});
  } else {
    ++further_mistakes;
  }
}

void IdentityFindings::add_unknown_key(std::string_view name) {
  if (unknown_keys.size() < most_unknown_keys && !unknown_keys.contains(name)) unknown_keys.emplace(name);
}

void parse_identity_document(const NextBytes& next, IdentityFindings& findings, const DrainFindings& drain) {
  Bytes bytes(next, largest_identity_bytes);
  IdentityEvents(findings, drain, false).parse(bytes);
}

void parse_identity_document(std::string_view text, IdentityFindings& findings) {
  if (is_blank(text)) {
    ++findings.invalid;
    return findings.add_mistake(1, "holds no identity: write one, such as {\"id\": \"SENSOR_001\"}");
  }
  const NextBytes next = [&text] { return std::exchange(text, {}); };
  parse_identity_document(next, findings, {});
}

void parse_identity_lines(std::string_view text, std::uint32_t first_line, IdentityFindings& findings) {
  const DrainFindings keep_all;
  IdentityEvents events(findings, keep_all, true);
  for (std::uint32_t number = first_line; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.size() > largest_identity_bytes) {
      ++findings.invalid;
      findings.add_mistake(number,
                           "a line may take at most " + std::to_string(largest_identity_bytes) + " bytes");
    } else if (!is_blank(line)) {
      Bytes bytes(line, number);
      events.parse(bytes);
    }
  }
}

void append_json_line(std::string& out, const IdentityRecord& record) {
  write_record(ObjectWriter(out, false), record);
}

void append_pretty_json(std::string& out, const IdentityRecord& record) {
  write_record(ObjectWriter(out, true), record);
}

std::string printable(std::string_view text, std::size_t longest) {
  const bool cut = text.size() > longest;
  if (cut) {
    const auto continues = [&] { return (static_cast<unsigned char>(text[longest]) & 0xC0) == 0x80; };
    while (longest > 0 && continues()) --longest;
  }
  std::string out(text.substr(0, longest));
  std::replace_if(out.begin(), out.end(), is_control, '?');
  return cut ? out + "..." : out;
}

}  // namespace fleet_sim
