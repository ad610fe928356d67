// Readings as PostgreSQL's COPY takes them in binary, byte by byte.
#if FLEET_SIM_POSTGRESQL

#include <doctest/doctest.h>

#include <string>

#include "postgresql/arrays.h"
#include "postgresql/copy_rows.h"
#include "postgresql/fields.h"
#include "support/rosters.h"

namespace fleet_sim::postgresql_fields_test {
namespace {

using namespace std::string_literals;

std::string in_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    hex += digits[static_cast<unsigned char>(byte) >> 4];
    hex += digits[static_cast<unsigned char>(byte) & 15];
  }
  return hex;
}

}  // namespace

TEST_CASE("fields have their width and then their bytes, in network order") {
  postgresql::Fields fields;
  fields.integer(-2);
  fields.real(1.5);
  fields.text("ab");
  fields.null();
  fields.text_or_null("");
  fields.moment(Timestamp{946'684'800'000'001});  // a microsecond after PostgreSQL's epoch
  CHECK(in_hex(fields.view()) ==
        "00000004fffffffe"
        "000000083ff8000000000000"
        "000000026162"
        "ffffffff"
        "ffffffff"
        "000000080000000000000001");
  fields.clear();
  CHECK(fields.view().empty());
}

TEST_CASE("a row of a COPY has the columns of a reading, and its run") {
  const identity::Roster roster = test::roster_of(1);
  const postgresql::CopyRows rows(roster, types::built_in_type().schema);
  postgresql::Fields fields;
  postgresql::CopyRows::header(fields);
  CHECK(fields.view() == "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"s);
  fields.clear();
  const batch::Reading reading{946'684'800'000'000, {1, 2, 3}, 0, AnomalyType::spike};
  rows.row(fields, reading, 7);
  const std::string row(fields.view());
  CHECK(in_hex(row.substr(0, 2)) == "000d");  // thirteen fields, without id and synced
  CHECK(in_hex(row.substr(2, 12)) == "000000080000000000000000");
  CHECK(row.find("\0\0\0\5spike"s) != std::string::npos);
  CHECK(in_hex(row.substr(row.size() - 8)) == "0000000400000007");
}

TEST_CASE("many rows are the arrays of one statement") {
  postgresql::Arrays rows({postgresql::text_element, postgresql::real_element});
  for (const double value : {0.5, 2.0}) {
    auto field = rows.next_row().begin();
    field++->text("a");
    field++->real(value);
  }
  CHECK(rows.as_rows() == "unnest($1::text[], $2::double precision[])");
  const postgresql::Parameters parameters = rows.parameters();
  REQUIRE(parameters.values().size() == 2);
  CHECK(in_hex(parameters.values()[0].bytes) ==
        "0000000100000001000000190000000200000001"
        "0000000161"
        "0000000161");
}

}  // namespace fleet_sim::postgresql_fields_test

#endif
