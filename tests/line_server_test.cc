// What a destination of lines makes of whatever comes back, from a server that says exactly what it is told
// to say.
#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "batch/rows.h"
#include "line_server/line_server_sink.h"
#include "support/rosters.h"

namespace fleet_sim::line_server_test {

using namespace std::chrono_literals;
using namespace fleet_sim::line_server;
using write::Share;

namespace {

constexpr std::string_view secret = "open-sesame-4711";

// Takes whole requests, one connection after the other, and gives each the next of its answers, whatever that
// is; then it says goodbye, unless it is to stay. Without answers left, it takes everything.
class Server {
 public:
  struct Says {
    std::string bytes;
    bool stays = false;
  };

  explicit Server(std::deque<Says> answers)
      : answers_(std::move(answers)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 8) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::string port() const { return std::to_string(port_); }

 private:
  void serve() {
    for (int client = ::accept(listener_, nullptr, nullptr); client >= 0;
         client = ::accept(listener_, nullptr, nullptr)) {
      while (take_request(client)) {
        const Says says = next();
        ::send(client, says.bytes.data(), says.bytes.size(), MSG_NOSIGNAL);
        if (!says.stays) break;
      }
      ::close(client);
    }
  }

  // False when the client has gone.
  static bool take_request(int client) {
    std::string got;
    std::size_t whole = std::string::npos;
    while (got.size() < whole) {
      std::array<char, 4096> bytes{};
      const ssize_t count = ::recv(client, bytes.data(), bytes.size(), 0);
      if (count <= 0) return false;
      got.append(bytes.data(), static_cast<std::size_t>(count));
      constexpr std::string_view length = "Content-Length: ";
      const std::size_t head = got.find("\r\n\r\n");
      const std::size_t at = got.find(length);
      if (head == got.npos || at == got.npos) continue;
      std::size_t body = 0;
      std::from_chars(got.data() + at + length.size(), got.data() + head, body);
      whole = head + 4 + body;
    }
    return true;
  }

  Says next() {
    if (answers_.empty()) return {"HTTP/1.1 204 No Content\r\n\r\n", true};
    Says says = std::move(answers_.front());
    answers_.pop_front();
    return says;
  }

  std::deque<Says> answers_;
  int listener_;
  unsigned port_ = 0;
  std::thread thread_;
};

// A destination, and a lot of five readings and an event, which go in two requests.
struct Bench {
  explicit Bench(std::deque<Server::Says> answers) : server(std::move(answers)) {
    for (std::uint32_t i = 0; i < 5; ++i)
      readings.push_back(batch::Reading{1'767'225'600'000'000 + i, {1, 2, 3}, 0, std::nullopt});
  }

  write::Answer take() {
    const auto answer = destination.take({.readings = readings, .events = events});
    REQUIRE(answer);
    return *answer;
  }
  [[nodiscard]] write::PartTaken part_taken() const {
    return destination.part_taken({.readings = readings, .events = events});
  }

  Server server;
  identity::Roster roster = test::roster_of(1);
  SinkContext context{roster,
                      {.text = "lines+http://there/write",
                       .host = "127.0.0.1",
                       .port = server.port(),
                       .target = "/write",
                       .authorization = {},
                       .secrets = {std::string(secret)}},
                      {.connect = 5s, .answer = 1s}};
  write::Target target{"there"};
  LineServerDestination destination{context, target};
  batch::Rows readings;
  std::vector<batch::AnomalyEvent> events{
      {1, 1, {}, 0, 1, AnomalyType::noise, batch::AnomalyEvent::Kind::opened, {}, 0}};
};

std::string status(unsigned code) {
  return "HTTP/1.1 " + std::to_string(code) + " So\r\nContent-Length: 0\r\n\r\n";
}

}  // namespace

TEST_CASE("what was sent is unconfirmed unless the server has said that it did not take it") {
  struct Case {
    Server::Says says;
    bool is_unclear;
    std::string_view message;
  };
  const std::vector<Case> cases{
      {{""}, true, "the server closed the connection without an answer"},
      {{"HTTP/1.1 204 No C"}, true, "the server closed the connection in the middle of its answer"},
      {{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"}, true, "in the middle of its answer"},
      {{"", true}, true, "no answer from the server in 1 s"},
      {{"HTTP/1.1 2", true}, true, "no answer from the server in 1 s"},
      {{"-ERR unknown command 'POST'\r\n", true}, true, "-ERR unknown command 'POST'"},
      {{"SSH"}, true, "SSH"},
      {{"HTTP/1.1 200 OK\r\nContent-Le"}, true, "in the middle of its answer"},
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n1"},
       true,
       "in the middle of its answer"},
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", true},
       true,
       "no answer from the server in 1 s"},
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhalf\r\n"}, true, "cannot be read: bad chunk"},
      {{"HTTP/1.1 400 Bad\r\n\r\n" + std::string(5 << 20, 'x')}, true, "cannot be read: body limit exceeded"},
      {{status(500), true}, true, "the server answers 500"},
      {{status(502), true}, true, "the server answers 502"},
      {{status(504), true}, true, "the server answers 504"},
      {{status(503), true}, false, "the server answers 503"},
      {{status(429), true}, false, "the server answers 429"},
      {{status(401), true}, false, "the server answers 401"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.says.bytes);
    Bench bench({one.says});
    const write::Answer answer = bench.take();
    CHECK_FALSE(answer.failure.ok());
    CHECK(answer.failure.message.find(one.message) != std::string::npos);
    CHECK(answer.resent == 0);
    CHECK(bench.part_taken().taken == Share());
    CHECK(bench.part_taken().unanswered == (one.is_unclear ? Share{5, 0} : Share()));
    const write::Answer next = bench.take();
    CHECK(next.failure.ok());
    CHECK(next.resent == (one.is_unclear ? 5 : 0));
  }
}

TEST_CASE("what may have been taken stays unconfirmed when the same rows become too many for a request") {
  Bench bench({{""}, {status(413), true}, {status(503), true}, {status(204), true}, {status(503), true}});
  CHECK_FALSE(bench.take().failure.ok());
  write::Answer answer = bench.take();  // all once more, then some of them
  const std::size_t some = answer.resent - 5;
  CHECK((some > 0 && some < 5));
  CHECK(bench.part_taken().unanswered == Share{5, 0});
  answer = bench.take();
  CHECK(answer.resent == 5);
  CHECK(bench.part_taken().taken == Share{some, 0});
  CHECK(bench.part_taken().unanswered == Share{5 - some, 0});
  answer = bench.take();
  CHECK(answer.failure.ok());
  CHECK(answer.resent == 5 - some);
}

TEST_CASE("ground truth alone may be unconfirmed, behind readings that were taken") {
  Bench bench({{status(204), true}, {"HTTP/1.1 204 No C"}});
  CHECK_FALSE(bench.take().failure.ok());
  CHECK(bench.part_taken().taken == Share{5, 0});
  CHECK(bench.part_taken().unanswered == Share{0, 1});
}

TEST_CASE("whoever answers in another language is quoted, but for secrets, and the remedy is said") {
  const auto message = [](std::string bytes) {
    Bench bench({{std::move(bytes)}});
    return bench.take().failure.message;
  };
  const std::string password(secret);
  CHECK(message("\x01\xff" + password + "\x1b[2J" + std::string(2'000, 'x'))
            .starts_with("what answers is no HTTP server: \"??…?[2Jxxx"));
  CHECK(message("SSH " + password.substr(0, 8)).find("\"SSH …\"") != std::string::npos);
  CHECK(message(std::string(2'000, 'x')).size() < 300);
  CHECK(message("SSH").ends_with("\"SSH\"; give the address of a server that takes line protocol over HTTP"));
  CHECK(message("HTTP/1.1 banana\r\n\r\n").find("\"HTTP/1.1 banana") != std::string::npos);
}

}  // namespace fleet_sim::line_server_test
