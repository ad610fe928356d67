// Reads a CSV file of any size, record by record: RFC 4180 with a header, commas, and lines that end in "\n"
// or "\r\n"; a byte order mark and empty lines are skipped. A record has a bounded length, so memory is
// bounded whatever the file holds. What is wrong is said as `file:line: what, and what to do`, in an
// InvalidInput. Owns the descriptor; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fleet_sim::files {

class CsvReader {
 public:
  static constexpr std::size_t longest_record = std::size_t{1} << 20;

  // Puts the next bytes where it is told, at most so many; 0 at the end.
  using Read = std::function<std::size_t(char* into, std::size_t most)>;

  // A file, or "-" for standard input. Reads the header at once.
  explicit CsvReader(const std::string& path);
  CsvReader(std::string name, Read read);
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;
  ~CsvReader();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<std::string>& header() const { return header_; }

  // Reads the next record, which has as many fields as the header; false after the last.
  bool next();

  // Of the record read last; valid until the next.
  [[nodiscard]] std::string_view operator[](std::size_t field) const { return fields_[field]; }
  [[nodiscard]] std::uint64_t line() const { return record_line_; }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

  // Throws InvalidInput about the record read last, or another line.
  [[noreturn]] void fail(std::string_view what) const { fail(record_line_, what); }
  [[noreturn]] void fail(std::uint64_t line, std::string_view what) const;

 private:
  void read_header();
  bool read_record();
  // The next line without its end, or nothing more; `from` is where to look for that end.
  bool find_line_end(std::size_t from, std::size_t& end);
  bool fill();
  void split(std::string_view record);
  void split_quoted(std::string_view record);
  std::string_view unquoted(std::string_view record, std::size_t& at);

  std::string name_;
  int descriptor_ = -1;
  Read read_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what has not been read of the buffer …
  std::size_t end_ = 0;    // … and its end
  bool at_end_ = false;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t line_ = 1;  // that comes next
  std::uint64_t record_line_ = 1;
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
  std::string unquoted_;  // texts of fields that had doubled quotes
};

// The name for standard input in messages.
inline constexpr std::string_view standard_input = "standard input";

}  // namespace fleet_sim::files
