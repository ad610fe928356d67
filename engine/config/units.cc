#include "config/units.h"

#include <fmt/format.h>

#include <limits>

#include "base/text.h"

namespace fleet_sim::config {
namespace {

constexpr double greatest = std::numeric_limits<double>::max();
constexpr Bounds any_number{-greatest, greatest};

}  // namespace

std::string parse_rate(std::string_view text, Rate& rate) {
  double per_second = 0;
  if (!parse_number(text, any_number, per_second).empty()) {
    const bool is_interval = read_duration(text) || text.starts_with("1/");
    return must_be("a number", text) + (is_interval ? "; for an interval, give simulation.interval" : "");
  }
  std::string wrong = parse_number(text, rates, per_second);
  if (wrong.empty()) rate = per_second;
  return wrong;
}

std::string parse_interval(std::string_view text, Rate& rate) {
  double seconds = 0;
  if (std::string wrong = parse_duration(text, intervals, seconds); !wrong.empty()) return wrong;
  const auto interval = interval_of(seconds);
  if (!interval) return must_be("a whole number of microseconds", text);
  rate = Rate::every(*interval);
  return {};
}

}  // namespace fleet_sim::config
