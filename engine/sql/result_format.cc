#include "sql/result_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/json_writer.h"
#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"

namespace fleet_sim::sql {
namespace {

std::string real_text(double number) {
  if (!std::isfinite(number)) return number > 0 ? "Inf" : "-Inf";
  std::string text = fmt::format("{}", number);
  return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02X}", static_cast<unsigned char>(c));
  return text;
}

// As it stands, apart from what differs between the formats.
std::string plain_text_of(const Cell& cell) {
  switch (cell.type) {
    case Cell::Type::null:
      return {};
    case Cell::Type::integer:
      return fmt::format("{}", cell.integer);
    case Cell::Type::real:
      return real_text(cell.real);
    case Cell::Type::text:
      return std::string(cell.bytes);
    case Cell::Type::blob:
      return hexadecimal(cell.bytes);
  }
  return {};
}

// ---- a table for people ----

class TableFormat final : public ResultFormat {
 public:
  explicit TableFormat(std::size_t widest) : widest_(widest) {}

  void begin(const std::vector<std::string>& columns, std::string& /*out*/) override {
    header_.clear();
    widths_.assign(columns.size(), 0);
    is_number_.assign(columns.size(), true);
    for (const std::string& name : columns) header_.push_back(shown(name));
  }

  void row(const std::vector<Cell>& cells, std::string& out) override {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      texts.push_back(cells[i].type == Cell::Type::null ? "NULL" : shown(plain_text_of(cells[i])));
      waiting_bytes_ += texts.back().size();
      if (cells[i].type == Cell::Type::text || cells[i].type == Cell::Type::blob) is_number_[i] = false;
    }
    if (is_open_) return line(texts, out);
    waiting_.push_back(std::move(texts));
    if (waiting_.size() >= most_rows || waiting_bytes_ >= most_bytes) open(out);
  }

  void end(std::string& out) override {
    if (!is_open_) open(out);
    is_open_ = false;
  }

 private:
  static constexpr std::size_t most_rows = 1'000;
  static constexpr std::size_t most_bytes = 1'000'000;

  // On one line, whatever it holds.
  [[nodiscard]] std::string shown(const std::string& text) const {
    std::string line;
    for (const char c : text) c == '\n' ? line += "\\n" : line += c;
    line = printable(line);
    return widest_ == std::string::npos ? line : cut_to_columns(line, widest_);
  }

  void open(std::string& out) {
    is_open_ = true;
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      widths_[i] = count_characters(header_[i]);
      for (const auto& texts : waiting_) widths_[i] = std::max(widths_[i], count_characters(texts[i]));
    }
    line(header_, out);
    std::string rule;
    for (const std::size_t width : widths_) rule += (rule.empty() ? "" : "  ") + std::string(width, '-');
    out += rule + '\n';
    for (const auto& texts : std::exchange(waiting_, {})) line(texts, out);
    waiting_bytes_ = 0;
  }

  void line(const std::vector<std::string>& texts, std::string& out) const {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::size_t characters = count_characters(texts[i]);
      const std::string padding(widths_[i] - std::min(widths_[i], characters), ' ');
      const bool is_last = i + 1 == texts.size();
      if (i > 0) out += "  ";
      out += is_number_[i] ? padding + texts[i] : texts[i] + (is_last ? "" : padding);
    }
    out += '\n';
  }

  const std::size_t widest_;
  std::vector<std::string> header_;
  std::vector<std::size_t> widths_;
  std::vector<bool> is_number_;  // of the columns: written to the right
  std::vector<std::vector<std::string>> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool is_open_ = false;  // the widths are known
};

// ---- CSV ----

class CsvFormat final : public ResultFormat {
 public:
  void begin(const std::vector<std::string>& columns, std::string& out) override {
    std::string_view separator;
    for (const std::string& name : columns) {
      out += std::exchange(separator, ",");
      field(name, out);
    }
    out += "\r\n";
  }

  void row(const std::vector<Cell>& cells, std::string& out) override {
    std::string_view separator;
    for (const Cell& cell : cells) {
      out += std::exchange(separator, ",");
      if (cell.type == Cell::Type::text) {
        field(cell.bytes, out);
      } else {
        out += plain_text_of(cell);
      }
    }
    out += "\r\n";
  }

  void end(std::string& /*out*/) override {}

 private:
  static void field(std::string_view text, std::string& out) {
    const bool is_bare = !text.empty() && text.find_first_of(",\"\r\n") == text.npos;
    if (is_bare) {
      out += text;
      return;
    }
    out += '"';
    for (const char c : text) out.append(c == '"' ? 2 : 1, c);
    out += '"';
  }
};

// ---- JSON: an array with an object on each line ----

class JsonFormat final : public ResultFormat {
 public:
  void begin(const std::vector<std::string>& columns, std::string& out) override {
    keys_.clear();
    std::set<std::string> known;
    for (const std::string& name : columns) {
      std::string key = name;
      for (int n = 2; !known.insert(key).second; ++n) key = fmt::format("{}_{}", name, n);
      keys_.push_back(std::move(key));
    }
    is_first_ = true;
    out += '[';
  }

  void row(const std::vector<Cell>& cells, std::string& out) override {
    out += std::exchange(is_first_, false) ? "\n" : ",\n";
    JsonWriter json(out, JsonLayout::spaced, JsonReals::with_point);
    json.object([&] {
      for (std::size_t i = 0; i < cells.size(); ++i) {
        json.any_key(keys_[i]);
        add(cells[i], json);
      }
    });
  }

  void end(std::string& out) override { out += is_first_ ? "]\n" : "\n]\n"; }

 private:
  static void add(const Cell& cell, JsonWriter& json) {
    switch (cell.type) {
      case Cell::Type::null:
        return json.value(std::nullopt);
      case Cell::Type::integer:
        return json.value(cell.integer);
      case Cell::Type::real:
        return json.value(cell.real);
      case Cell::Type::text:
        return json.value(cell.bytes);
      case Cell::Type::blob:
        return json.value(hexadecimal(cell.bytes));
    }
  }

  std::vector<std::string> keys_;  // each once
  bool is_first_ = true;
};

}  // namespace

std::unique_ptr<ResultFormat> make_format(std::string_view name, std::size_t widest) {
  if (name == "csv") return std::make_unique<CsvFormat>();
  if (name == "json") return std::make_unique<JsonFormat>();
  if (name == "table") return std::make_unique<TableFormat>(widest);
  throw InvalidInput(fmt::format("{} is not one of {}{}", in_quotes(name), fmt::join(format_names, ", "),
                                 did_you_mean(name, format_names)));
}

}  // namespace fleet_sim::sql
