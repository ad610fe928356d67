#include "files/row_text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"
#include "files/encoding.h"
#include "files/read_some.h"

namespace fleet_sim::files {
namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 19;

[[noreturn]] void fail_at(const std::string& name, std::uint64_t line, std::string_view what) {
  throw InvalidInput(fmt::format("{}:{}: {}", name, line, what));
}

}  // namespace

RowText::RowText(const std::string& path)
    : name_(path == "-" ? std::string(standard_input) : printable(path)) {
  descriptor_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) throw InvalidInput(fmt::format("{}: cannot be read: {}", name_, std::strerror(errno)));
  read_ = [this](char* into, std::size_t most) { return read_some(descriptor_, name_, into, most); };
  begin();
}

RowText::RowText(std::string name, Read read) : name_(std::move(name)), read_(std::move(read)) {
  begin();
}

RowText::~RowText() {
  if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

void RowText::begin() {
  while (rest_.size() < encoding_bytes && fill(block_bytes)) {
  }
  if (const std::string problem = foreign_encoding(rest_); !problem.empty())
    throw InvalidInput(fmt::format("{}: {}", name_, problem));
  if (rest_.starts_with(utf8_byte_order_mark)) rest_.erase(0, utf8_byte_order_mark.size());
  constexpr std::string_view space = " \t\r\n";
  while (rest_.find_first_not_of(space) == std::string::npos && rest_.size() < longest_line &&
         fill(block_bytes)) {
  }
  const std::size_t begin = rest_.find_first_not_of(space);
  if (begin == std::string::npos)
    throw InvalidInput(
        fmt::format("{}: is empty; rows are CSV with a header, or a JSON object a line", name_));
  if (rest_[begin] == '[')
    throw InvalidInput(
        fmt::format("{}: is a JSON array; rows are CSV with a header, or a JSON object a line, as `jq -c "
                    "'.[]'` makes them",
                    name_));
  format_ = rest_[begin] == '{' ? TextFormat::ndjson : TextFormat::csv;
  has_first_ = take(first_);
  if (format_ == TextFormat::ndjson) return;
  CsvLines lines(first_, name_);
  lines.next();
  for (const std::string_view field : lines.fields()) {
    if (find_text_flaw(field, "\t"))
      lines.fail("the first line is not text that names columns; is this CSV with a header?");
    header_.emplace_back(field);
  }
}

// A line that ends in a field in quotes goes on.
std::size_t RowText::end_of_lines() const {
  if (format_ == TextFormat::ndjson || rest_.find('"') == std::string::npos) {
    const std::size_t last = rest_.rfind('\n');
    return last == std::string::npos ? 0 : last + 1;
  }
  std::size_t end = 0;
  bool is_open = false;
  const char* const begin = rest_.data();
  for (std::size_t at = 0; at < rest_.size(); ++at) {
    const char c = begin[at];
    if (c == '"') is_open = !is_open;
    if (c == '\n' && !is_open) end = at + 1;
  }
  return end;
}

bool RowText::fill(std::size_t most) {
  if (at_end_) return false;
  const std::size_t before = rest_.size();
  rest_.resize(before + most);
  const std::size_t count = read_(rest_.data() + before, most);
  rest_.resize(before + count);
  bytes_read_ += count;
  at_end_ = count == 0;
  return count > 0;
}

bool RowText::take(TextBlock& block) {
  std::size_t end = 0;
  for (;;) {
    while (rest_.size() < block_bytes && fill(block_bytes - rest_.size())) {
    }
    end = at_end_ ? rest_.size() : end_of_lines();
    if (end > 0 || at_end_) break;
    if (rest_.size() > longest_line) {
      fail_at(name_, line_,
              fmt::format("is longer than {}; is a quote or the end of a line missing?",
                          bytes_text(longest_line)));
    }
    fill(block_bytes);
  }
  block.first_line = line_;
  block.text.assign(rest_, 0, end);
  rest_.erase(0, end);
  line_ += static_cast<std::uint64_t>(std::ranges::count(block.text, '\n'));
  return end > 0;
}

bool RowText::next(TextBlock& block) {
  if (!std::exchange(has_first_, false)) return take(block);
  block = std::move(first_);
  if (format_ == TextFormat::ndjson) return true;
  CsvLines lines(block, name_);
  lines.next();  // the header
  block.first_line += static_cast<std::uint64_t>(
      std::count(block.text.begin(), block.text.begin() + static_cast<std::ptrdiff_t>(lines.taken()), '\n'));
  block.text.erase(0, lines.taken());
  return true;
}

void CsvLines::fail(std::string_view what) const {
  fail_at(name_, record_line_, what);
}

bool CsvLines::next() {
  for (;;) {
    if (at_ == text_.size()) return false;
    record_line_ = line_;
    std::size_t end = text_.find('\n', at_);
    has_end_ = end != std::string_view::npos;
    if (!has_end_) end = text_.size();
    fields_.clear();
    const std::string_view record = text_.substr(at_, end - at_);
    if (record.find('"') != std::string_view::npos) {
      split_quoted();
      return true;
    }
    ++line_;
    std::string_view rest = record.ends_with('\r') ? record.substr(0, record.size() - 1) : record;
    at_ = end + (has_end_ ? 1 : 0);
    if (rest.empty()) continue;
    for (;;) {
      const std::size_t comma = rest.find(',');
      fields_.push_back(rest.substr(0, comma));
      if (comma == std::string_view::npos) return true;
      rest.remove_prefix(comma + 1);
    }
  }
}

void CsvLines::split_quoted() {
  unquoted_.clear();
  unquoted_.reserve(text_.size() - at_);  // so that no view into it moves
  for (;;) {
    if (at_ < text_.size() && text_[at_] == '"') {
      fields_.push_back(quoted());
    } else {
      const std::size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
      std::string_view field = text_.substr(at_, end - at_);
      if (field.find('"') != std::string_view::npos)
        fail(
            "has a quote within a field that does not begin with one; put the field in quotes and double its "
            "own");
      const bool ends_line = end == text_.size() || text_[end] == '\n';
      if (ends_line && field.ends_with('\r')) field.remove_suffix(1);
      fields_.push_back(field);
      at_ = end;
    }
    has_end_ = at_ < text_.size() && text_[at_] == '\n';
    if (at_ == text_.size()) break;
    ++at_;
    if (has_end_) break;
  }
  ++line_;
}

std::string_view CsvLines::quoted() {
  const std::size_t begin = unquoted_.size();
  for (++at_;;) {
    const std::size_t quote = text_.find('"', at_);
    if (quote == std::string_view::npos) fail("a quote is opened and never closed");
    const std::string_view piece = text_.substr(at_, quote - at_);
    line_ += static_cast<std::uint64_t>(std::ranges::count(piece, '\n'));
    unquoted_ += piece;
    at_ = quote + 1;
    if (at_ + 1 < text_.size() && text_[at_] == '\r' && text_[at_ + 1] == '\n') ++at_;
    if (at_ == text_.size() || text_[at_] == ',' || text_[at_] == '\n') break;
    if (text_[at_] != '"') fail("has text behind a closing quote; double a quote that belongs to a field");
    unquoted_ += '"';
    ++at_;
  }
  return std::string_view(unquoted_).substr(begin);
}

void JsonLines::fail(std::string_view what) const {
  fail_at(name_, record_line_, what);
}

void JsonLines::skip_space() {
  while (at_ < end_ && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
}

bool JsonLines::next() {
  for (;;) {
    if (at_ >= text_.size()) return false;
    record_line_ = line_++;
    end_ = std::min(text_.find('\n', at_), text_.size());
    skip_space();
    if (at_ < end_) break;
    at_ = end_ + 1;
  }
  members_.clear();
  unescaped_.clear();
  unescaped_.reserve(end_ - at_);
  if (!is('{')) fail("is no JSON object");
  ++at_;
  skip_space();
  while (!is('}')) {
    const std::string_view name = string();
    skip_space();
    if (!is(':')) fail("is no JSON object: a colon is missing");
    ++at_;
    skip_space();
    members_.push_back({name, value()});
    skip_space();
    if (is('}')) break;
    if (!is(','))
      fail("is no JSON object: a comma or a closing bracket is missing; it may have been cut short");
    ++at_;
    skip_space();
    if (is('}')) fail("is no JSON object: nothing follows a comma");
  }
  ++at_;
  skip_space();
  if (at_ != end_) fail("has text behind the JSON object");
  at_ = end_ + 1;
  return true;
}

std::string_view JsonLines::string() {
  if (!is('"')) fail("is no JSON object: a name in quotes is missing");
  const std::size_t begin = ++at_;
  const std::size_t quote = std::min(text_.find_first_of("\"\\", at_), end_);
  if (quote < end_ && text_[quote] == '"') {
    at_ = quote + 1;
    return text_.substr(begin, quote - begin);
  }
  return escaped_string(begin);
}

std::string_view JsonLines::escaped_string(std::size_t begin) {
  const std::size_t start = unescaped_.size();
  for (at_ = begin;;) {
    if (at_ >= end_) fail("a quote is opened and never closed");
    const char c = text_[at_++];
    if (c == '"') break;
    if (c != '\\') {
      unescaped_ += c;
      continue;
    }
    if (at_ >= end_) fail("a quote is opened and never closed");
    const char escaped = text_[at_++];
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
    if (escaped == 'u') {
      append_code_point();
    } else if (const std::size_t known = letters.find(escaped); known != std::string_view::npos) {
      unescaped_ += meant[known];
    } else {
      fail("has a backslash that JSON does not know");
    }
  }
  return std::string_view(unescaped_).substr(start);
}

void JsonLines::append_code_point() {
  const auto unit = [&]() -> std::uint32_t {
    std::uint32_t code = 0;
    if (at_ + 4 > end_) fail("has a \\u without four digits");
    const auto [stop, error] = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, code, 16);
    if (error != std::errc{} || stop != text_.data() + at_ + 4) fail("has a \\u without four digits");
    at_ += 4;
    return code;
  };
  std::uint32_t code = unit();
  const bool is_half = code >= 0xD800 && code < 0xDC00;
  if (is_half && at_ + 1 < end_ && text_[at_] == '\\' && text_[at_ + 1] == 'u') {
    at_ += 2;
    code = 0x10000 + ((code - 0xD800) << 10) + ((unit() - 0xDC00) & 0x3FF);
  }
  const auto put = [&](std::uint32_t byte) { unescaped_ += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

std::string_view JsonLines::value() {
  if (is('"')) return string();
  if (is('{') || is('[')) return nested();
  const std::size_t begin = at_;
  while (at_ < end_ && std::string_view(",}] \t\r").find(text_[at_]) == std::string_view::npos) ++at_;
  const std::string_view text = text_.substr(begin, at_ - begin);
  if (text.empty()) fail("is no JSON object: a value is missing");
  return text == "null" ? text.substr(text.size()) : text;
}

std::string_view JsonLines::nested() {
  const std::size_t begin = at_;
  int depth = 0;
  do {
    if (at_ >= end_) fail("is no JSON object: a closing bracket is missing; it may have been cut short");
    if (is('"')) {
      string();
      continue;
    }
    if (is('{') || is('[')) ++depth;
    if (is('}') || is(']')) --depth;
    ++at_;
  } while (depth > 0);
  return text_.substr(begin, at_ - begin);
}

}  // namespace fleet_sim::files
