// The types of sensor that a run knows: the built-in one and those that its config declares. Made when a
// config is loaded; immutable afterwards, and a type stays where it is as long as the catalog lives. Any
// thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "types/declared_type.h"
#include "types/sensor_type.h"

namespace fleet_sim::types {

class Catalog {
 public:
  // The built-in type alone.
  Catalog();
  // A declaration that bears the built-in type's name takes its place. The declarations have been checked
  // (declare/check.h).
  explicit Catalog(const DeclaredTypes& declared);
  // Types made in code.
  explicit Catalog(std::vector<SensorType> types);

  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // Null when there is none.
  [[nodiscard]] const SensorType* find(std::string_view name) const;
  // The type of this name, which there is.
  [[nodiscard]] const SensorType& operator[](std::string_view name) const;

  [[nodiscard]] std::vector<std::string_view> names() const;  // sorted
  // Of all types, each once, sorted.
  [[nodiscard]] std::vector<std::string_view> channel_names() const;

 private:
  void add(SensorType type);

  std::map<std::string, SensorType, std::less<>> types_;
};

// The built-in type alone.
const std::shared_ptr<const Catalog>& built_in_types();

}  // namespace fleet_sim::types
