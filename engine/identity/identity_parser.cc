#include "identity/identity_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "identity/identity_events.h"

namespace fleet_sim::identity {
namespace {

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

void parse_line(std::string_view line, std::uint32_t number, std::size_t most_bytes, IdentityEvents& events,
                IdentityFindings& findings) {
  if (line.size() > most_bytes) {
    ++findings.invalid;
    findings.add_mistake(number, fmt::format("a line may be at most {} bytes long", most_bytes));
  } else if (!is_blank(line)) {
    JsonBytes bytes(line, number);
    events.parse(bytes);
  }
}

}  // namespace

void parse_identity_document(const NextBytes& next, const types::Catalog& types, IdentityFindings& findings,
                             const DrainFindings& drain) {
  JsonBytes bytes(next);
  IdentityEvents(IdentityEvents::Form::document, types, findings, drain).parse(bytes);
}

void parse_identity_document(std::string_view text, const types::Catalog& types, IdentityFindings& findings) {
  if (is_blank(text)) {
    ++findings.invalid;
    return findings.add_mistake(1, "has no identity: write one, such as {\"id\": \"SENSOR_001\"}");
  }
  JsonBytes bytes(text, 1);
  IdentityEvents(IdentityEvents::Form::document, types, findings).parse(bytes);
}

void parse_identity_lines(std::string_view text, std::uint32_t first_line, const types::Catalog& types,
                          IdentityFindings& findings, std::size_t most_bytes) {
  IdentityEvents events(IdentityEvents::Form::line, types, findings, {}, most_bytes);
  for (std::uint32_t number = first_line; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    parse_line(line, number, most_bytes, events, findings);
  }
}

}  // namespace fleet_sim::identity
