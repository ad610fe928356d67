#include "audit/row_columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "base/problems.h"
#include "base/text.h"
#include "files/encoding.h"

namespace fleet_sim::audit {
namespace {

constexpr std::array<std::string_view, slot_count> slot_names{"sensor_id",
                                                              "timestamp",
                                                              "due",
                                                              "sequence",
                                                              "arrived_at",
                                                              "status_code",
                                                              "anomaly_flag",
                                                              "anomaly_type",
                                                              "firmware_version",
                                                              "model",
                                                              "manufacturer",
                                                              "location",
                                                              ""};
constexpr std::size_t lines_looked_at = 1'000;  // of ndjson, for which members there are

}  // namespace

void add_column_name(ColumnNames& names, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size())
    throw InvalidInput(
        fmt::format("--map must be OURS=THEIRS, such as sensor_id=device, not {}", in_quotes(text)));
  names[std::string(text.substr(0, equals))] = text.substr(equals + 1);
}

RowColumns::RowColumns(const RowText& text, const Expectation& expected, const ColumnNames& names,
                       const std::string& arrival) {
  for (const std::string_view name : slot_names) ours_.emplace_back(name);
  note_channels(expected);
  for (const auto& [ours, theirs] : names) {
    if (std::ranges::find(ours_, ours) != ours_.end()) continue;
    const std::vector<std::string_view> known(ours_.begin(), ours_.end());
    throw InvalidInput(fmt::format("--map: readings have no column {}{}; they have {}", in_quotes(ours),
                                   did_you_mean(ours, known), fmt::join(known, ", ")));
  }
  theirs_ = ours_;
  theirs_[index_of(Slot::arrival)] = arrival;
  for (std::size_t slot = 0; slot < ours_.size(); ++slot) {
    if (const auto mapped = names.find(ours_[slot]); mapped != names.end()) theirs_[slot] = mapped->second;
  }
  for (std::size_t slot = ours_.size(); slot-- > 0;) {
    if (!theirs_[slot].empty() && slot != index_of(Slot::arrival)) slot_of_[theirs_[slot]] = slot;
  }
  if (!arrival.empty()) slot_of_[theirs_[index_of(Slot::arrival)]] = index_of(Slot::arrival);
  has_.resize(ours_.size());
  text.format() == TextFormat::csv ? note_header(text) : note_members(text);
  demand(text);
}

void RowColumns::note_channels(const Expectation& expected) {
  for (std::uint32_t track = 0; track < expected.tracks().size(); ++track) {
    const types::Schema& schema = expected.schema_of(track);
    const auto [entry, is_new] = channels_.try_emplace(&schema);
    if (!is_new) continue;
    for (const types::ChannelColumn& channel : schema.channels()) {
      const auto known = std::ranges::find(ours_, channel.name);
      entry->second.push_back(static_cast<std::size_t>(known - ours_.begin()));
      if (known == ours_.end()) ours_.push_back(channel.name);
    }
  }
}

void RowColumns::note(const RowText& text, std::string_view theirs) {
  seen_.emplace_back(theirs);
  const auto slot = slot_of(theirs);
  if (!slot) {
    not_judged_.push_back(printable(theirs, 60));
  } else if (has_[*slot]) {
    throw InvalidInput(fmt::format("{}: has two columns {}", text.name(), in_quotes(theirs)));
  } else {
    has_[*slot] = true;
  }
}

void RowColumns::note_header(const RowText& text) {
  for (const std::string& name : text.header()) {
    note(text, name);
    slot_of_field_.push_back(slot_of(name));
  }
}

void RowColumns::note_members(const RowText& text) {
  JsonLines lines(text.first(), text.name());
  for (std::size_t i = 0; i < lines_looked_at && lines.next(); ++i) {
    for (const JsonLines::Member& member : lines.members()) {
      if (std::ranges::find(seen_, member.name) == seen_.end()) note(text, member.name);
    }
  }
}

void RowColumns::fail_for(const RowText& text, std::string_view what) const {
  throw InvalidInput(fmt::format("{}: has no column {}; its columns are {}", text.name(), what,
                                 printable(fmt::format("{}", fmt::join(seen_, ", ")), 200)));
}

void demand_named(const std::vector<RowSource>& sources, const ColumnNames& names) {
  const RowColumns& first = sources.front().columns;
  for (std::size_t slot = 0; slot < first.slots(); ++slot) {
    const bool is_arrival = slot == index_of(Slot::arrival) && !first.theirs_[slot].empty();
    const auto has = [&](const RowSource& source) { return source.columns.has(slot); };
    if ((!is_arrival && !names.contains(first.name(slot))) || std::ranges::any_of(sources, has)) continue;
    first.fail_for(*sources.front().text, fmt::format("{}, which {} names", in_quotes(first.theirs_[slot]),
                                                      is_arrival ? "--arrival" : "--map"));
  }
}

void RowColumns::demand(const RowText& text) const {
  const std::string_view remedy = "; --map OURS=THEIRS names a column that is called something else";
  if (!has(Slot::sensor_id)) fail_for(text, fmt::format("sensor_id{}", remedy));
  if (!has(Slot::timestamp) && !has(Slot::due)) fail_for(text, fmt::format("timestamp{}", remedy));
}

bool RowColumns::is_header(std::span<const std::string_view> fields) const {
  std::string_view first = fields.front();
  if (first.starts_with(files::utf8_byte_order_mark)) first.remove_prefix(files::utf8_byte_order_mark.size());
  return first == seen_.front() && std::ranges::equal(fields.subspan(1), std::span(seen_).subspan(1));
}

bool RowColumns::next(CsvLines& lines, Cells& cells) const {
  const std::vector<std::string_view>& fields = lines.fields();
  do {
    if (!lines.next()) return false;
  } while (is_header(fields));
  if (fields.size() != slot_of_field_.size()) {
    lines.fail(fmt::format("has {} where the header has {}{}", counted(fields.size(), "field"),
                           slot_of_field_.size(),
                           fields.size() < slot_of_field_.size() && lines.ends_text()
                               ? "; the rows end here, and may have been cut short"
                               : "; put quotes around fields with commas"));
  }
  cells.assign(ours_.size(), {});
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (slot_of_field_[i]) cells[*slot_of_field_[i]] = fields[i];
  }
  return true;
}

bool RowColumns::next(JsonLines& lines, Cells& cells) const {
  if (!lines.next()) return false;
  cells.assign(ours_.size(), {});
  for (const JsonLines::Member& member : lines.members()) {
    if (const auto slot = slot_of(member.name)) cells[*slot] = member.value;
  }
  return true;
}

}  // namespace fleet_sim::audit
