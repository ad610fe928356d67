// How this executable was built, which only CMake knows. Constants.
#pragma once

namespace fleet_sim::app {

struct Build {
  const char* type;  // Release, Debug ...
  const char* processor;
  const char* compiler;
  const char* yaml_cpp_version;  // its headers do not say
};

extern const Build build;

}  // namespace fleet_sim::app
