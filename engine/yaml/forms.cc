#include "yaml/forms.h"

#include <algorithm>
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
    std::string wrong = parse_duration(text, any_number, seconds);
    const double past_longest = static_cast<double>(longest) + 1;
    const Microseconds found = std::llround(std::clamp(seconds * 1e6, -1.0, past_longest));
    if (wrong.empty() && (found < shortest || found > longest)) wrong = must_be(values, text);
    if (wrong.empty()) value = found;
    return wrong;
  };
  return {parse, span_text, values};
}

Form<double> share() {
  constexpr double percent = 100;
  const auto parse = [](std::string_view text, double& value) {
    const bool in_percent = text.ends_with('%');
    double found = 0;
    const std::string_view number = text.substr(0, text.size() - (in_percent ? 1 : 0));
    const bool is_number = parse_number(number, any_number, found).empty();
    if (in_percent) found /= percent;
    if (!is_number || found < 0 || found > 1) return must_be("a share from 0% to 100%, or 0 to 1", text);
    value = found;
    return std::string();
  };
  const auto text = [parse](double value) {
    const std::string in_percent = number_text(value * percent) + "%";
    double again = 0;
    const bool is_exact = parse(in_percent, again).empty() && again == value;
    return is_exact && in_percent.size() <= 7 ? in_percent : number_text(value);
  };
  return {parse, text, "0% to 100%, or 0 to 1"};
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
