// Where the numbers of one sensor come from: the numbers of its profile, resolved by the same code as the
// profile itself (resolution.h), each with the chain of steps that led to it, and what follows from them for
// its anomalies. Made for a person who asks, never while simulating. Borrows the config that it explains;
// pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/terms.h"
#include "config/config.h"
#include "model/profile.h"
#include "model/resolution.h"

namespace fleet_sim::model {

struct Step {
  std::string kind;  // "config", "identity", "built in", "severity", "limit", or one of behavior_kinds
  std::string name;  // of the key or the behavior's entry; may be empty
  Operation operation;
  double value;
};

// A trail that keeps every step.
class Chain {
 public:
  void step(const Origin& origin, Operation operation, double value);

  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

// What a sensor's anomalies of one type amount to.
struct TypeExplanation {
  bool enabled = true;
  double share_of_anomalies = 0;  // its weight's share of all weights: w_k in model/README.md
  double onset_chance = 0;        // that an unaffected sensor starts one at its next reading
  double share_of_readings = 0;   // of all due readings in the long run
  double per_day = 0;             // anomalies begun
};

struct Explanation {
  const types::SensorType* type = nullptr;
  FourBehaviors behaviors;
  ProfileNumbers<Chain> numbers;
  std::vector<double> channel_shares;  // how often a spike or trend picks each channel
  PerAnomalyType<TypeExplanation> types;
  Profile profile;          // what the simulator uses
  AnomalyTimes times;       // of its anomalies …
  AnomalyTimes configured;  // … and what the config says, which is shorter where the sensor is too slow
};

Explanation explain_profile(const config::Config& config, const ProfileSource& source);

}  // namespace fleet_sim::model
