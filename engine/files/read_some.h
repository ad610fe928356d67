// The next bytes of a descriptor, however the system interrupts. Throws InvalidInput, with the name, where
// they cannot be read. Any thread.
#pragma once

#include <cstddef>
#include <string>

namespace fleet_sim::files {

// At most so many; 0 at the end.
std::size_t read_some(int descriptor, const std::string& name, char* into, std::size_t most);

}  // namespace fleet_sim::files
