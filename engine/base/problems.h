// What is wrong with the input: a list of places and remedies, collected so that a user sees all of it at
// once instead of one error per attempt. Loaders add from many threads; the command prints it and exits 2.
// Bounded: only the first `shown_at_most` texts are kept, the rest are counted.
#pragma once

#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace fleet_sim {

class Problems {
 public:
  static constexpr std::size_t shown_at_most = 20;

  // `place` is where a user has to look ("identities/a.json:4", "--rate"), `text` what is wrong and what to
  // do.
  void add(const std::string& place, const std::string& text);

  // Takes over what another list holds; the loaders use it to keep file order whatever thread found a
  // problem.
  void append(const Problems& other);

  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] bool empty() const { return count() == 0; }

  // One line per problem, then how many more there are. Ends without a line break.
  [[nodiscard]] std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> shown_;
  std::size_t count_ = 0;
};

// Thrown while starting when arguments, config or identities cannot be used; ends the process with exit
// code 2.
struct InvalidInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Thrown while starting when the place where rows are to go cannot be used; ends the process with exit
// code 3.
struct NoStorage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace fleet_sim
