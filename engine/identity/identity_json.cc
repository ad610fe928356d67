#include "identity/identity_json.h"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "identity/identity_rules.h"
#include "identity/json_value.h"

namespace fleet_sim::identity {
namespace {

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
    append_json_text(out_, name);
    out_ += ": ";
  }

  void text(std::string_view name, std::string_view value) {
    key(name);
    append_json_text(out_, value);
  }

  void number(std::string_view name, const std::optional<double>& value) {
    if (!value) return;
    key(name);
    std::array<char, 32> digits;  // the shortest text that reads back as the same double has at most 24
    out_.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *value).ptr);
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

void write_parameters(ObjectWriter& writer, const PerChannel<ChannelOverride>& parameters) {
  if (parameters == PerChannel<ChannelOverride>{}) return;
  writer.key(identity_keys[parameters_key]);
  writer.open();
  for (std::size_t i = 0; i < channel_count; ++i) write_channel(writer, i, parameters[i]);
  writer.close();
}

void write_record(ObjectWriter writer, const IdentityRecord& record) {
  writer.open();
  for (std::size_t i = 0; i < text_members.size(); ++i) {
    writer.text(identity_keys[i], record.*text_members[i]);
  }
  writer.number(identity_keys[rate_key], record.overrides.readings_per_second);
  write_parameters(writer, record.overrides.normal_parameters);
  writer.close();
}

}  // namespace

void append_json_line(std::string& out, const IdentityRecord& record) {
  write_record(ObjectWriter(out, false), record);
}

void append_pretty_json(std::string& out, const IdentityRecord& record) {
  write_record(ObjectWriter(out, true), record);
}

}  // namespace fleet_sim::identity
