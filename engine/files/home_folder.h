// Expands `~` at the start of a path where no shell does: in a config, in an environment variable, after
// `--flag=`. Reads the environment; any thread, as long as nothing changes it.
#pragma once

#include <string>
#include <string_view>

namespace fleet_sim::files {

// Replaces a leading `~` or `~/` with the home folder. Returns an empty string, or what is wrong: HOME is not
// set, or the path names another user's home folder.
std::string expand_home(std::string_view path, std::string& expanded);

}  // namespace fleet_sim::files
