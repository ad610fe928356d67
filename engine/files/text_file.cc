#include "files/text_file.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/plain_text.h"
#include "files/encoding.h"

namespace fleet_sim::files {
namespace {

class Descriptor {
 public:
  // Non-blocking, in case a pipe takes the file's place after it was looked at.
  explicit Descriptor(const std::filesystem::path& path)
      : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

std::string system_message(int error) {
  return std::generic_category().message(error);
}

std::string too_large(std::uintmax_t largest) {
  return fmt::format("is larger than the {} bytes allowed", largest);
}

// Why the path cannot be a text file, from looking only; empty if it can.
std::string refusal(const std::filesystem::path& path, std::uintmax_t largest) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    return error && error.value() != ENOENT ? error.message() : "does not exist";
  if (std::filesystem::is_directory(status)) return "is a folder, not a file";
  if (!std::filesystem::is_regular_file(status)) return "is not a regular file";
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return error.message();
  return size > largest ? too_large(largest) : std::string();
}

// Reads to the end, or to one byte past `largest`: a file can grow, and /proc reports no sizes.
std::string read_all(const std::filesystem::path& path, std::uintmax_t largest, std::string& content) {
  const Descriptor file(path);
  if (file.number() < 0) return fmt::format("cannot be opened: {}", system_message(errno));
  std::array<char, 65'536> piece{};
  while (content.size() <= largest) {
    const ssize_t bytes = ::read(file.number(), piece.data(), piece.size());
    if (bytes == 0) return {};
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return fmt::format("cannot be read: {}", system_message(errno));
    content.append(piece.data(), static_cast<std::size_t>(bytes));
  }
  return too_large(largest);
}

std::size_t line_of(std::string_view content, std::size_t offset) {
  return 1 + static_cast<std::size_t>(std::ranges::count(content.substr(0, offset), '\n'));
}

}  // namespace

std::optional<std::string> read_text_file(const std::filesystem::path& path, std::uintmax_t largest,
                                          Problems& problems) {
  std::string content;
  std::string wrong = refusal(path, largest);
  if (wrong.empty()) wrong = read_all(path, largest, content);
  if (wrong.empty()) wrong = foreign_encoding(content);
  if (!wrong.empty()) {
    problems.add(path.string(), wrong);
    return std::nullopt;
  }
  if (content.starts_with(utf8_byte_order_mark)) content.erase(0, utf8_byte_order_mark.size());
  return is_text(content, path.string(), problems) ? std::optional(std::move(content)) : std::nullopt;
}

bool is_text(std::string_view content, const std::string& place, Problems& problems) {
  const auto flaw = find_text_flaw(content, "\t\r\n");
  if (!flaw) return true;
  problems.add(fmt::format("{}:{}", place, line_of(content, flaw->offset)),
               flaw->is_utf8 ? std::string(flaw->why) : not_utf8(content[flaw->offset]));
  return false;
}

}  // namespace fleet_sim::files
