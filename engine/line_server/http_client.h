// Posts texts to one HTTP server, one after the other over one connection that is kept as long as the server
// keeps it. No call takes longer than `Patience` for each of its steps. One thread at a time; errors are
// values.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "line_server/http_address.h"

namespace fleet_sim::line_server {

struct Patience {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds answer{30'000};
};

// What came of a request: an answer or, without one, why there is none.
struct Response {
  unsigned status = 0;  // 0: no answer
  std::string text;     // the answer's body, as the server wrote it, or the reason
  std::optional<std::chrono::seconds> retry_after = {};
  std::string location = {};  // that the answer refers to
  std::string instead = {};   // the first bytes of what came in place of an answer, if it was not HTTP
  bool was_sent = false;      // at least in part, so that without an answer the server may have acted on it
};

class HttpClient {
 public:
  HttpClient(HttpAddress address, Patience patience);
  ~HttpClient();

  Response post(const std::string& body) {
    send(body);
    return answer();
  }
  // The same in two steps, between which the server is at work. Each text is answered before the next is
  // sent.
  void send(const std::string& body);
  Response answer();
  void close();

 private:
  class Connection;

  HttpAddress address_;
  Patience patience_;
  std::unique_ptr<Connection> connection_;
  Response failure_;  // of the last sending, if it has failed: the connection is closed
};

}  // namespace fleet_sim::line_server
