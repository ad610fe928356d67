// The spread of a type of sensor (spread.h), computed when it is first needed: at the first graded anomaly of
// any sensor of the type, which is when a fleet that has any is built. Shared by the profiles of a type; any
// thread. Throws what computing it throws, which is nothing but a lack of memory.
#pragma once

#include <memory>
#include <mutex>

#include "model/spread.h"
#include "types/sensor_type.h"

namespace fleet_sim::model {

class TypeSpread {
 public:
  // `parameters` are what the type's channels normally read under the config.
  TypeSpread(const types::SensorType& type, types::NormalParameters parameters)
      : type_(type), parameters_(std::move(parameters)) {}
  TypeSpread(const TypeSpread&) = delete;
  TypeSpread& operator=(const TypeSpread&) = delete;

  [[nodiscard]] const Spread& get() const {
    compute();
    return *spread_;
  }
  // What nobody waits for may happen early.
  void compute() const {
    std::call_once(computed_, [this] { spread_ = std::make_unique<const Spread>(type_, parameters_); });
  }

 private:
  types::SensorType type_;
  types::NormalParameters parameters_;
  mutable std::once_flag computed_;
  mutable std::unique_ptr<const Spread> spread_;
};

}  // namespace fleet_sim::model
