// The one place on disk that fleet_bench uses: the folder fleet_bench.tmp in the current directory. It is
// emptied before use and gone afterwards, also after Ctrl-C or SIGTERM, which end the process with exit code
// 130. Made on the main thread before there are others, because it blocks those signals for all of them.
#pragma once

#include "workload.h"

namespace fleet_sim::bench {

class Scratch {
 public:
  Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  [[nodiscard]] const Folders& folders() const { return folders_; }

  static void make_empty(const std::filesystem::path& folder);

 private:
  Folders folders_;
};

}  // namespace fleet_sim::bench
