#include "text/text_address.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "base/plain_text.h"
#include "base/problems.h"

namespace fleet_sim::text {
namespace {

[[noreturn]] void refuse(const config::SinkAddress& address, std::string_view why) {
  throw InvalidInput(fmt::format("sink.address {}: {}", in_quotes(address.text()), why));
}

// "//host:port", or "//[::1]:port".
Place server_of(const config::SinkAddress& address) {
  std::string_view rest = address.target;
  const std::size_t colon = rest.rfind(':');
  if (!rest.starts_with("//") || colon == rest.npos) refuse(address, "must be tcp://HOST:PORT");
  rest.remove_prefix(2);
  std::string_view host = rest.substr(0, colon - 2);
  const std::string_view port = rest.substr(colon - 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  unsigned number = 0;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool is_port =
      read.ec == std::errc() && read.ptr == port.data() + port.size() && number > 0 && number < 65'536;
  if (host.empty() || !is_port) refuse(address, "must be tcp://HOST:PORT");
  return {.host = std::string(host), .port = std::string(port)};
}

format::RowFormat format_of(std::string_view scheme) {
  if (scheme == "csv") return format::RowFormat::csv;
  return scheme == "lines" ? format::RowFormat::line_protocol : format::RowFormat::ndjson;
}

}  // namespace

TextAddress read_text_address(const config::SinkAddress& address) {
  if (address.scheme == "tcp") return {format::RowFormat::ndjson, server_of(address)};
  const format::RowFormat format = format_of(address.scheme);
  if (address.target == "-") return {format, {.descriptor = STDOUT_FILENO}};
  if (address.target.starts_with("//")) refuse(address, "names a file, which has no host; leave out the //");
  return {format, {.path = address.target}};
}

Place read_events_place(std::string_view text) {
  constexpr std::string_view prefix = "fd:";
  if (!text.starts_with(prefix)) return {.path = std::string(text)};
  int number = -1;
  const std::string_view digits = text.substr(prefix.size());
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || number < 0)
    throw InvalidInput(fmt::format("sink.events must be FILE or fd:N, not {}", in_quotes(text)));
  if (::fcntl(number, F_GETFD) < 0)
    throw InvalidInput(fmt::format("sink.events {}: there is no such open descriptor", in_quotes(text)));
  return {.descriptor = number};
}

}  // namespace fleet_sim::text
