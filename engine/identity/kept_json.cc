#include "identity/kept_json.h"

#include "base/json_writer.h"

namespace fleet_sim::identity {

void KeptJson::clear() {
  text_.clear();
  entered_.clear();
  written_ = depth_ = 0;
  outermost_.clear();
  repeated_.clear();
}

void KeptJson::leave() {
  if (written_ == entered_.size()) {
    text_ += '}';
    --written_;
  }
  entered_.pop_back();
}

void KeptJson::key(std::string_view name) {
  for (; written_ < entered_.size(); ++written_) {
    write_key(entered_[written_]);
    text_ += '{';
  }
  write_key(name);
}

void KeptJson::write_key(std::string_view name) {
  const bool is_outermost = written_ == 0 && depth_ == 0;
  if (is_outermost && !outermost_.emplace(name).second) repeated_ = name;
  separate();
  append_json_text(text_, name);
  text_ += ':';
}

void KeptJson::value(const JsonValue& value) {
  separate();
  if (value.is(JsonValue::Kind::text)) {
    append_json_text(text_, value.text);
  } else {
    text_ += value.text;
  }
}

void KeptJson::begin(char bracket) {
  separate();
  text_ += bracket;
  ++depth_;
}

void KeptJson::end(char bracket) {
  text_ += bracket;
  --depth_;
}

std::string KeptJson::text() const {
  return text_.empty() ? std::string() : "{" + text_ + "}";
}

// A text that ends a value cannot end with one of these.
void KeptJson::separate() {
  if (!text_.empty() && std::string_view("{[:").find(text_.back()) == std::string_view::npos) text_ += ',';
}

}  // namespace fleet_sim::identity
