#include "identity/overlays.h"

namespace fleet_sim::identity {

OverlayIndex Overlays::with(OverlayIndex below, const Overlay& change) {
  Overlay result = table_[below];
  for (const auto member :
       {&Overlay::location, &Overlay::manufacturer, &Overlay::model, &Overlay::firmware_version}) {
    if (change.*member != Text{}) result.*member = change.*member;
  }
  if (result == Overlay{}) return 0;
  const std::lock_guard lock(mutex_);
  const auto known = index_of_.find(result);
  if (known != index_of_.end()) return known->second;
  if (table_.size() > most) return below;
  const auto index = static_cast<OverlayIndex>(table_.size());
  table_.push_back(result);
  index_of_.emplace(result, index);
  return index;
}

}  // namespace fleet_sim::identity
