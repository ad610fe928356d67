// Forms of plain values: how values of one type are written by a person, as one word, joined so that a table
// of fields names notation and bounds once, for reading, writing and the page. Built while a table is;
// read-only afterwards, any thread.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/nearest.h"
#include "base/timestamp.h"
#include "yaml/tree.h"
#include "yaml/values.h"

namespace fleet_sim::yaml {

template <class T>
struct Form {
  // Assigns the value and returns an empty text, or says what is wrong.
  std::function<std::string(std::string_view text, T& value)> parse;
  // Text that `parse` reads back to the same value.
  std::function<std::string(const T& value)> text;
  std::string values;  // which there are, as a page says it
};

inline constexpr double largest_measure = 1e15;  // beyond what is measured of anything
inline constexpr Bounds any_number{-largest_measure, largest_measure};

Form<double> number(Bounds bounds);
Form<double> share();  // a part of a whole: 0.5 or 50%
Form<Microseconds> span(Microseconds shortest, Microseconds longest);
Form<std::string> short_text(std::size_t most_bytes);

// The enumerators' words in their order; `words` outlives the form.
template <class Enum, std::size_t n>
Form<Enum> word(const std::array<std::string_view, n>& words) {
  return {[&words](std::string_view text, Enum& value) {
            const auto found =
                std::ranges::find_if(words, [text](std::string_view one) { return equal_words(one, text); });
            if (found == words.end())
              return must_be(fmt::format("{}", fmt::join(words, ", ")), text) + did_you_mean(text, words);
            value = static_cast<Enum>(found - words.begin());
            return std::string();
          },
          [&words](Enum value) { return std::string(words[static_cast<std::size_t>(value)]); },
          fmt::format("`{}`", fmt::join(words, "`, `"))};
}

// The value of a node that must be a single one.
template <class T>
std::string parse_node(const Form<T>& form, const Node& node, T& value) {
  return node.is(Node::Kind::scalar) ? form.parse(node.text, value) : "must be a single value";
}

// The shortest of units that says it exactly: "90s", "1h".
std::string span_text(Microseconds span);

}  // namespace fleet_sim::yaml
