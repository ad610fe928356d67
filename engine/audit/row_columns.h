// Which columns rows have, and where each of ours stands among them. Made from the first lines, by one
// thread; then any thread reads. Throws InvalidInput for columns that are missing, named twice, or mapped to
// what is not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/expectation.h"
#include "files/row_text.h"

namespace fleet_sim::audit {

using files::CsvLines;
using files::JsonLines;
using files::RowText;
using files::TextBlock;
using files::TextFormat;

// Names of columns by ours, for those that are called otherwise.
using ColumnNames = std::map<std::string, std::string, std::less<>>;

// Reads OURS=THEIRS into the names.
void add_column_name(ColumnNames& names, std::string_view text);

// The columns that every reading has. Channels follow them.
enum class Slot : std::uint8_t {
  sensor_id,
  timestamp,
  due,
  sequence,
  arrived_at,
  status_code,
  anomaly_flag,
  anomaly_type,
  firmware_version,
  model,
  manufacturer,
  location,
  arrival  // when a row came to the other side; by --arrival
};
inline constexpr std::size_t slot_count = 13;
constexpr std::size_t index_of(Slot slot) {
  return static_cast<std::size_t>(slot);
}

// The texts of a row, by slot; what it does not have is nowhere (data() is null), and what is null is empty.
using Cells = std::vector<std::string_view>;

struct RowSource;

class RowColumns {
 public:
  RowColumns(const RowText& text, const Expectation& expected, const ColumnNames& names,
             const std::string& arrival);

  // Whether rows have it: by the header, or by the first lines, after which some may have more.
  [[nodiscard]] bool has(std::size_t slot) const { return has_[slot]; }
  [[nodiscard]] bool has(Slot slot) const { return has_[index_of(slot)]; }
  [[nodiscard]] std::size_t slots() const { return ours_.size(); }
  [[nodiscard]] const std::string& name(std::size_t slot) const { return ours_[slot]; }
  // The slots of the channels of a schema, in their order.
  [[nodiscard]] const std::vector<std::size_t>& channels_of(const types::Schema& schema) const {
    return channels_.at(&schema);
  }
  // Columns of the rows that nobody judges.
  [[nodiscard]] const std::vector<std::string>& not_judged() const { return not_judged_; }

  // The next row of a block; false after the last. The header comes again where files were put together.
  bool next(CsvLines& lines, Cells& cells) const;
  bool next(JsonLines& lines, Cells& cells) const;

 private:
  friend void demand_named(const std::vector<RowSource>& sources, const ColumnNames& names);

  [[nodiscard]] std::optional<std::size_t> slot_of(std::string_view theirs) const {
    const auto known = slot_of_.find(theirs);
    return known == slot_of_.end() ? std::nullopt : std::optional(known->second);
  }
  void note_channels(const Expectation& expected);
  void note(const RowText& text, std::string_view theirs);
  void note_header(const RowText& text);
  void note_members(const RowText& text);
  [[noreturn]] void fail_for(const RowText& text, std::string_view what) const;
  // Once more, with or without the mark with which a text may begin.
  [[nodiscard]] bool is_header(std::span<const std::string_view> fields) const;
  void demand(const RowText& text) const;

  std::vector<std::string> ours_;  // by slot
  std::vector<bool> has_;
  std::unordered_map<std::string_view, std::size_t> slot_of_;  // by their names, which are …
  std::vector<std::string> theirs_;                            // … these, by slot
  std::vector<std::optional<std::size_t>> slot_of_field_;      // of csv
  std::unordered_map<const types::Schema*, std::vector<std::size_t>> channels_;
  std::vector<std::string> not_judged_;
  std::vector<std::string> seen_;
};

// Rows that have the same columns.
struct RowSource {
  std::unique_ptr<RowText> text;
  RowColumns columns;
};

// Each column that --map or --arrival names, of one source at least.
void demand_named(const std::vector<RowSource>& sources, const ColumnNames& names);

}  // namespace fleet_sim::audit
