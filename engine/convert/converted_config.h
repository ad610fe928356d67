// The config of another simulator as ours: what has the same name is taken over, what has another is
// translated (foreign/names.h), and what we do not have is listed. Pure; main thread. What is wrong with the
// file, or with what came out, becomes a problem.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "identity/identity.h"
#include "types/declared_type.h"

namespace fleet_sim::convert {

// A number of sensors that differ only in their ids: PREFIX_001, PREFIX_002, …
struct Replicas {
  std::uint64_t count = 1;
  std::string prefix = "SENSOR";
  std::uint64_t first = 1;
};

struct ConvertedConfig {
  std::string text;                                // YAML, with a comment where something was translated
  std::size_t settings = 0;                        // in it …
  std::size_t translated = 0;                      // … under another name or with another value than theirs
  std::vector<std::string> left_out;               // a line each: where it stood, and why
  std::optional<identity::IdentityRecord> sensor;  // of a config that describes one
  std::optional<Replicas> replicas;
  types::DeclaredTypes types;  // that it declares
};

// `place` names the file in lines and problems.
ConvertedConfig convert_config(std::string_view text, const std::string& place, Problems& problems);

}  // namespace fleet_sim::convert
