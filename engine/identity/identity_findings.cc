#include "identity/identity_findings.h"

#include <utility>

namespace fleet_sim::identity {

void IdentityFindings::add_mistake(std::uint32_t line, std::string text) {
  if (mistakes.size() < most_mistakes) {
    mistakes.push_back({line, identities.size(), std::move(text)});
  } else {
    ++further_mistakes;
  }
}

void IdentityFindings::add_unknown_key(std::string_view name) {
  if (unknown_keys.size() < most_unknown_keys && !unknown_keys.contains(name)) unknown_keys.emplace(name);
}

}  // namespace fleet_sim::identity
