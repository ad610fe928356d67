// Any text as identity files, a document and lines. What is accepted can be written down and read again, and
// is the same then.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "identity/identity_json.h"
#include "identity/identity_parser.h"
#include "types/built_in_type.h"

using namespace fleet_sim;

namespace {

void write_and_read(const identity::IdentityRecord& record, const types::Catalog& types) {
  std::string line;
  identity::append_json_line(line, record);
  identity::IdentityFindings findings;
  identity::parse_identity_lines(line, 1, types, findings, identity::largest_recorded_bytes);
  if (findings.identities.size() != 1) std::abort();
  const identity::IdentityRecord& again = findings.identities.front().record;
  const bool same = again.id == record.id && again.location == record.location &&
                    again.overrides == record.overrides && again.details == record.details;
  if (!same) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const types::Catalog& types = *types::built_in_types();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  identity::IdentityFindings of_document;
  identity::parse_identity_document(text, types, of_document);
  identity::IdentityFindings of_lines;
  identity::parse_identity_lines(text, 1, types, of_lines);
  for (const identity::FoundIdentity& found : of_document.identities) write_and_read(found.record, types);
  for (const identity::FoundIdentity& found : of_lines.identities) write_and_read(found.record, types);
  return 0;
}
