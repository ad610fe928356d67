// The null sink: acknowledges everything and keeps nothing, which shows what everything before it can do.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "write/destination.h"

namespace fleet_sim::write {

class NullDestination final : public Destination {
 public:
  explicit NullDestination(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const override { return name_; }
  std::optional<Answer> take(const Lot&) override { return Answer{}; }

 private:
  std::string name_;
};

class NullSink final : public Sink {
 public:
  std::unique_ptr<Destination> make(const std::string& target, Reply) override {
    return std::make_unique<NullDestination>(target);
  }
  [[nodiscard]] bool takes_batches() const override { return true; }
};

}  // namespace fleet_sim::write
