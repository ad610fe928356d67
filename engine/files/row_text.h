// Rows as text, from a file, standard input or whoever writes them: CSV with a header, or a JSON object in
// each line. Read once, from front to back, in blocks of whole lines, so that other threads can take them
// apart. A line has a bounded length, and so has a block. Throws InvalidInput as `name:line: what`. One
// thread; owns the descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "files/csv_reader.h"

namespace fleet_sim::files {

enum class TextFormat : std::uint8_t { csv, ndjson };

struct TextBlock {
  std::string text;  // whole lines; the last one of all may lack its end
  std::uint64_t first_line = 1;
};

class RowText {
 public:
  static constexpr std::size_t longest_line = std::size_t{1} << 20;

  using Read = CsvReader::Read;

  // A file, or "-" for standard input. Reads the first lines at once.
  explicit RowText(const std::string& path);
  RowText(std::string name, Read read);
  RowText(const RowText&) = delete;
  RowText& operator=(const RowText&) = delete;
  ~RowText();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] TextFormat format() const { return format_; }
  // The names of the columns of csv.
  [[nodiscard]] const std::vector<std::string>& header() const { return header_; }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

  // The next lines; false after the last. The first block can be looked at before it is taken.
  bool next(TextBlock& block);
  [[nodiscard]] const TextBlock& first() const { return first_; }

 private:
  void begin();
  bool take(TextBlock& block);
  bool fill(std::size_t most);
  [[nodiscard]] std::size_t end_of_lines() const;

  std::string name_;
  int descriptor_ = -1;
  Read read_;
  TextFormat format_ = TextFormat::csv;
  std::vector<std::string> header_;
  std::string rest_;  // read, and not taken yet
  bool at_end_ = false;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t line_ = 1;  // of `rest_`
  TextBlock first_;
  bool has_first_ = false;
};

// Takes the lines of a block apart. The fields are valid until the next line.
class CsvLines {
 public:
  CsvLines(const TextBlock& block, const std::string& name)
      : text_(block.text), name_(name), line_(block.first_line) {}

  // Skips empty lines; false after the last.
  bool next();
  [[nodiscard]] const std::vector<std::string_view>& fields() const { return fields_; }
  [[nodiscard]] std::uint64_t line() const { return record_line_; }
  // The line is the last one, and lacks its end.
  [[nodiscard]] bool ends_text() const { return at_ == text_.size() && !has_end_; }
  // Bytes of the block so far.
  [[nodiscard]] std::size_t taken() const { return at_; }
  [[noreturn]] void fail(std::string_view what) const;

 private:
  void split_quoted();
  std::string_view quoted();

  std::string_view text_;
  const std::string& name_;
  std::uint64_t line_;
  std::uint64_t record_line_ = 0;
  std::size_t at_ = 0;
  bool has_end_ = true;
  std::vector<std::string_view> fields_;
  std::string unquoted_;
};

// Likewise. Values are text as it is meant; null is an empty one, and objects and lists stay as they are.
class JsonLines {
 public:
  struct Member {
    std::string_view name;
    std::string_view value;
  };

  JsonLines(const TextBlock& block, const std::string& name)
      : text_(block.text), name_(name), line_(block.first_line) {}

  bool next();
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  // A line that was cut short is no object.
  [[nodiscard]] static constexpr bool ends_text() { return false; }
  [[nodiscard]] std::uint64_t line() const { return record_line_; }
  [[noreturn]] void fail(std::string_view what) const;

 private:
  void skip_space();
  [[nodiscard]] bool is(char c) const { return at_ < end_ && text_[at_] == c; }
  std::string_view string();
  std::string_view escaped_string(std::size_t begin);
  void append_code_point();
  std::string_view value();
  std::string_view nested();

  std::string_view text_;
  const std::string& name_;
  std::uint64_t line_;
  std::uint64_t record_line_ = 0;
  std::size_t at_ = 0;
  std::size_t end_ = 0;  // of the line
  std::vector<Member> members_;
  std::string unescaped_;
};

}  // namespace fleet_sim::files
