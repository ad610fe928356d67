// What a command has to say on standard output.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fleet_sim::app {

// The text is all such a command does, so failing to get rid of it is failing: throws std::runtime_error. A
// reader that goes away has what it wanted.
void print(std::string_view text);

// Columns for texts on standard output: what the variable COLUMNS says, or the terminal; no limit elsewhere.
std::size_t output_columns();

// The text with no line wider than so many columns: sentences go on in the next line, indented like the
// first, and lines of a table, whose cells are two spaces apart, are cut.
std::string fitted(std::string_view text, std::size_t columns);

}  // namespace fleet_sim::app
