// A .jsonl file cut into slices of whole lines, so that the lines of one long file can be parsed in parallel.
// One thread; owns the open file; holds at most two slices. A file that fails ends early and failure() says
// why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "identity/identity_files.h"

namespace fleet_sim::identity {

struct LineSlice {
  std::string text;
  std::uint32_t first_line = 1;
  bool last = false;    // of its file
  std::string failure;  // why the file cannot be read on after this; then it is the last
};

class LineSlices {
 public:
  static constexpr std::size_t slice_bytes = 512 << 10;

  // Begins a file; a failure comes with the first slice.
  void open(const std::string& path);

  // To be called until it has returned the last one.
  LineSlice next();

 private:
  void keep_rest(std::string& text);
  void skip_long_line();

  InputFile file_;
  std::string rest_;  // the beginning of the next slice's first line
  std::uint32_t line_ = 1;
  bool at_beginning_ = true;
  bool inside_long_line_ = false;
};

}  // namespace fleet_sim::identity
