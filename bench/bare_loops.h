// What sinks other than files are judged by: loops that write the same readings as lines or rows and do
// nothing else, from readings that are ready in memory: no escapes, no roster that grows, no other types or
// formats, no retries. One thread; throws on any error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/timestamp.h"
#include "batch/reading.h"
#include "config/sinks.h"
#include "identity/identity.h"

namespace fleet_sim::bench {

// Ten thousand readings, over and over: those of a thousand sensors at ten places, a second apart.
class Written {
 public:
  Written();

  [[nodiscard]] const identity::Roster& roster() const { return roster_; }
  const batch::Reading& next() { return readings_[at_ = (at_ + 1) % readings_.size()]; }

 private:
  identity::Roster roster_;
  std::vector<batch::Reading> readings_;
  std::size_t at_ = 0;
};

// A reading as a line of NDJSON, where there is room for it.
class BareNdjson {
 public:
  explicit BareNdjson(const identity::Roster& roster) : roster_(roster) {}
  char* put(char* at, const batch::Reading& reading);

 private:
  const identity::Roster& roster_;
  TimestampWriter timestamp_;
};

// Each returns rows per second, connecting excluded.

// Into memory, a chunk over the other.
double bare_ndjson_rate(std::size_t rows);

// R_copy: a transaction for every `lot` rows, with one COPY in binary format to a table without index, and a
// row of progress. Tables in this schema, which is made.
double copy_rate(const std::string& connection, const std::string& schema, std::size_t rows, std::size_t lot);

// A request for every `lot` lines, over one connection that is kept. Times begin at `from`.
double post_rate(std::string_view host, std::string_view port, const std::string& target, std::size_t rows,
                 std::size_t lot, Timestamp from);

}  // namespace fleet_sim::bench
