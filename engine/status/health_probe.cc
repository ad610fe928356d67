#include "status/health_probe.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace fleet_sim::status {
namespace {

constexpr std::string_view probe_request = "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n";

class Socket {
 public:
  explicit Socket(int family) : descriptor_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout{probe_seconds, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  }
  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // As patient as sending. Whether somebody listens there; errno says why not.
  [[nodiscard]] bool connect_to(const addrinfo& where) const {
    return connect(descriptor_, where.ai_addr, where.ai_addrlen) == 0;
  }

  // Few enough bytes to be taken at once.
  void send_whole(std::string_view text) const {
    check(send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL));
  }

  // Until the other side closes, or has said enough.
  [[nodiscard]] std::string receive() const {
    std::string text;
    std::array<char, 4'096> part{};
    while (text.size() < most_answer_bytes) {
      const ssize_t bytes = recv(descriptor_, part.data(), part.size(), 0);
      check(bytes);
      if (bytes == 0) break;
      text.append(part.data(), static_cast<std::size_t>(bytes));
    }
    return text;
  }

  // Throws what errno says.
  [[noreturn]] static void fail() {
    const int reason = errno == EAGAIN || errno == EINPROGRESS ? ETIMEDOUT : errno;
    throw std::system_error(reason, std::generic_category());
  }

 private:
  static void check(ssize_t result) {
    if (result < 0) fail();
  }

  int descriptor_;
};

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// Connecting to the unspecified address reaches this machine.
Addresses resolve(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int wrong = getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found);
  if (wrong != 0) throw std::runtime_error(gai_strerror(wrong));
  return {found, &freeaddrinfo};
}

HealthAnswer read_answer(const std::string& text) {
  const std::size_t head = text.find("\r\n\r\n");
  const std::string status = text.starts_with("HTTP/1.") && text.size() > 12 ? text.substr(8, 5) : "";
  if (head == text.npos || (status != " 200 " && status != " 503 ")) {
    throw std::runtime_error("the server there is not fleet-sim");
  }
  return {status == " 200 ", text.substr(head + 4)};
}

// A name may have several addresses, as localhost has ::1 and 127.0.0.1, and a fleet listens at one of them.
HealthAnswer ask_first(const addrinfo& where) {
  const Socket connection(where.ai_family);
  if (!connection.connect_to(where)) {
    if (where.ai_next != nullptr) return ask_first(*where.ai_next);
    Socket::fail();
  }
  connection.send_whole(probe_request);
  return read_answer(connection.receive());
}

}  // namespace

HealthAnswer ask_health(const std::string& address) {
  try {
    const Addresses where = resolve(address);
    return ask_first(*where);
  } catch (const std::system_error& error) {
    throw std::runtime_error(address + ": " + error.code().message());
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(address + ": " + error.what());
  }
}

}  // namespace fleet_sim::status
