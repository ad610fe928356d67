// Writing a command's text to standard output.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fleet_sim::app {

// The text is all that such a command produces, so failing to write it is a failure: throws
// std::runtime_error. A reader that goes away has what it wanted.
void print(std::string_view text);

// Writes a page to a new file, or to - for standard output. An earlier page may be replaced, which begins
// with the same head; throws InvalidInput for any other file. The place is looked at before the long work,
// too.
void check_page_place(const std::string& path, std::string_view head);
void write_page(const std::string& path, std::string_view page, std::string_view head, std::string_view what);

// The width of standard output in columns: from the variable COLUMNS, or the terminal; no limit elsewhere.
std::size_t output_columns();

// The text with no line wider than `columns`: sentences continue on the next line with the same indentation,
// and lines of a table, whose cells are two spaces apart, are cut.
std::string fitted(std::string_view text, std::size_t columns);

}  // namespace fleet_sim::app
