#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/cadence.h"

namespace fleet_sim {
namespace {

bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

std::size_t most_columns_of(char byte) {
  if (!begins_character(byte)) return 0;
  return static_cast<unsigned char>(byte) < 0xE0 ? 1 : 2;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr std::array<Unit, 9> units{{{"ms", 0.001},
                                     {"s", 1},
                                     {"sec", 1},
                                     {"m", 60},
                                     {"min", 60},
                                     {"h", 3'600},
                                     {"d", seconds_per_day},
                                     {"w", 7 * seconds_per_day},
                                     {"", 1}}};

std::string_view take_letters(std::string_view& text) {
  const auto is_letter = [](char c) { return lower(c) >= 'a' && lower(c) <= 'z'; };
  const std::string_view letters(text.begin(), std::ranges::find_if_not(text, is_letter));
  text.remove_prefix(letters.size());
  return letters;
}

// Takes a number with its unit off the front, in seconds; without a unit it is seconds.
struct DurationPart {
  double seconds;
  bool has_unit;
};
std::optional<DurationPart> take_part(std::string_view& text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc{} || !std::isfinite(amount)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  const std::string_view name = take_letters(text);
  const auto* unit = std::ranges::find_if(
      units, [name](const Unit& one) { return std::ranges::equal(one.name, name, {}, {}, lower); });
  if (unit == units.end()) return std::nullopt;
  return DurationPart{amount * unit->seconds + 0.0, !name.empty()};
}

}  // namespace

std::string grouped(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string counted(std::uint64_t n, std::string_view singular, std::string_view plural) {
  if (n == 1) return fmt::format("1 {}", singular);
  return plural.empty() ? fmt::format("{} {}s", grouped(n), singular)
                        : fmt::format("{} {}", grouped(n), plural);
}

std::string duration_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.0f} µs", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.4g} s", seconds);
  const auto whole = static_cast<std::uint64_t>(seconds);
  if (whole < 3'600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  if (whole < 86'400) return fmt::format("{} h {} min", whole / 3'600, whole / 60 % 60);
  return fmt::format("{} d {} h", whole / 86'400, whole / 3'600 % 24);
}

std::optional<double> read_duration(std::string_view text) {
  double sum = 0;
  std::size_t parts = 0;
  bool all_fit = true;  // together: none is bare or negative
  for (; parts == 0 || !text.empty(); ++parts) {
    const auto part = take_part(text);
    if (!part) return std::nullopt;
    all_fit = all_fit && part->has_unit && part->seconds >= 0;
    sum += part->seconds;
  }
  return parts == 1 || all_fit ? std::optional(sum) : std::nullopt;
}

std::optional<Microseconds> interval_of(double seconds) {
  const double longest = static_cast<double>(longest_interval) / 1e6;
  if (!(seconds > 0 && seconds <= longest)) return std::nullopt;
  const double microseconds = std::round(seconds * 1e6);
  constexpr double rounding = 1e-12;  // of a product of what was written
  if (std::abs(seconds * 1e6 - microseconds) > microseconds * rounding) return std::nullopt;
  return static_cast<Microseconds>(microseconds);
}

std::string interval_text(Microseconds interval) {
  const Microseconds fraction = interval % microseconds_per_second;
  std::string text = fmt::format("{}.{:06}", interval / microseconds_per_second, fraction);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + "s";
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1'000'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) * 1e-3);
  if (bytes < 1'000'000'000) return fmt::format("{:.1f} MB", static_cast<double>(bytes) * 1e-6);
  if (bytes < 1'000'000'000'000) return fmt::format("{:.2f} GB", static_cast<double>(bytes) * 1e-9);
  return fmt::format("{:.2f} TB", static_cast<double>(bytes) * 1e-12);
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

std::size_t most_columns(std::string_view text) {
  std::size_t columns = 0;
  for (const char byte : text) columns += most_columns_of(byte);
  return columns;
}

std::string_view first_characters(std::string_view text, std::size_t most) {
  std::size_t end = 0;
  while (end < text.size() && !(begins_character(text[end]) && most-- == 0)) ++end;
  return text.substr(0, end);
}

std::string_view first_bytes(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && !begins_character(text[most])) --most;
  return text.substr(0, most);
}

std::string cut_to_bytes(std::string_view text, std::size_t most, std::string_view mark) {
  return std::string(first_bytes(text, most)).append(text.size() <= most ? "" : mark);
}

std::string cut_to_columns(std::string_view text, std::size_t most) {
  constexpr std::string_view mark = "…";
  if (most_columns(text) <= most) return std::string(text);
  std::size_t columns = most_columns(mark);
  std::size_t end = 0;
  while (columns + most_columns_of(text[end]) <= most) columns += most_columns_of(text[end++]);
  return std::string(text.substr(0, end)).append(mark);
}

void Table::add(std::vector<std::string> cells) {
  widths_.resize(std::max(widths_.size(), cells.size()));
  for (std::size_t i = 0; i < cells.size(); ++i)
    widths_[i] = std::max(widths_[i], count_characters(cells[i]));
  lines_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::string text;
  for (const auto& cells : lines_) {
    std::string line = " ";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths_[i] - count_characters(cells[i]), ' ');
      line += i == 0 ? ' ' + cells[i] + padding : "  " + padding + cells[i];
    }
    text += line.erase(line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

}  // namespace fleet_sim
