// A drift lets one channel depart more and more from what it should read: a graded trend that by default
// takes longer.
#include "model/anomaly_effect.h"

namespace fleet_sim::model {

const AnomalyEffect drift_effect{.graded = trend_effect.graded, .fewest_readings = fewest_readings_to_show};

}  // namespace fleet_sim::model
