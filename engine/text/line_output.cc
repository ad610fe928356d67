#include "text/line_output.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <system_error>
#include <vector>

#include "text/found_lines.h"

namespace fleet_sim::text {
namespace {

using Kind = write::Failure::Kind;

constexpr int patience_ms = 50;  // with a reader; less than a writer's with a call
constexpr int connection_patience_ms = 2'000;
constexpr auto patience_while_stopping = std::chrono::seconds(2);
constexpr mode_t permissions = 0666;

std::string text_of(int error) {
  return std::error_code(error, std::generic_category()).message();
}

bool is_full(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

// A mistake in the name or the rights, which does not pass by waiting.
bool is_mistake(int error) {
  return error == ENOENT || error == ENOTDIR || error == EISDIR || error == EACCES || error == EPERM ||
         error == ELOOP || error == ENAMETOOLONG || error == EROFS;
}

bool can_write(int descriptor, int wait_ms) {
  pollfd one{descriptor, POLLOUT, 0};
  return ::poll(&one, 1, wait_ms) > 0;
}

// Connects within the time, or returns the error.
int connect_in_time(int descriptor, const addrinfo& to) {
  if (::connect(descriptor, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!can_write(descriptor, connection_patience_ms)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

LineOutput::LineOutput(Place place, std::string name, Existing existing)
    : place_(std::move(place)), name_(std::move(name)), existing_(existing) {}

LineOutput::~LineOutput() {
  close();
}

void LineOutput::close() {
  if (is_ours_ && descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  torn_sent_ = 0;
}

// A server that was there once is waited for.
write::Failure LineOutput::failure_of(int error, std::string_view doing) const {
  const Kind of_server = was_open_ ? Kind::unreachable : Kind::foreign;
  return {place_.is_server() ? of_server : Kind::failing, is_full(error) ? ErrorClass::full : ErrorClass::io,
          fmt::format("{}{}{}", doing, doing.empty() ? "" : ": ", text_of(error))};
}

write::Failure LineOutput::open(std::string_view header) {
  if (descriptor_ >= 0 && is_regular_) look_for_move();
  if (descriptor_ >= 0 && is_socket_ && place_.is_server()) look_for_end_of_connection();
  if (descriptor_ >= 0) return {};
  write::Failure failure = place_.is_server()       ? connect()
                           : place_.descriptor >= 0 ? open_descriptor()
                                                    : open_file();
  if (failure.ok()) failure = begin_file(header);
  if (!failure.ok()) {
    close();
    return failure;
  }
  was_open_ = true;
  existing_ = Existing::appended;
  return {};
}

// A description of our own, so that the pipe can be told not to block without telling those who share it.
write::Failure LineOutput::open_descriptor() {
  descriptor_ = place_.descriptor;
  is_ours_ = false;
  look_at_descriptor();
  if (is_regular_ || is_socket_) return {};
  const std::string path = fmt::format("/proc/self/fd/{}", place_.descriptor);
  const int own = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  may_block_ = own < 0;
  if (own < 0) return {};
  descriptor_ = own;
  is_ours_ = true;
  return {};
}

write::Failure LineOutput::open_file() {
  // Only to be written, such as some devices, and a named pipe: to open that for reading as well, and close
  // it again, would end it for who reads it.
  struct stat status {};
  const bool is_pipe = ::stat(place_.path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
  if (!is_pipe)
    descriptor_ = ::open(place_.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                         permissions);
  if (is_pipe || (descriptor_ < 0 && errno == EACCES))
    descriptor_ = ::open(place_.path.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (descriptor_ < 0 && errno == ENXIO)
    return {Kind::held, ErrorClass::io, "nobody has opened it for reading"};
  if (descriptor_ < 0) {
    write::Failure failure = failure_of(errno, "");
    if (!was_open_ && is_mistake(errno)) failure.kind = Kind::foreign;
    return failure;
  }
  is_ours_ = true;
  look_at_descriptor();
  if (is_regular_ && ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0)
    return {Kind::foreign, ErrorClass::busy, "another process writes it"};
  return {};
}

void LineOutput::look_at_descriptor() {
  struct stat status {};
  ::fstat(descriptor_, &status);
  is_regular_ = S_ISREG(status.st_mode);
  is_socket_ = S_ISSOCK(status.st_mode);
  may_block_ = false;
}

write::Failure LineOutput::connect() {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(place_.host.c_str(), place_.port.c_str(), &wanted, &found); error != 0)
    return {was_open_ ? Kind::unreachable : Kind::foreign, ErrorClass::io, ::gai_strerror(error)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    descriptor_ = ::socket(one->ai_family, one->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, one->ai_protocol);
    if (descriptor_ < 0) continue;
    is_ours_ = true;
    is_socket_ = true;
    error = connect_in_time(descriptor_, *one);
    if (error == 0) return {};
    close();
  }
  return failure_of(error, "cannot connect");
}

// What stands in a file already is another run's, or the beginning of this one's.
write::Failure LineOutput::begin_file(std::string_view header) {
  struct stat status {};
  const bool has_something = is_regular_ && ::fstat(descriptor_, &status) == 0 && status.st_size > 0;
  if (!has_something) {
    if (header.empty() || (was_open_ && !is_regular_)) return {};
    const Sent sent = send(header);
    if (is_regular_ && sent.bytes < header.size()) {
      take_back(sent.bytes);
      return sent.failure;
    }
    torn_ = header.substr(sent.bytes);
    torn_sent_ = 0;
    return {};
  }
  if (place_.descriptor >= 0) return {};  // what the shell has opened to be appended to
  if (existing_ == Existing::refused) {
    return {Kind::foreign, ErrorClass::io,
            "has lines already; --append adds to them, --resume continues their run, or name another file"};
  }
  if (existing_ == Existing::resumed) {
    const off_t whole = end_of_whole_lines(descriptor_, status.st_size);
    if (whole < status.st_size && ::ftruncate(descriptor_, whole) != 0)
      return failure_of(errno, "its unfinished line cannot be removed");
    status.st_size = whole;
    if (whole == 0) return begin_file(header);
  }
  char last = 0;
  if (::pread(descriptor_, &last, 1, status.st_size - 1) == 1 && last != '\n')
    return {Kind::foreign, ErrorClass::io, "ends in the middle of a line; remove that, or name another file"};
  std::string begin(header.size(), '\0');
  const ssize_t read = ::pread(descriptor_, begin.data(), begin.size(), 0);
  if (read != static_cast<ssize_t>(header.size()) || begin != header)
    return {Kind::foreign, ErrorClass::schema, "has other columns; name another file"};
  return {};
}

// As a file that is rotated does.
void LineOutput::look_for_move() {
  if (place_.path.empty()) return;
  struct stat ours {};
  struct stat now {};
  const bool is_there = ::stat(place_.path.c_str(), &now) == 0;
  if (::fstat(descriptor_, &ours) != 0) return;
  if (is_there && now.st_dev == ours.st_dev && now.st_ino == ours.st_ino) return;
  incidents_.push_back(
      {"was deleted, renamed or replaced while in use; starting a new file", ErrorClass::io});
  close();
}

// A server that has closed its end says so where we would read from it. What it sends is not for us.
void LineOutput::look_for_end_of_connection() {
  std::array<char, 512> ignored;
  ssize_t read = 0;
  do {
    read = ::recv(descriptor_, ignored.data(), ignored.size(), MSG_DONTWAIT);
  } while (read > 0);
  if (read < 0 && (errno == EAGAIN || errno == EINTR)) return;
  incidents_.push_back({"the server has closed the connection; connecting again", ErrorClass::io});
  close();
}

LineOutput::Taken LineOutput::take(std::string_view lines, std::span<const std::size_t> ends,
                                   bool is_stopping) {
  const auto settled = [&](std::size_t count, const Sent& sent) {
    if (sent.bytes > 0) stalled_since_.reset();
    Taken taken{count, sent.failure, sent.has_ended};
    if (sent.failure.held()) taken.failure = stalled(is_stopping);
    return taken;
  };
  if (!torn_.empty()) {
    const Sent sent = send(std::string_view(torn_).substr(torn_sent_));
    torn_sent_ = descriptor_ >= 0 ? torn_sent_ + sent.bytes : 0;
    if (torn_sent_ < torn_.size()) return settled(0, sent);
    torn_.clear();
    torn_sent_ = 0;
  }
  const Sent sent = send(lines);
  const auto whole = static_cast<std::size_t>(std::ranges::upper_bound(ends, sent.bytes) - ends.begin());
  const std::size_t end = whole > 0 ? ends[whole - 1] : 0;
  if (sent.bytes == end) return settled(whole, sent);
  if (is_regular_) {
    take_back(sent.bytes - end);
    return settled(whole, sent);
  }
  // Its rest is ours to write, whatever becomes of the reading.
  torn_ = lines.substr(end, ends[whole] - end);
  torn_sent_ = descriptor_ >= 0 ? sent.bytes - end : 0;
  return settled(whole + 1, sent);
}

LineOutput::Sent LineOutput::send(std::string_view bytes) {
  Sent sent;
  while (sent.bytes < bytes.size()) {
    const std::string_view rest = bytes.substr(sent.bytes);
    if (may_block_ && !can_write(descriptor_, patience_ms)) {
      sent.failure = {Kind::held, ErrorClass::io, "nobody reads it"};
      return sent;
    }
    const std::size_t size = may_block_ ? std::min<std::size_t>(rest.size(), PIPE_BUF) : rest.size();
    const ssize_t written = is_socket_ ? ::send(descriptor_, rest.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT)
                                       : ::write(descriptor_, rest.data(), size);
    if (written > 0) {
      sent.bytes += static_cast<std::size_t>(written);
    } else if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (can_write(descriptor_, patience_ms)) continue;
      sent.failure = {Kind::held, ErrorClass::io, "nobody reads it"};
      return sent;
    } else if (written < 0 && errno != EINTR) {
      const int error = errno;
      sent.has_ended = error == EPIPE && !place_.is_server();
      if (!sent.has_ended) sent.failure = failure_of(error, "cannot be written");
      if (place_.is_server()) close();
      return sent;
    }
  }
  return sent;
}

// Somebody who reads slowly is waited for, even at the end; but not by a run that is told to stop.
write::Failure LineOutput::stalled(bool is_stopping) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!stalled_since_) stalled_since_ = now;
  const bool is_given_up = is_stopping && now - *stalled_since_ >= patience_while_stopping;
  return {is_given_up ? Kind::failing : Kind::held, ErrorClass::io, "nobody reads it"};
}

void LineOutput::take_back(std::size_t bytes) {
  const off_t end = ::lseek(descriptor_, 0, SEEK_END);
  const off_t size = end - static_cast<off_t>(bytes);
  if (end < 0 || size < 0 || ::ftruncate(descriptor_, size) != 0) return;
  ::lseek(descriptor_, size, SEEK_SET);
}

}  // namespace fleet_sim::text
