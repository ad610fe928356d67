#include "yaml/forms.h"

#include <cmath>
#include <utility>

#include "base/plain_text.h"
#include "yaml/text.h"

namespace fleet_sim::yaml {

Form<double> number(Bounds bounds) {
  return {[bounds](std::string_view text, double& value) { return parse_number(text, bounds, value); },
          number_text,
          bounds.min <= -largest_measure ? "a number"
          : bounds.max < largest_measure ? range_text(bounds)
                                         : fmt::format("{} or more", number_text(bounds.min))};
}

Form<Microseconds> span(Microseconds shortest, Microseconds longest) {
  const std::string values = fmt::format("{} to {}", span_text(shortest), span_text(longest));
  const auto parse = [shortest, longest, values](std::string_view text, Microseconds& value) {
    double seconds = 0;
    constexpr Bounds any_span{-1e12, 1e12};
    std::string wrong = parse_duration(text, any_span, seconds);
    const Microseconds found = std::llround(seconds * 1e6);
    if (wrong.empty() && (found < shortest || found > longest)) wrong = must_be(values, text);
    if (wrong.empty()) value = found;
    return wrong;
  };
  return {parse, span_text, values};
}

Form<std::string> short_text(std::size_t most_bytes) {
  return {[most_bytes](std::string_view text, std::string& value) {
            if (text.size() > most_bytes) return fmt::format("must not be longer than {} bytes", most_bytes);
            if (find_text_flaw(text)) return must_be("UTF-8 text without control characters", text);
            value = text;
            return std::string();
          },
          scalar, fmt::format("text of at most {} bytes", most_bytes)};
}

std::string span_text(Microseconds span) {
  constexpr std::array<std::pair<std::string_view, Microseconds>, 5> units{
      {{"d", microseconds_per_day},
       {"h", 3'600 * microseconds_per_second},
       {"m", 60 * microseconds_per_second},
       {"s", microseconds_per_second},
       {"ms", microseconds_per_second / 1'000}}};
  for (const auto& [unit, length] : units) {
    if (span != 0 && span % length == 0) return fmt::format("{}{}", span / length, unit);
  }
  return number_text(static_cast<double>(span) / 1e6) + "s";
}

}  // namespace fleet_sim::yaml
