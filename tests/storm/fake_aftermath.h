// What a fake sink holds after each process of a storm, and whether it may: every reading once, in the order
// in which the writers were given it, and as many as the books say. Throws Found. One thread.
#pragma once

#include "storm/dice.h"
#include "storm/process.h"
#include "support/fake_sink.h"

namespace fleet_sim::test {

// A store whose moods and delays the dice decide.
class FakeGround {
 public:
  explicit FakeGround(Dice& dice);

  [[nodiscard]] FakeStore& store() { return store_; }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::uint64_t refusals() const { return refusals_; }

  // For the next process, to which nothing happens when it is calm. Empties the store.
  void begin(bool calm);

  // The process has ended by itself or has died.
  void inspect(const Process& process);

 private:
  Mood draw_mood();

  Dice& dice_;
  bool knows_lots_;
  FakeStore store_;
  double trouble_ = 0;  // chance at each attempt
  std::uint64_t refusals_ = 0;
  std::uint64_t rows_ = 0;
};

}  // namespace fleet_sim::test
