#include "files/read_some.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/problems.h"

namespace fleet_sim::files {

std::size_t read_some(int descriptor, const std::string& name, char* into, std::size_t most) {
  for (;;) {
    const ssize_t count = ::read(descriptor, into, most);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EINTR) continue;
    throw InvalidInput(fmt::format("{}: cannot be read: {}", name, std::strerror(errno)));
  }
}

}  // namespace fleet_sim::files
