// The other side of the HTTP server, for one question: asks a running fleet for its health, as a container's
// health check does. One request on a connection of its own, by the calling thread, which waits a few seconds
// for each step at most. Throws std::runtime_error when there is no answer, or one that is not a fleet's.
#pragma once

#include <string>

namespace fleet_sim::status {

inline constexpr int probe_seconds = 3;                   // to connect, to send, for each part of the answer
inline constexpr std::size_t most_answer_bytes = 65'536;  // of head and body

struct HealthAnswer {
  bool healthy = false;
  std::string body;  // JSON, with the reasons
};

// `address` is HOST:PORT as it is given to a server: an address that stands for all of this machine's is
// asked over the loopback.
HealthAnswer ask_health(const std::string& address);

}  // namespace fleet_sim::status
