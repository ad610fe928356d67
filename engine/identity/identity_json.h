// Identities as JSON text: what `generate` writes and identity_parser.h reads back. Pure; any thread; the
// texts of a record are valid UTF-8, and nothing fails but memory.
#pragma once

#include <string>

#include "identity/identity.h"

namespace fleet_sim::identity {

// Appends one record as an object: on one line without a line break, or indented by two spaces. Overrides
// and details are written only where there are any, extras under their key.
void append_json_line(std::string& out, const IdentityRecord& record);
void append_json_line(std::string& out, const Roster& roster, const Identity& identity);
void append_pretty_json(std::string& out, const IdentityRecord& record);

// What normal_parameters holds, as an object in compact form; empty when it holds nothing.
std::string parameters_json(const IdentityOverrides& overrides);

}  // namespace fleet_sim::identity
