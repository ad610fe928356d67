// Adds problems that lie in one file, each with its line. Borrows the list; as thread-safe as it.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>

#include "base/problems.h"

namespace fleet_sim::yaml {

class FileProblems {
 public:
  FileProblems(std::string file, Problems& problems) : file_(std::move(file)), problems_(&problems) {}

  [[nodiscard]] std::string place(std::size_t line) const { return fmt::format("{}:{}", file_, line); }
  void at(std::size_t line, const std::string& text) const { problems_->add(place(line), text); }

  // `column` counts from 1, too.
  void at(std::size_t line, std::size_t column, const std::string& text) const {
    problems_->add(fmt::format("{}:{}:{}", file_, line, column), text);
  }

 private:
  std::string file_;
  Problems* problems_;
};

}  // namespace fleet_sim::yaml
