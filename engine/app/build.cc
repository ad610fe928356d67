#include "app/build.h"

namespace fleet_sim::app {

const Build build{FLEET_SIM_BUILD_TYPE, FLEET_SIM_PROCESSOR, FLEET_SIM_COMPILER, FLEET_SIM_YAML_CPP_VERSION};

}  // namespace fleet_sim::app
