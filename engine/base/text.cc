#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace fleet_sim {
namespace {

bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

std::size_t most_columns_of(char byte) {
  if (!begins_character(byte)) return 0;
  return static_cast<unsigned char>(byte) < 0xE0 ? 1 : 2;
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

}  // namespace fleet_sim
