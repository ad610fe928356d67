// Rows as the parameters of one statement: an array for each column, which `unnest` makes rows again. So one
// statement takes any number of rows. One thread at a time; whoever adds rows bounds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "postgresql/connection.h"
#include "postgresql/fields.h"

namespace fleet_sim::postgresql {

struct ElementType {
  std::uint32_t number;  // as the server's catalog has it
  std::string_view name;
};
inline constexpr ElementType text_element{25, "text"};
inline constexpr ElementType integer_element{23, "integer"};
inline constexpr ElementType long_integer_element{20, "bigint"};
inline constexpr ElementType real_element{701, "double precision"};
inline constexpr ElementType moment_element{1184, "timestamptz"};

class Arrays {
 public:
  explicit Arrays(std::vector<ElementType> types) : types_(std::move(types)), columns_(types_.size()) {}

  // The next row: a field has to be added to each column.
  std::vector<Fields>& next_row() {
    ++rows_;
    return columns_;
  }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  void clear() {
    rows_ = 0;
    for (Fields& column : columns_) column.clear();
  }

  // "unnest($1::text[], …)", with the parameters for it.
  [[nodiscard]] std::string as_rows() const {
    std::string sql = "unnest(";
    for (std::size_t i = 0; i < types_.size(); ++i) {
      sql += (i == 0 ? "$" : ", $") + std::to_string(i + 1) + "::";
      sql += types_[i].name;
      sql += "[]";
    }
    return sql + ")";
  }
  [[nodiscard]] Parameters parameters() const {
    Parameters parameters;
    for (std::size_t i = 0; i < types_.size(); ++i)
      parameters.array(types_[i].number, rows_, columns_[i].view());
    return parameters;
  }

 private:
  std::vector<ElementType> types_;
  std::vector<Fields> columns_;
  std::size_t rows_ = 0;
};

}  // namespace fleet_sim::postgresql
