#include "sqlite/set_aside.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fleet_sim::sqlite {
namespace {

namespace fs = std::filesystem;

// The log first: a database that appears to be complete without its log would be taken for one.
constexpr std::array<const char*, 3> endings{"-wal", "-shm", ""};

// 20261123T114200Z
std::string compact(Timestamp moment) {
  std::string text = timestamp_text(moment).substr(0, 19) + 'Z';
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

bool is_taken(const std::string& name) {
  return std::ranges::any_of(endings, [&name](const char* ending) {
    std::error_code error;
    return fs::symlink_status(name + ending, error).type() != fs::file_type::not_found;
  });
}

std::string free_name(const std::string& path, std::string_view reason, Timestamp now) {
  const std::string base = fmt::format("{}.{}-{}", path, reason, compact(now));
  std::string name = base;
  for (int number = 2; is_taken(name); ++number) name = fmt::format("{}-{}", base, number);
  return name;
}

}  // namespace

std::string set_aside(const std::string& path, std::string_view reason, Timestamp now,
                      std::error_code& error) {
  std::string name = free_name(path, reason, now);
  for (const char* ending : endings) {
    fs::rename(path + ending, name + ending, error);
    if (error == std::errc::no_such_file_or_directory) error.clear();
    if (error) return {};
  }
  return name;
}

}  // namespace fleet_sim::sqlite
