#include "postgresql/address.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>

#include "base/plain_text.h"
#include "base/problems.h"

namespace fleet_sim::postgresql {
namespace {

constexpr std::size_t longest_name = 63;

// Takes `schema=NAME`, which libpq does not know, out of the query.
std::string take_schema(std::string& text) {
  constexpr std::string_view key = "schema=";
  std::size_t at = text.find('?');
  while (at != text.npos && text.compare(at + 1, key.size(), key) != 0) at = text.find('&', at + 1);
  if (at == text.npos) return {};
  const std::size_t begin = at + 1 + key.size();
  const std::size_t end = std::min(text.find('&', begin), text.size());
  std::string schema = text.substr(begin, end - begin);
  // What follows takes its place.
  text.erase(at + 1, std::min(end + 1, text.size()) - at - 1);
  if (text.back() == '&' || text.back() == '?') text.pop_back();
  return schema;
}

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// libpq quotes parts of what it cannot read, so it has the last word only where there is no secret to quote.
std::vector<std::pair<std::string, std::string>> read_parameters(const std::string& uri, bool has_secrets) {
  char* reason = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(uri.c_str(), &reason));
  if (!options) {
    const std::string why = has_secrets || reason == nullptr ? "it cannot be read" : printable(reason);
    PQfreemem(reason);
    throw InvalidInput(fmt::format("sink.address is not an address of a PostgreSQL server: {}", why));
  }
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parameters.emplace_back(option->keyword, option->val);
  }
  return parameters;
}

// The first line.
std::string read_password(const std::string& file) {
  std::ifstream in(file);
  std::string password;
  if (!in || (!std::getline(in, password) && !in.eof())) {
    throw InvalidInput(
        fmt::format("sink.password_file: {} cannot be read: {}", in_quotes(file), std::strerror(errno)));
  }
  if (!password.empty() && password.back() == '\r') password.pop_back();
  return password;
}

}  // namespace

Address address_of(const config::SinkSettings& sink) {
  Address address;
  address.text = printable(sink.address.text());
  std::string uri = fmt::format("postgresql:{}", sink.address.target);
  const bool has_secrets =
      sink.address.text() != fmt::format("{}:{}", sink.address.scheme, sink.address.target);
  if (const std::string schema = take_schema(uri); !schema.empty()) address.schema = schema;
  const bool is_plain = !find_text_flaw(address.schema) && address.schema.find('%') == std::string::npos;
  if (!is_plain || address.schema.size() > longest_name)
    throw InvalidInput(
        fmt::format("sink.address: {} cannot be the name of a schema", in_quotes(address.schema)));
  address.parameters = read_parameters(uri, has_secrets);
  if (!sink.password_file.empty())
    address.parameters.emplace_back("password", read_password(sink.password_file));
  return address;
}

}  // namespace fleet_sim::postgresql
