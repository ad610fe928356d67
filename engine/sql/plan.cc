#include "sql/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace fleet_sim::sql {
namespace {

constexpr std::string_view order_words = "ORDER BY ";
constexpr std::string_view descending_word = " DESC";

std::string_view name_of(const Table& table, std::size_t column) {
  return column < table.columns.size() ? std::string_view(table.columns[column].name) : Table::file_column;
}

// Its name, or where that could be misread, its number.
std::string token_of(const Table& table, std::size_t column) {
  return is_plain(table, column) ? std::string(name_of(table, column)) : fmt::format("#{}", column);
}

std::size_t column_of(std::string_view token, const Table& table) {
  std::size_t column = 0;
  if (token.starts_with('#')) {
    std::from_chars(token.data() + 1, token.data() + token.size(), column);
    return column;
  }
  while (column < table.columns.size() && table.columns[column].name != token) ++column;
  return column;
}

constexpr std::string_view all_columns = "*";

// Calls `take` with each part of the text.
template <class Take>
void split(std::string_view text, std::string_view separator, const Take& take) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(text.size(), part.size() + separator.size()));
    take(part);
  }
}

Order read_order(std::string_view text, const Table& table) {
  const bool descending = text.ends_with(descending_word);
  if (descending) text.remove_suffix(descending_word.size());
  return {column_of(text, table), descending};
}

}  // namespace

bool is_plain(const Table& table, std::size_t column) {
  return std::ranges::all_of(name_of(table, column),
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

std::string text_of(const Plan& plan, const Table& table) {
  std::string columns;
  std::string terms;
  const auto add = [](std::string& list, const std::string& one) {
    list += (list.empty() ? "" : ", ") + one;
  };
  const bool takes_all = plan.columns.size() == table.columns.size() &&
                         (plan.columns.empty() || plan.columns.back() < table.columns.size());
  if (takes_all) {
    columns = all_columns;
  } else {
    for (const std::size_t column : plan.columns) add(columns, token_of(table, column));
  }
  for (const Term& term : plan.terms) add(terms, token_of(table, term.column) + ' ' + term.comparison);
  std::string text = columns;
  if (!terms.empty() || plan.order) text += "; " + terms;
  if (plan.order) {
    text += fmt::format("; {}{}{}", order_words, token_of(table, plan.order->column),
                        plan.order->descending ? descending_word : "");
  }
  return text;
}

Plan read_plan(std::string_view text, const Table& table) {
  Plan plan;
  std::size_t part_number = 0;
  // The first two parts may be empty.
  while (true) {
    const std::size_t end = text.find("; ");
    const std::string_view part = text.substr(0, end);
    if (part_number == 0 && part == all_columns) {
      while (plan.columns.size() < table.columns.size()) plan.columns.push_back(plan.columns.size());
    } else if (part_number == 0) {
      split(part, ", ", [&](std::string_view token) { plan.columns.push_back(column_of(token, table)); });
    } else if (part_number == 1) {
      split(part, ", ", [&](std::string_view term) {
        const std::size_t space = term.find(' ');
        plan.terms.push_back({column_of(term.substr(0, space), table), std::string(term.substr(space + 1))});
      });
    } else {
      plan.order = read_order(part.substr(order_words.size()), table);
    }
    ++part_number;
    if (end == std::string_view::npos) return plan;
    text.remove_prefix(end + 2);
  }
}

}  // namespace fleet_sim::sql
