#include "tables/channel_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.h"

namespace fleet_sim::tables {
namespace {

constexpr const char* create_table = R"sql(
CREATE TABLE IF NOT EXISTS channel_info (
  name TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  unit TEXT NOT NULL,
  kind TEXT NOT NULL,
  resolution REAL,
  states TEXT
);
DELETE FROM channel_info;
)sql";
constexpr std::string_view insert_channel =
    "INSERT INTO channel_info (name, type, unit, kind, resolution, states) "
    "VALUES (?1, ?2, ?3, ?4, nullif(?5, 0.0), nullif(?6, ''))";
// Somebody may have changed what is there: texts are cut, and what is no list of states is none.
constexpr std::string_view select_channel =
    "SELECT substr(type, 1, 63), substr(unit, 1, 32), kind, coalesce(resolution, 0.0) FROM channel_info "
    "WHERE name = ?1 LIMIT 1";
constexpr std::string_view select_states =
    "SELECT substr(s.value, 1, 64) FROM channel_info AS c, "
    "json_each(CASE WHEN json_valid(c.states) THEN c.states ELSE '[]' END) AS s "
    "WHERE c.name = ?1 ORDER BY s.key LIMIT 16";

std::string states_text(const std::vector<std::string>& states) {
  if (states.empty()) return {};
  std::string text;
  for (const std::string& state : states) {
    text += text.empty() ? "[" : ",";
    append_json_text(text, state);
  }
  return text + "]";
}

types::ChannelKind kind_of(std::string_view name) {
  const auto found = std::ranges::find(types::channel_kind_names, name);
  if (found == types::channel_kind_names.end()) return types::ChannelKind::gauge;
  return static_cast<types::ChannelKind>(found - types::channel_kind_names.begin());
}

}  // namespace

StorageError record_channels(Database& database, const types::Schema& schema) {
  StorageError error = database.execute(create_table);
  for (const types::ChannelColumn& channel : schema.channels()) {
    if (!error.ok()) return error;
    error = database.run(insert_channel, channel.name, schema.type(), channel.unit,
                         types::channel_kind_names[static_cast<std::size_t>(channel.kind)],
                         channel.resolution, states_text(channel.states));
  }
  return error;
}

std::string channels_view(std::string_view type) {
  return fmt::format("CREATE TEMP VIEW channel_info AS SELECT * FROM main.channel_info WHERE type = '{}';",
                     type);
}

StorageError read_channels(Database& database, types::Schema& schema) {
  if (!database.has_table("channel_info")) return {};
  std::string type;
  std::vector<types::ChannelColumn> channels(schema.channels().begin(), schema.channels().end());
  for (types::ChannelColumn& channel : channels) {
    bool is_there = false;
    const auto take = [&](const Statement& row) {
      is_there = true;
      type = row.text(0);
      channel.unit = row.text(1);
      channel.kind = kind_of(row.text(2));
      channel.resolution = std::max(0.0, row.real(3));
    };
    if (StorageError error = database.query(select_channel, take, channel.name); !error.ok()) return error;
    if (!is_there) return {};
    channel.decimals = types::decimals_of(channel.kind, channel.resolution, channel.decimals);
    channel.states.clear();
    const auto take_state = [&](const Statement& row) { channel.states.emplace_back(row.text(0)); };
    if (StorageError error = database.query(select_states, take_state, channel.name); !error.ok())
      return error;
  }
  schema = types::Schema(std::move(type), std::move(channels)).with_delivery(schema.has_delivery());
  return {};
}

}  // namespace fleet_sim::tables
