// Any text as identity files, a document and lines. What is accepted can be written down and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "identity/identity_parser.h"
#include "types/built_in_type.h"

using namespace fleet_sim;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const types::Schema& type = types::built_in_type().schema;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  identity::IdentityFindings of_document;
  identity::parse_identity_document(text, type, of_document);
  identity::IdentityFindings of_lines;
  identity::parse_identity_lines(text, 1, type, of_lines);
  return 0;
}
