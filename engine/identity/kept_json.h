// What an identity says beyond the keys we know, put together from the parser's events as one JSON object:
// each value where it stood and as it was written, numbers of any length included. The objects in which we
// know keys appear only when there is something to keep in them. One thread; as long as its input, and fails
// only for want of memory.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "identity/json_value.h"

namespace fleet_sim::identity {

class KeptJson {
 public:
  void clear();

  // Around an object in which we know keys.
  void enter(std::string_view name) { entered_.emplace_back(name); }
  void leave();

  // A member to keep, then its value: a scalar, or what stands between brackets.
  void key(std::string_view name);
  void value(const JsonValue& value);
  void begin(char bracket);
  void end(char bracket);

  // The object; empty when nothing was kept.
  [[nodiscard]] std::string text() const;

  // A key that the object would have twice; empty when all is well.
  [[nodiscard]] const std::string& repeated() const { return repeated_; }

 private:
  void separate();
  void write_key(std::string_view name);

  std::string text_;                              // without the outer braces
  std::vector<std::string> entered_;              // objects around the next member …
  std::size_t written_ = 0;                       // … of which so many have begun in the text
  std::size_t depth_ = 0;                         // brackets inside a value that is kept
  std::set<std::string, std::less<>> outermost_;  // names
  std::string repeated_;
};

}  // namespace fleet_sim::identity
