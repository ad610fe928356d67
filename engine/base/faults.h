// Faults of fleet-sim itself: conditions that must hold, whatever the input, the disk and the clients do, but
// do not. A test build stops there at once; any other build counts the fault, keeps the first text of each
// place for the log, and continues, because rows that can still be written are worth more than a core dump.
// Any thread; a condition that holds costs one comparison.
//
// Not for what a user, a file or a system call can cause: that is an error, and is reported as one.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace fleet_sim {

enum class FaultPolicy { stop, count };

// Out of line, so that a check costs its caller no more than a jump.
void note_fault(std::string_view what, const std::source_location& where);

// `what` says what must hold: "a batch has one owner".
inline void ensure(bool holds, std::string_view what,
                   const std::source_location& where = std::source_location::current()) {
  if (!holds) [[unlikely]] {
    note_fault(what, where);
  }
}

// Faults counted so far, and the texts that nobody has taken yet: one for each place, at most 32 in all.
std::uint64_t fault_count();
std::vector<std::string> take_fault_texts();

// By default `stop` in builds with FLEET_SIM_ASSERTS, else `count`. Returns the policy until now.
FaultPolicy set_fault_policy(FaultPolicy policy);

}  // namespace fleet_sim
