// How a device shows a number: in steps of its resolution. Immutable values; any thread.
#pragma once

namespace fleet_sim::sources {

// Steps that are a decimal fraction, as 0.1 is, give the double that their text gives: 0.3 and not
// 0.30000000000000004.
class Resolution {
 public:
  // 0: none, and a value stays what it is.
  explicit Resolution(double step);

  // The nearest whole number of steps; as good as that for a value of less than 2^51 steps.
  [[nodiscard]] double steps(double value) const { return (value * per_unit_ + rounder) - rounder; }

  // What so many steps are.
  [[nodiscard]] double value(double steps) const { return steps * times_ / over_; }

  [[nodiscard]] double rounded(double value) const {
    return per_unit_ == 0 ? value : this->value(steps(value));
  }

 private:
  static constexpr double rounder = 0x1.8p52;  // adding and taking it away leaves a whole number

  double times_ = 1;  // a step is times_ / over_ …
  double over_ = 1;
  double per_unit_ = 0;  // … and a unit has so many
};

}  // namespace fleet_sim::sources
