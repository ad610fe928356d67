#include "tables/run_identities.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "identity/identity_json.h"
#include "identity/identity_parser.h"
#include "tables/schema.h"
#include "types/built_in_type.h"

namespace fleet_sim::tables {
namespace {

constexpr std::size_t identities_per_part = 1'000;

constexpr const char* create_run_identities = R"sql(
CREATE TABLE IF NOT EXISTS run_identities (
  run_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  at TEXT NOT NULL,
  part INTEGER NOT NULL,
  identities TEXT NOT NULL,
  removed TEXT NOT NULL,
  PRIMARY KEY (run_id, number, at, part)
))sql";

constexpr std::string_view insert_part =
    "INSERT OR IGNORE INTO run_identities (run_id, number, at, part, identities, removed) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
constexpr std::string_view select_entries =
    "SELECT number, at FROM run_identities WHERE run_id = ?1 AND part = 0 ORDER BY number, at";
constexpr std::string_view select_parts =
    "SELECT identities, removed FROM run_identities WHERE run_id = ?1 AND number = ?2 AND at = ?3 ORDER BY "
    "part";

// As many of the identities as make a part, from the first on; those are taken off.
std::string take_lines(const identity::Roster& roster, std::span<const std::uint32_t>& identities) {
  const auto some = identities.first(std::min(identities.size(), identities_per_part));
  identities = identities.subspan(some.size());
  std::string lines;
  for (const std::uint32_t one : some) {
    identity::append_json_line(lines, roster, roster[one]);
    lines += '\n';
  }
  return lines;
}

StorageError unreadable(std::string_view what) {
  return {SQLITE_CORRUPT, fmt::format("run_identities contains {}, which fleet-sim never writes", what)};
}

StorageError take_records(std::string_view lines, const types::Catalog& types,
                          std::vector<identity::IdentityRecord>& records) {
  identity::IdentityFindings findings;
  identity::parse_identity_lines(lines, 1, types, findings, identity::largest_recorded_bytes);
  if (!findings.mistakes.empty()) return unreadable(findings.mistakes.front().text);
  for (identity::FoundIdentity& found : findings.identities) records.push_back(std::move(found.record));
  return {};
}

}  // namespace

StorageError record_identities(Database& database, const std::string& run_id, const identity::Roster& roster,
                               const IdentityEntry& entry) {
  StorageError error = database.execute(create_run_identities);
  std::span<const std::uint32_t> identities = entry.identities;
  std::span<const std::uint32_t> removed = entry.removed;
  std::int64_t part = 0;
  do {
    const std::string lines = take_lines(roster, identities);
    const std::string removed_lines = take_lines(roster, removed);
    if (!error.ok()) break;
    error = database.run(insert_part, run_id, static_cast<std::int64_t>(entry.number),
                         timestamp_text(entry.at), part++, lines, removed_lines);
  } while (!identities.empty() || !removed.empty());
  return error;
}

StorageError list_identities(Database& database, const std::string& run_id, std::vector<EntryKey>& entries) {
  if (!database.has_table("run_identities")) return {};
  const auto take = [&](const Statement& row) {
    const auto at = parse_timestamp(row.text(1));
    if (!at) return unreadable("an invalid time");
    entries.emplace_back(static_cast<std::uint64_t>(row.integer(0)), *at);
    return StorageError{};
  };
  return database.query(select_entries, take, run_id);
}

StorageError read_identities(Database& database, const std::string& run_id, const EntryKey& entry,
                             const types::Catalog& types, RecordedIdentities& found) {
  std::vector<identity::IdentityRecord> removed;
  const auto take = [&](const Statement& row) {
    StorageError error = take_records(row.text(0), types, found.identities);
    return error.ok() ? take_records(row.text(1), types, removed) : error;
  };
  StorageError error = database.query(select_parts, take, run_id, static_cast<std::int64_t>(entry.first),
                                      timestamp_text(entry.second));
  for (identity::IdentityRecord& one : removed) found.removed.push_back(std::move(one.id));
  return error;
}

}  // namespace fleet_sim::tables
