#include "app/output.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "base/text.h"
#include "files/new_file.h"

namespace fleet_sim::app {
namespace {

bool is_earlier_page(const std::string& path, std::string_view head) {
  files::PresentFile present(path);
  if (!present.exists()) return false;
  present.expect(head);
  return true;
}

std::string wrapped(std::string_view line, std::size_t columns) {
  const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
  std::string out;
  std::string row(indent, ' ');
  std::string_view rest = line.substr(indent);
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    const bool begins = row.size() == indent;
    if (!begins && most_columns(row) + 1 + most_columns(word) > columns) {
      out += row + '\n';
      row.assign(indent, ' ');
    } else if (!begins) {
      row += ' ';
    }
    row += cut_to_columns(word, columns - std::min(columns, indent));
  }
  return out + row;
}

}  // namespace

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  // Who reads through `head` has seen enough.
  if (errno != EPIPE) {
    throw std::runtime_error(std::string("cannot write to standard output: ") + std::strerror(errno));
  }
}

void check_page_place(const std::string& path, std::string_view head) {
  if (path != "-") is_earlier_page(path, head);
}

void write_page(const std::string& path, std::string_view page, std::string_view head,
                std::string_view what) {
  if (path == "-") return print(page);
  const bool replaces = is_earlier_page(path, head);
  files::NewFile file{path};
  file.write(page);
  replaces ? file.replace() : file.publish();
  fmt::print(stderr, "wrote the {} to {} ({})\n", what, path, bytes_text(page.size()));
}

std::size_t output_columns() {
  constexpr std::size_t least = 20;
  const char* const said = std::getenv("COLUMNS");
  std::size_t columns = said == nullptr ? 0 : std::strtoul(said, nullptr, 10);
  winsize size{};
  if (columns == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
  return columns == 0 ? std::string::npos : std::max(columns, least);
}

std::string fitted(std::string_view text, std::size_t columns) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const bool ended = line.size() < text.size();
    text.remove_prefix(line.size() + (ended ? 1 : 0));
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    const bool is_row = line.find("  ", begin) != line.npos;
    if (count_characters(line) <= columns) {
      out += line;
    } else {
      out += is_row ? cut_to_columns(line, columns) : wrapped(line, columns);
    }
    if (ended) out += '\n';
  }
  return out;
}

}  // namespace fleet_sim::app
