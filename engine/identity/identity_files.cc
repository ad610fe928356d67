#include "identity/identity_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/plain_text.h"
#include "base/text.h"
#include "files/encoding.h"
#include "files/folder_walk.h"

namespace fleet_sim::identity {
namespace {

constexpr std::size_t longest_shown_path = 500;

bool has_ending(std::string_view path, std::string_view ending) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return path.size() > ending.size() &&
         std::ranges::equal(path.substr(path.size() - ending.size()), ending, {}, lower);
}

bool holds_lines(std::string_view path) {
  return has_ending(path, ".jsonl");
}

std::string no_files(const std::string& folder) {
  return fmt::format(
      "the folder has no .json or .jsonl file: add identity files, or make some with `fleet-sim generate "
      "--preset demo --out {}`",
      folder);
}

// What a walk has found since there were `before` files.
void take_walked(const files::FolderWalk& walk, std::size_t before, FoundFiles& found) {
  for (std::size_t i = before; i < walk.files().size(); ++i) {
    const std::string& path = walk.files()[i].native();
    if (has_ending(path, ".json") || holds_lines(path)) {
      found.files.push_back({path, holds_lines(path)});
    } else if (++found.passed_over.other_files <= PassedOver::most_named) {
      found.passed_over.named.push_back(walk.files()[i].filename().native());
    }
  }
}

void read_folder(const std::filesystem::path& folder, files::FolderWalk& walk, FoundFiles& found) {
  const std::size_t files_before = found.files.size();
  const std::size_t walked_before = walk.files().size();
  const std::size_t failed_before = walk.failures().size();
  const std::size_t repeated_before = walk.repeated();
  walk.walk(folder);
  take_walked(walk, walked_before, found);
  for (std::size_t i = failed_before; i < walk.failures().size(); ++i) {
    const auto& [failed, why] = walk.failures()[i];
    found.unread.push_back({failed.native(), "cannot be listed: " + why});
  }
  const bool is_empty = found.files.size() == files_before && walk.failures().size() == failed_before &&
                        walk.repeated() == repeated_before;
  if (is_empty) found.unread.push_back({folder.native(), no_files(place_in(folder.native()))});
}

void add_part(std::string& text, std::size_t count, const std::string& what) {
  if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
}

std::string too_large(std::string_view size) {
  return fmt::format("is {}: split it into files of at most {} bytes", size, largest_identity_file_bytes);
}

std::string unreadable(int error) {
  return std::string("cannot be read: ") + std::strerror(error);
}

}  // namespace

FoundFiles find_identity_files(const std::vector<std::filesystem::path>& paths) {
  FoundFiles found;
  files::FolderWalk walk;
  for (const auto& path : paths) {
    std::error_code none;  // what does not exist is found out when it is opened
    if (std::filesystem::is_directory(path, none)) {
      read_folder(path, walk, found);
    } else {
      found.files.push_back({path.native(), holds_lines(path.native())});
    }
  }
  found.passed_over.hidden = walk.hidden();
  found.passed_over.repeated_folders = walk.repeated();
  found.passed_over.deep_folders = walk.too_deep();
  return found;
}

std::string text_of(const PassedOver& passed) {
  const std::size_t all = passed.other_files + passed.hidden + passed.repeated_folders + passed.deep_folders;
  if (all == 0) return {};
  std::string names;
  for (const std::string& name : passed.named) names += (names.empty() ? "" : ", ") + printable(name, 80);
  if (passed.other_files > passed.named.size()) names += ", \u2026";
  std::string parts;
  add_part(parts, passed.other_files, fmt::format("without the ending .json or .jsonl ({})", names));
  add_part(parts, passed.hidden, "hidden");
  add_part(parts, passed.repeated_folders, "already read under another name");
  add_part(parts, passed.deep_folders, fmt::format("deeper than {} folders", files::FolderWalk::deepest));
  return fmt::format("skipped {} in identity folders: {}", counted(all, "entry", "entries"), parts);
}

std::string place_in(const std::string& path, std::uint32_t line) {
  const std::string shown = printable(path, longest_shown_path);
  return line == 0 ? shown : fmt::format("{}:{}", shown, line);
}

bool InputFile::open(const std::string& path) {
  close();
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(unreadable(errno));
  if (S_ISDIR(status.st_mode)) return fail("is a folder, not a file");
  if (!S_ISREG(status.st_mode)) return fail("is not a regular file");
  if (static_cast<std::uintmax_t>(status.st_size) > largest_identity_file_bytes) {
    return fail(too_large(fmt::format("{} bytes long", status.st_size)));
  }
  // Should a FIFO have taken the name meanwhile, O_NONBLOCK opens that without waiting, too.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  return descriptor_ >= 0 || fail(std::string("cannot be opened: ") + std::strerror(errno));
}

std::size_t InputFile::read(std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size() && failure_.empty()) {
    const auto got = ::read(descriptor_, buffer.data() + filled, buffer.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(unreadable(errno));
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  if (total_bytes_ == 0 && failure_.empty()) {
    const std::string_view beginning(buffer.data(), std::min(filled, files::encoding_bytes));
    if (std::string foreign = files::foreign_encoding(beginning); !foreign.empty()) fail(std::move(foreign));
  }
  total_bytes_ += filled;
  // It may have grown since it was measured.
  if (total_bytes_ > largest_identity_file_bytes) fail(too_large("too long"));
  return failure_.empty() ? filled : 0;
}

void InputFile::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  total_bytes_ = 0;
  failure_.clear();
}

bool InputFile::fail(std::string why) {
  failure_ = std::move(why);
  return false;
}

}  // namespace fleet_sim::identity
