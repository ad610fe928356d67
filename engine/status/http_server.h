// The HTTP server: one thread of its own that reads requests and writes answers, and nothing else. Whatever a
// client does it costs that thread's time only: connections, headers, bodies and the time a request may take
// are bounded, and when all connections are in use the one that has been idle longest makes room. Listens
// from construction on; throws std::system_error if the address is not available. The only place that knows
// Beast, and slow to compile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/errors.h"
#include "status/route.h"

namespace fleet_sim::status {

// Where a run listens by default.
inline constexpr const char* usual_address = "127.0.0.1:8080";

// Together they bound the memory of all clients: 128 × (16 KiB + 64 KiB) = 10 MiB, and an answer per
// connection.
inline constexpr std::size_t most_connections = 128;
inline constexpr std::uint32_t most_header_bytes = 16 * 1'024;
inline constexpr std::uint64_t most_body_bytes = std::uint64_t{64} * 1'024;
inline constexpr int request_seconds = 10;   // from an idle connection to a whole request
inline constexpr int response_seconds = 10;  // for a client to take an answer

// Throws std::system_error if nobody can listen there now; does not take the address.
void check_address(const std::string& address);

class HttpServer {
 public:
  // `address` is HOST:PORT, [::1]:PORT for IPv6. `connections` is at most most_connections. Answers that
  // could not be made are counted as http errors; what clients do wrong is not.
  HttpServer(const std::string& address, std::size_t connections, HttpAccess access, ErrorCounts& errors);
  // Ends the thread and closes every connection.
  ~HttpServer();

  // HOST:PORT, with the port that was free where 0 was asked for.
  [[nodiscard]] std::string address() const;

  // Sets what answers are made from; once it returns, the previous sources are no longer in use.
  void answer_from(StatusSources sources);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace fleet_sim::status
