// The text of identities, both ways: JSON to records with the place of everything that is wrong in it, and
// records to JSON. The text is untrusted: it is read event by event in bounded memory and without recursion,
// whatever it holds. Owns nothing and opens no file; any thread. Mistakes are collected, never thrown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "identity/identity.h"

namespace fleet_sim {

struct FoundIdentity {
  IdentityRecord record;
  std::uint32_t line = 0;  // of its opening brace, from 1
};

struct IdentityMistake {
  std::uint32_t line = 0;        // 0: the file as a whole
  std::size_t found_before = 0;  // how many identities precede it, which keeps both lists in file order
  std::string text;
};

// What a file, or a slice of one, was found to hold.
struct IdentityFindings {
  static constexpr std::size_t most_mistakes = Problems::shown_at_most;
  static constexpr std::size_t most_unknown_keys = 100;

  std::vector<FoundIdentity> identities;
  std::vector<IdentityMistake> mistakes;  // the first `most_mistakes`
  std::size_t further_mistakes = 0;       // how many more there were
  std::size_t invalid = 0;                // identities left out; a file that cannot be read on counts as one
  std::set<std::string, std::less<>> unknown_keys;  // dotted, like "normal_parameters.pressure"

  void add_mistake(std::uint32_t line, std::string text);
  void add_unknown_key(std::string_view name);
};

// The next piece of a text, valid until the next call; empty at the end.
using NextBytes = std::function<std::string_view()>;

// Called now and then with what has been found so far; may take it away, so that a long array needs little
// memory.
using DrainFindings = std::function<void(IdentityFindings&)>;

// One object or an array of them. Identities before a syntax error are kept, those after it are lost.
void parse_identity_document(const NextBytes& next, IdentityFindings& findings,
                             const DrainFindings& drain = {});
void parse_identity_document(std::string_view text, IdentityFindings& findings);

// One object per line; blank lines are skipped and a bad line leaves the others alone.
void parse_identity_lines(std::string_view text, std::uint32_t first_line, IdentityFindings& findings);

// Appends one record as a JSON object: on one line without a line break, or indented by two spaces. The texts
// are valid UTF-8; overrides are written only where there are any.
void append_json_line(std::string& out, const IdentityRecord& record);
void append_pretty_json(std::string& out, const IdentityRecord& record);

// The text for a message: control characters become '?', and what is long is cut at a character's end.
std::string printable(std::string_view text, std::size_t longest = 80);

}  // namespace fleet_sim
