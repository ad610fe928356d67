#include "yaml/ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/plain_text.h"
#include "base/text.h"
#include "yaml/file_problems.h"
#include "yaml/tree.h"

namespace fleet_sim::yaml {
namespace {

// Nothing for a text that is no YAML.
std::optional<Node> read_flow(std::string_view text) {
  Problems problems;
  std::optional<Node> node = parse(text, FileProblems("", problems));
  return problems.empty() ? node : std::nullopt;
}

}  // namespace

std::string parse_duration_law(std::string_view text, const Bounds& bounds, DurationRange& law) {
  if (!text.starts_with('{')) {
    double seconds = 0;
    std::string wrong = parse_duration(text, bounds, seconds);
    if (wrong.empty()) law = DurationRange(seconds);
    return wrong;
  }
  const auto map = read_flow(text);
  if (!map || !map->is(Node::Kind::map)) {
    return must_be("a time such as 10m, or {median: 10m, min: 1m, max: 6h}", text);
  }
  constexpr std::array<std::string_view, 3> names{"median", "min", "max"};
  std::array<std::optional<double>, names.size()> seconds;
  for (const Node& child : map->children) {
    const auto name = std::ranges::find(names, child.key);
    if (name == names.end() || !child.is(Node::Kind::scalar)) {
      return fmt::format("takes median, min and max, not {}", in_quotes(child.key));
    }
    double value = 0;
    if (const std::string wrong = parse_duration(child.text, bounds, value); !wrong.empty()) {
      return fmt::format("{} {}", child.key, wrong);
    }
    seconds[static_cast<std::size_t>(name - names.begin())] = value;
  }
  const auto& [median, min, max] = seconds;
  if (!median || !min || !max) return "needs median, min and max: {median: 10m, min: 1m, max: 6h}";
  if (*min > *max) {
    return fmt::format("min must be at most max, not {} and {}", duration_text(*min), duration_text(*max));
  }
  if (*median < *min || *median > *max) {
    return fmt::format("median must be between min and max, not {}", duration_text(*median));
  }
  law = {*median, *min, *max};
  return {};
}

std::string parse_range(std::string_view text, const Bounds& bounds, Range& range) {
  if (!text.starts_with('[')) {
    double value = 0;
    std::string wrong = parse_number(text, bounds, value);
    if (wrong.empty()) range = {value, value};
    return wrong;
  }
  const auto list = read_flow(text);
  if (!list || !list->is(Node::Kind::sequence) || list->children.size() != 2) {
    return must_be("a number, or two as in [2, 4]", text);
  }
  Range parsed;
  for (const auto& [node, value] :
       {std::pair(&list->children[0], &parsed.min), std::pair(&list->children[1], &parsed.max)}) {
    if (!node->is(Node::Kind::scalar)) return must_be("a number, or two as in [2, 4]", text);
    if (const std::string wrong = parse_number(node->text, bounds, *value); !wrong.empty()) return wrong;
  }
  if (parsed.min > parsed.max) {
    return fmt::format("must begin with the lower number, not {}", in_quotes(text));
  }
  range = parsed;
  return {};
}

std::string duration_law_text(const DurationRange& law) {
  if (law.is_fixed()) return number_text(law.median);
  return fmt::format("{{median: {}, min: {}, max: {}}}", number_text(law.median), number_text(law.min),
                     number_text(law.max));
}

std::string number_range_text(const Range& range) {
  if (range.min == range.max) return number_text(range.min);
  return fmt::format("[{}, {}]", number_text(range.min), number_text(range.max));
}

}  // namespace fleet_sim::yaml
