#include "config/sinks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/plain_text.h"
#include "base/text.h"
#include "config/units.h"

namespace fleet_sim::config {
namespace {

// Standard output takes what most programs read.
constexpr std::string_view standard_output = "-";
constexpr std::string_view standard_output_in_full = "ndjson:-";

constexpr std::array<std::string_view, 8> secret_parameters{
    "password", "passwd", "pass", "p", "token", "secret", "auth_token", "sslpassword"};

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Also of sinks that this build does not have.
const SinkRow* row_with(std::string_view scheme) {
  const auto row = std::ranges::find_if(sink_rows, [&](const SinkRow& one) {
    return std::ranges::any_of(parts_of(one.schemes, ' '),
                               [&](std::string_view word) { return equal_words(word, scheme); });
  });
  return row == sink_rows.end() ? nullptr : &*row;
}

// Whether its sink takes addresses, and not just the word.
bool takes_target(const SinkRow& row) {
  return row.notation.find(':') != std::string_view::npos;
}

// What to install for a build that has this scheme of the sink; empty when it does.
std::string_view lacking_package(const SinkRow& row, std::string_view scheme) {
  constexpr bool has_tls = FLEET_SIM_TLS;
  constexpr std::string_view secure = "https";
  if (!row.is_built) return row.package;
  return !has_tls && equal_words(scheme.substr(scheme.find('+') + 1), secure) ? "libssl-dev" : "";
}

std::string joined_notations() {
  std::string notation;
  for (const SinkRow& row : sink_rows) {
    if (row.is_built) notation.append(notation.empty() ? "" : "|").append(row.notation);
  }
  return notation;
}

std::string choice_of_sinks() {
  std::vector<std::string_view> choices = parts_of(sink_notation(), '|');
  const std::string_view last = choices.back();
  choices.pop_back();
  return fmt::format("{} or {}", fmt::join(choices, ", "), last);
}

std::string described_sinks() {
  std::vector<std::string> sinks;
  for (const SinkRow& row : sink_rows) {
    if (!row.is_built) continue;
    std::string& sink = sinks.emplace_back(fmt::format("{}", fmt::join(parts_of(row.notation, '|'), ", ")));
    if (!row.meaning.empty()) sink += fmt::format(" ({})", row.meaning);
  }
  const std::string last = std::move(sinks.back());
  sinks.pop_back();
  return fmt::format("Where readings go: {}, or {}", fmt::join(sinks, ", "), last);
}

// Where the user ends whose password has a question mark in it, which libpq takes as it stands; npos: there
// is no such user.
std::size_t end_of_odd_user(std::string_view address) {
  const std::size_t slashes = address.find("//");
  if (slashes == address.npos) return address.npos;
  const std::size_t at = address.substr(0, address.find('/', slashes + 2)).rfind('@');
  const std::size_t query = address.find('?');
  return at != address.npos && slashes < query && query < at ? at : address.npos;
}

bool holds_secret(std::string_view parameter) {
  const std::string_view name = parameter.substr(0, parameter.find('='));
  return std::ranges::any_of(secret_parameters, [&](auto secret) { return equal_words(secret, name); });
}

}  // namespace

std::string without_secrets(std::string_view address) {
  if (const std::size_t at = end_of_odd_user(address); at != address.npos) {
    const std::size_t colon = address.find(':', address.find("//"));
    const std::size_t end_of_name = std::min(colon, address.find('?'));
    return without_secrets(std::string(address.substr(0, end_of_name)).append(address.substr(at)));
  }
  const std::size_t query = std::min(address.find('?'), address.size());
  std::string text(address.substr(0, query));
  const std::size_t slashes = text.find("//");
  const std::size_t at = text.rfind('@');
  if (slashes != std::string::npos && at != std::string::npos && at > slashes) {
    const std::size_t colon = text.find(':', slashes);
    if (colon < at) text.erase(colon, at - colon);
  }
  if (query == address.size()) return text;
  char separator = '?';
  for (const std::string_view parameter : parts_of(address.substr(query + 1), '&')) {
    if (holds_secret(parameter)) continue;
    text += separator;
    text += parameter;
    separator = '&';
  }
  return text;
}

std::vector<std::string_view> secrets_in(std::string_view text) {
  std::vector<std::string_view> secrets;
  const auto add = [&](std::size_t from, std::size_t to) { secrets.push_back(text.substr(from, to - from)); };
  const std::size_t odd_user = end_of_odd_user(text);
  const std::size_t query = std::min(text.find('?', odd_user == text.npos ? 0 : odd_user), text.size());
  const std::size_t slashes = text.find("://");
  if (slashes == text.npos) return secrets;
  const std::size_t at = text.substr(0, query).rfind('@');
  const std::size_t colon = text.find(':', slashes + 1);
  if (at != text.npos && colon < at) add(colon + 1, at);
  for (const std::size_t mark : {query, std::min(text.find('?'), text.size())}) {
    for (std::size_t begin = mark + 1; begin < text.size();) {
      const std::size_t end = std::min(text.find('&', begin), text.size());
      const std::size_t equals = std::min(text.find('=', begin), end);
      if (equals < end && holds_secret(text.substr(begin, end - begin))) add(equals + 1, end);
      begin = end + 1;
    }
  }
  return secrets;
}

void overwrite_secrets(std::span<char> argument) {
  const std::string_view text(argument.data(), argument.size());
  for (const std::string_view secret : secrets_in(text)) {
    const auto from = static_cast<std::size_t>(secret.data() - text.data());
    std::ranges::fill(argument.subspan(from, secret.size()), 'x');
  }
}

std::string SinkAddress::text() const {
  return target.empty() ? scheme : fmt::format("{}:{}", scheme, without_secrets(target));
}

std::string parse_sink_address(std::string_view text, SinkAddress& address) {
  if (text == standard_output) text = standard_output_in_full;
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view target = text.substr(std::min(colon + 1, text.size()));
  const SinkRow* row = row_with(scheme);
  const bool has_form = row != nullptr && takes_target(*row) == !target.empty();
  if (row != nullptr && !lacking_package(*row, scheme).empty()) {
    return fmt::format(
        "names the sink {}, which this build of fleet-sim does not have; install {} and build again", scheme,
        lacking_package(*row, scheme));
  }
  if (!has_form) return must_be(choice_of_sinks(), without_secrets(text));
  const std::vector<std::string_view> words = parts_of(row->schemes, ' ');
  const auto word =
      std::ranges::find_if(words, [&](std::string_view one) { return equal_words(one, scheme); });
  address = {row->sink, std::string(*word), std::string(target)};
  return {};
}

std::vector<std::string_view> built_in_schemes() {
  std::vector<std::string_view> schemes;
  for (const SinkRow& row : sink_rows) {
    for (const std::string_view scheme : parts_of(row.schemes, ' ')) {
      if (lacking_package(row, scheme).empty()) schemes.push_back(scheme);
    }
  }
  return schemes;
}

std::string_view sink_notation() {
  static const std::string notation = joined_notations();
  return notation;
}

std::string_view sink_help() {
  static const std::string help = described_sinks();
  return help;
}

}  // namespace fleet_sim::config
