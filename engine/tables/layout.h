// How the readings of a file lie in it.
//
// Wide: a table `sensor_readings` with all columns. Compact: a table `readings`, whose rows have a number
// instead of their sensor; a dictionary `reading_sensors`, in which a number stands for a sensor with what
// was said of it at the time; and a view `sensor_readings` over both, with the columns of the wide table in
// the same order. Whoever reads, marks or deletes readings uses that name and need not know which it is; only
// inserting differs. A file keeps the layout that it was made with.
//
// Texts of SQL, and a look at an open file on the thread it belongs to; errors are values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/database_settings.h"
#include "tables/database.h"
#include "types/schema.h"

namespace fleet_sim::tables {

inline constexpr std::string_view readings_name = "sensor_readings";

// The table in which rows lie.
std::string_view rows_table(config::Layout layout);

// Its columns: those of the schema that it stores. The sensor's is a number in a compact file.
std::vector<types::Column> stored_columns(const types::Schema& schema, config::Layout layout);

// Makes all that readings need in a file that has none.
std::string create_readings(const types::Schema& schema, config::Layout layout);

// Adds the last `count` of the schema's columns to a file whose readings lack them.
std::string extend_readings(const types::Schema& schema, config::Layout layout, std::size_t count);

// What a file has under the name `sensor_readings`: nothing, if that is neither table nor view.
StorageError find_layout(Database& database, std::optional<config::Layout>& layout);

// Whether the file's view is the one that is made for this schema.
StorageError has_view_of(Database& database, const types::Schema& schema, bool& answer);

}  // namespace fleet_sim::tables
