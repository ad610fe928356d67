// The null sink: acknowledges everything and keeps nothing, which shows what everything before it can do.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "write/destination.h"

namespace fleet_sim::null {

class NullDestination final : public write::Destination {
 public:
  explicit NullDestination(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const override { return name_; }
  std::optional<write::Answer> take(const write::Lot&) override { return write::Answer{}; }

 private:
  std::string name_;
};

class NullSink final : public write::Sink {
 public:
  std::unique_ptr<write::Destination> make(const write::Target& target, write::Reply) override {
    return std::make_unique<NullDestination>(target.name);
  }
  [[nodiscard]] bool takes_batches() const override { return true; }
};

}  // namespace fleet_sim::null
