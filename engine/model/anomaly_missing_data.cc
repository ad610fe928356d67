// While data are missing there are no readings: its row in the table of types takes them, nothing is drawn.
#include "model/anomaly_effect.h"

namespace fleet_sim::model {

const AnomalyEffect missing_data_effect{};

}  // namespace fleet_sim::model
