// In a dropout some readings are missing, a share of them in stretches of 4 seconds: its row in the table of
// types takes them.
#include "model/anomaly_effect.h"

namespace fleet_sim::model {

const AnomalyEffect dropout_effect{};

}  // namespace fleet_sim::model
