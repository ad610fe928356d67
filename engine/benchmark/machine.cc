#include "benchmark/machine.h"

#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "base/clock.h"
#include "status/process.h"
#include "tables/database.h"

namespace fleet_sim::benchmark {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != line.npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string kernel_name() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + ' ' + name.release + ' ' + name.machine;
}

std::string absolute(const std::string& directory) {
  std::error_code error;
  const auto path = std::filesystem::canonical(directory, error);
  return error ? directory : path.string();
}

// The kernel writes a space in a mount point as \040, and other such bytes likewise.
std::string unescaped(std::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '\\' && i + 3 < text.size() && std::all_of(&text[i + 1], &text[i + 4], is_octal);
    if (!escape) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>(((text[i + 1] - '0') << 6) + ((text[i + 2] - '0') << 3) + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

bool lies_below(const std::string& path, const std::string& folder) {
  if (folder == "/" || path == folder) return true;
  return path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

// The longest mount point that leads to the path; of equal ones the last, which hides the others.
Mount mount_of(const std::string& path, std::istream& mounts) {
  Mount found;
  std::size_t longest = 0;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, point, type;
    words >> device >> point >> type;
    point = unescaped(point);
    if (point.size() < longest || !lies_below(path, point)) continue;
    longest = point.size();
    found = {unescaped(device), type};
  }
  return found;
}

MachineFacts machine_facts(const std::string& directory) {
  MachineFacts facts;
  facts.version = FLEET_SIM_VERSION;
  facts.date = timestamp_text(system_now()).substr(0, 19) + 'Z';
  facts.processor = processor_name();
  facts.cores = status::core_count();
  facts.kernel = kernel_name();
  facts.directory = absolute(directory);
  std::ifstream mounts("/proc/self/mounts");
  const Mount mount = mount_of(facts.directory, mounts);
  facts.file_system = mount.type;
  facts.device = mount.device;
  facts.sqlite = sqlite3_libversion();
  return facts;
}

}  // namespace fleet_sim::benchmark
