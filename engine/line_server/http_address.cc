#include "line_server/http_address.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include "base/plain_text.h"
#include "base/problems.h"

namespace fleet_sim::line_server {
namespace {

[[noreturn]] void refuse(std::string_view why) {
  throw InvalidInput(fmt::format("sink.address must be lines+http://HOST:PORT/PATH?QUERY, {}", why));
}

std::optional<unsigned> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return std::nullopt;
}

// %40 is @.
std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool may_be_code = text[i] == '%' && i + 2 < text.size();
    const auto high = hex_digit(may_be_code ? text[i + 1] : ' ');
    const auto low = hex_digit(may_be_code ? text[i + 2] : ' ');
    const bool is_code = high && low;
    plain += is_code ? static_cast<char>(*high * 16 + *low) : text[i];
    if (is_code) i += 2;
  }
  return plain;
}

std::string in_base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = i; k < i + 3; ++k)
      group = group << 8 | (k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      text += i + k <= bytes.size() ? digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  if (!in || (!std::getline(in, line) && !in.eof())) {
    throw InvalidInput(
        fmt::format("sink.password_file: {} cannot be read: {}", in_quotes(file), std::strerror(errno)));
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (find_text_flaw(line)) throw InvalidInput("sink.password_file: its first line is not plain text");
  return line;
}

std::string authorization_of(std::string_view user, const std::string& file) {
  const std::string secret = file.empty() ? std::string() : first_line(file);
  if (user.empty()) return secret.empty() ? std::string() : "Token " + secret;
  std::string both = decoded(user.substr(0, user.find(':'))) + ":";
  if (const std::size_t colon = user.find(':'); colon != user.npos) both += decoded(user.substr(colon + 1));
  if (!secret.empty()) both = both.substr(0, both.find(':') + 1) + secret;
  return "Basic " + in_base64(both);
}

// In all forms that the server sees.
std::vector<std::string> secrets_of(const config::SinkSettings& sink, const std::string& authorization) {
  std::vector<std::string> secrets;
  for (const std::string_view secret :
       config::secrets_in(fmt::format("{}:{}", sink.address.scheme, sink.address.target))) {
    secrets.emplace_back(secret);
    secrets.push_back(decoded(secret));
  }
  if (!sink.password_file.empty()) secrets.push_back(first_line(sink.password_file));
  if (!authorization.empty()) secrets.push_back(authorization.substr(authorization.find(' ') + 1));
  std::erase(secrets, "");
  return secrets;
}

}  // namespace

HttpAddress http_address_of(const config::SinkSettings& sink) {
  HttpAddress address;
  address.text = printable(sink.address.text());
  address.is_secure = sink.address.scheme == "lines+https";
  std::string_view rest = sink.address.target;
  if (!rest.starts_with("//")) refuse("with two slashes before the host");
  rest.remove_prefix(2);
  if (find_text_flaw(rest) || rest.find(' ') != rest.npos) refuse("without spaces and control characters");
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, slash);
  address.target = rest.substr(slash);
  if (!address.target.starts_with('/')) address.target.insert(0, "/");
  const std::size_t at = authority.rfind('@');
  const std::string_view user = at == authority.npos ? std::string_view() : authority.substr(0, at);
  if (at != authority.npos) authority.remove_prefix(at + 1);
  const std::size_t end_of_host = authority.starts_with('[') ? authority.find(']') : 0;
  const std::size_t colon = authority.find(':', end_of_host == authority.npos ? 0 : end_of_host);
  address.host = authority.substr(0, colon);
  address.port = colon == authority.npos ? (address.is_secure ? "443" : "80") : authority.substr(colon + 1);
  if (address.host.starts_with('[')) address.host = address.host.substr(1, address.host.size() - 2);
  if (address.host.empty() || address.port.empty()) refuse("with a host");
  address.authorization = authorization_of(user, sink.password_file);
  address.secrets = secrets_of(sink, address.authorization);
  return address;
}

}  // namespace fleet_sim::line_server
