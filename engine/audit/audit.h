// The audit of a run: what was expected, against the rows that came. Uses all threads of the arena. Throws
// InvalidInput for rows that cannot be read.
//
// Memory: what the run took, one bit a reading that was due, two where times fit several readings, 24 bytes
// for each stretch of readings without a row, 80 for each anomaly, about 2,000 for each sensor, and some
// blocks of rows.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "audit/examine.h"
#include "audit/expectation.h"
#include "audit/row_columns.h"
#include "audit/verdict.h"

namespace fleet_sim::audit {

// Told now and then, by one thread at a time: how many rows have been seen.
using AuditProgress = std::function<void(std::uint64_t rows)>;

// The sources, of which there is one at least, are read one after the other.
Verdict audit(const Expectation& expected, const std::vector<RowSource>& sources,
              const ExamineOptions& options, const AuditProgress& progress);

}  // namespace fleet_sim::audit
