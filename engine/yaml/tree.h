// A YAML document as plain values with line numbers, built from yaml-cpp's events. The text is untrusted:
// nodes are counted (those of an alias each time it is used), nesting is bounded, and a map's keys are single
// words that occur once. Merge keys (`<<: *common`) are resolved: a map holds what it has and what it merges.
// Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "yaml/file_problems.h"

namespace fleet_sim::yaml {

inline constexpr std::size_t deepest_nesting = 32;
inline constexpr std::size_t most_nodes = 100'000;

struct Node {
  enum class Kind { null, scalar, sequence, map };

  Kind kind = Kind::null;
  std::size_t line = 1;        // where the value begins
  std::string text;            // of a scalar, without quotes; of a null that is spelled out, "null"
  std::string key;             // under which the enclosing map holds the node
  std::size_t key_line = 1;    // where that key stands
  std::vector<Node> children;  // of a sequence or a map, in the file's order

  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
};

// The value of a map under the key. Null where the key is not there or has no value.
const Node* find_value(const Node& map, std::string_view key);

// Whether a top-level key is the author's own, to hold anchors; its content is ignored.
inline bool is_extension_key(std::string_view key) {
  return key.starts_with("x-");
}

// The one document in `content`; an empty text is a null. Returns nothing after a problem that leaves no
// tree. A repeated key or a merge key without a map is a problem too, but the tree keeps what is good and
// reading continues.
std::optional<Node> parse(std::string_view content, const FileProblems& problems);

}  // namespace fleet_sim::yaml
