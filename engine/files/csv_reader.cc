#include "files/csv_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"
#include "files/encoding.h"
#include "files/read_some.h"

namespace fleet_sim::files {
namespace {

constexpr std::size_t bytes_at_once = std::size_t{1} << 20;

}  // namespace

CsvReader::CsvReader(const std::string& path)
    : name_(path == "-" ? std::string(standard_input) : printable(path)), buffer_(bytes_at_once) {
  descriptor_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) throw InvalidInput(fmt::format("{}: cannot be read: {}", name_, std::strerror(errno)));
  read_ = [this](char* into, std::size_t most) { return read_some(descriptor_, name_, into, most); };
  read_header();
}

CsvReader::CsvReader(std::string name, Read read)
    : name_(std::move(name)), read_(std::move(read)), buffer_(bytes_at_once) {
  read_header();
}

CsvReader::~CsvReader() {
  if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

void CsvReader::fail(std::uint64_t line, std::string_view what) const {
  throw InvalidInput(fmt::format("{}:{}: {}", name_, line, what));
}

void CsvReader::read_header() {
  while (end_ < utf8_byte_order_mark.size() && fill()) {
  }
  if (std::string_view(buffer_.data(), end_).starts_with(utf8_byte_order_mark))
    begin_ = utf8_byte_order_mark.size();
  if (!read_record())
    throw InvalidInput(fmt::format("{}: is empty; its first line has to name the columns", name_));
  for (const std::string_view field : fields_) {
    if (find_text_flaw(field, "\t"))
      fail("the first line is not text that names columns; is this a CSV file?");
    header_.emplace_back(field);
  }
}

bool CsvReader::next() {
  if (!read_record()) return false;
  if (fields_.size() == header_.size()) return true;
  const bool may_be_cut = at_end_ && begin_ == end_ && fields_.size() < header_.size();
  fail(fmt::format("has {} where the header has {}{}", counted(fields_.size(), "field"), header_.size(),
                   may_be_cut ? "; the file ends here, and may have been cut short"
                              : "; put quotes around fields with commas"));
}

bool CsvReader::fill() {
  if (at_end_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
  const std::size_t count = read_(buffer_.data() + end_, buffer_.size() - end_);
  end_ += count;
  bytes_read_ += count;
  at_end_ = count == 0;
  return count > 0;
}

// Both are counted from begin_, because reading more moves it.
bool CsvReader::find_line_end(std::size_t from, std::size_t& end) {
  for (;;) {
    const char* start = buffer_.data() + begin_;
    const void* found = std::memchr(start + from, '\n', end_ - begin_ - from);
    if (found != nullptr) {
      end = static_cast<std::size_t>(static_cast<const char*>(found) - start);
      return true;
    }
    from = end_ - begin_;
    if (from > longest_record) {
      fail(line_, fmt::format("is longer than {}; is a quote or the end of a line missing?",
                              bytes_text(longest_record)));
    }
    if (!fill()) {
      end = from;
      return false;
    }
  }
}

bool CsvReader::read_record() {
  for (;;) {
    record_line_ = line_;
    std::size_t length = 0;
    bool has_end = find_line_end(0, length);
    if (!has_end && length == 0) return false;
    ++line_;
    const auto quotes = [&](std::size_t from) {
      return std::count(buffer_.data() + begin_ + from, buffer_.data() + begin_ + length, '"');
    };
    auto open = quotes(0);
    const bool is_quoted = open > 0;
    while (open % 2 == 1) {  // the line's end belongs to a field
      if (!has_end) fail("a quote is opened and never closed");
      if (length > longest_record) {
        fail(fmt::format("a quote is opened and not closed within {}", bytes_text(longest_record)));
      }
      const std::size_t from = length + 1;
      has_end = find_line_end(from, length);
      ++line_;
      open += quotes(from);
    }
    std::string_view record(buffer_.data() + begin_, length);
    begin_ += length + (has_end ? 1 : 0);
    if (record.ends_with('\r')) record.remove_suffix(1);
    if (record.empty()) continue;
    is_quoted ? split_quoted(record) : split(record);
    return true;
  }
}

void CsvReader::split(std::string_view record) {
  fields_.clear();
  for (;;) {
    const std::size_t comma = record.find(',');
    fields_.push_back(record.substr(0, comma));
    if (comma == std::string_view::npos) return;
    record.remove_prefix(comma + 1);
  }
}

void CsvReader::split_quoted(std::string_view record) {
  fields_.clear();
  unquoted_.clear();
  unquoted_.reserve(record.size());  // so that no view into it moves
  for (std::size_t at = 0;;) {
    if (at < record.size() && record[at] == '"') {
      fields_.push_back(unquoted(record, at));
    } else {
      const std::size_t end = std::min(record.find(',', at), record.size());
      const std::string_view field = record.substr(at, end - at);
      if (field.find('"') != std::string_view::npos)
        fail(
            "has a quote within a field that does not begin with one; put the field in quotes and double its "
            "own");
      fields_.push_back(field);
      at = end;
    }
    if (at == record.size()) return;
    ++at;  // the comma
  }
}

// A field that begins with a quote; `at` moves behind it.
std::string_view CsvReader::unquoted(std::string_view record, std::size_t& at) {
  const std::size_t begin = unquoted_.size();
  for (++at;;) {
    const std::size_t quote = record.find('"', at);
    if (quote == std::string_view::npos) fail("a quote is opened and never closed");
    unquoted_ += record.substr(at, quote - at);
    at = quote + 1;
    if (at == record.size() || record[at] == ',') break;
    if (record[at] != '"') fail("has text behind a closing quote; double a quote that belongs to a field");
    unquoted_ += '"';
    ++at;
  }
  return std::string_view(unquoted_).substr(begin);
}

}  // namespace fleet_sim::files
