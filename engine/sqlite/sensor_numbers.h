// The numbers that stand for sensors in a compact file: each for a sensor with what is said of it at the
// time. A number is found in the file, or given to a new entry there, when its first row comes, and
// remembered from then on. Belongs to one open file and its writer's thread; errors are SQLite result codes,
// the message is the database's. Bounded: one that has grown too large forgets what it knows, and finds it
// again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "identity/identity.h"
#include "tables/database.h"

namespace fleet_sim::sqlite {

class SensorNumbers {
 public:
  // Borrows both.
  SensorNumbers(tables::Database& database, const identity::Roster& roster)
      : database_(database), roster_(roster) {}

  // SQLITE_OK with the number, within the transaction that the row is inserted in.
  int find(std::uint32_t sensor, identity::OverlayIndex overlay, std::int64_t& number);

  // For when a transaction has been undone, and new entries with it.
  void forget();

 private:
  static constexpr std::size_t most_known = 1 << 20;

  struct Known {
    std::uint32_t sensor = 0;
    std::uint32_t number = 0;  // none: the place is free
    identity::OverlayIndex overlay = 0;
  };
  static_assert(sizeof(Known) == 12);

  // Where it is, or would be. There is a free place at any time but before the first.
  [[nodiscard]] Known& place_of(std::uint32_t sensor, identity::OverlayIndex overlay);
  int begin();
  void remember(const Known& known);
  void grow();
  int look_up(const identity::Identity& identity, std::int64_t& number);
  int add(const identity::Identity& identity, std::int64_t& number);
  int prepare(std::string_view sql, const identity::Identity& identity, tables::Statement& statement);

  tables::Database& database_;
  const identity::Roster& roster_;
  tables::Statement look_up_;
  tables::Statement add_;
  std::vector<Known> places_;  // a power of two, at most three quarters full
  std::size_t known_ = 0;
  bool knows_all_ = false;             // there is no entry but those remembered
  std::uint32_t first_of_others_ = 0;  // of identities that have come since: in the roster
};

}  // namespace fleet_sim::sqlite
