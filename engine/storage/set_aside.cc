#include "storage/set_aside.h"

#include <algorithm>
#include <array>

namespace fleet_sim {
namespace {

namespace fs = std::filesystem;

// The log first: a database that appears to be complete without its log would be taken for one.
constexpr std::array<const char*, 3> endings{"-wal", "-shm", ""};
constexpr std::array<std::string_view, 2> reasons{".corrupt-", ".left-"};

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
  const fs::path whole(path);
  const std::string extension = whole.extension().string();
  std::string base = path.substr(0, path.size() - extension.size());
  base += '.' + std::string(reason) + '-' + compact(now);
  std::string name = base + extension;
  for (int number = 2; is_taken(name); ++number) name = base + '-' + std::to_string(number) + extension;
  return name;
}

}  // namespace

std::string set_aside(const std::string& path, std::string_view reason, Timestamp now,
                      std::error_code& error) {
  const std::string name = free_name(path, reason, now);
  for (const char* ending : endings) {
    fs::rename(path + ending, name + ending, error);
    if (error == std::errc::no_such_file_or_directory) error.clear();
    if (error) return {};
  }
  return name;
}

bool is_set_aside(const fs::path& path) {
  constexpr std::size_t time_width = 16;
  const std::string stem = path.stem().string();
  return std::ranges::any_of(reasons, [&stem](std::string_view reason) {
    const std::size_t at = stem.rfind(reason);
    if (at == std::string::npos) return false;
    const std::string_view time = std::string_view(stem).substr(at + reason.size());
    if (time.size() < time_width || time[8] != 'T' || time[15] != 'Z') return false;
    // A number may follow.
    return std::ranges::all_of(
        time, [](char c) { return (c >= '0' && c <= '9') || c == 'T' || c == 'Z' || c == '-'; });
  });
}

}  // namespace fleet_sim
