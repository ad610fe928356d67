// A collector at work: polls a shard for unsynced rows and marks what it got, with the same SQL as external
// collectors. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "benchmark/visitors.h"
#include "tables/database.h"

namespace fleet_sim::benchmark {

struct CollectorTally {
  double seconds = 0;           // at work, together, warm-up included
  std::uint64_t collected = 0;  // rows polled and marked
  std::uint64_t errors = 0;     // polls and marks that failed, for instance because of a lock
  std::string first_error;
  Histogram poll;  // from asking to the last row
  Histogram mark;  // of as many rows, committed

  void add(const CollectorTally& other);
};

class Collector {
 public:
  using Tally = CollectorTally;

  explicit Collector(std::string path) : path_(std::move(path)) {}

  void visit(CollectorTally& tally);

 private:
  bool connect();
  bool poll(CollectorTally& tally);
  bool mark(CollectorTally& tally);
  void note_error(CollectorTally& tally);

  std::string path_;
  tables::Database database_;
  tables::Statement poll_;  // is destroyed before the database, as is …
  tables::Statement mark_;  // … this, of a full poll
  std::vector<std::int64_t> ids_;
};

using Collectors = Visitors<Collector>;

}  // namespace fleet_sim::benchmark
