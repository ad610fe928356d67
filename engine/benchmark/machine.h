// What a benchmark was run on, for the head of its report: figures mean nothing without it. Read once from
// /proc and the system; a fact the system does not tell is "unknown". Main thread.
#pragma once

#include <istream>
#include <string>

namespace fleet_sim::benchmark {

struct MachineFacts {
  std::string version;  // of fleet-sim
  std::string date;
  std::string processor;
  unsigned cores = 0;
  std::string kernel;
  std::string directory;    // absolute
  std::string file_system;  // its type
  std::string device;
  std::string sqlite;
};

// `directory` is the one that is measured.
MachineFacts machine_facts(const std::string& directory);

// The mount that a path lies on, found in the text of /proc/self/mounts: its device and type.
struct Mount {
  std::string device = "unknown";
  std::string type = "unknown";
};
Mount mount_of(const std::string& path, std::istream& mounts);

}  // namespace fleet_sim::benchmark
