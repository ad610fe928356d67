// JSON text to identities, with the line of everything that is wrong in it. The text is untrusted: it is read
// event by event, in bounded memory and without recursion, whatever it holds. Opens no file and owns nothing;
// any thread. Mistakes are collected, never thrown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "identity/identity_findings.h"
#include "identity/json_bytes.h"
#include "types/catalog.h"

namespace fleet_sim::identity {

inline constexpr std::size_t largest_identity_bytes = 64 << 10;  // one object
inline constexpr std::size_t deepest_nesting = 8;

// Called now and then with what has been found so far, which it may take away, so that a long array needs
// little memory. False: nothing more is wanted.
using DrainFindings = std::function<bool(IdentityFindings&)>;

// `type` says which channels there are. One object or an array of them. Identities before a syntax error are
// kept, those after it are lost.
void parse_identity_document(const NextBytes& next, const types::Catalog& types, IdentityFindings& findings,
                             const DrainFindings& drain);
void parse_identity_document(std::string_view text, const types::Catalog& types, IdentityFindings& findings);

// One object per line; blank lines are skipped and a bad line leaves the others alone. Lines that we write
// ourselves may be longer, because they spell out what a file left out.
inline constexpr std::size_t largest_recorded_bytes = 4 * largest_identity_bytes;
void parse_identity_lines(std::string_view text, std::uint32_t first_line, const types::Catalog& types,
                          IdentityFindings& findings, std::size_t most_bytes = largest_identity_bytes);

}  // namespace fleet_sim::identity
