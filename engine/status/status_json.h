// The JSON that the status API answers with, from plain values. Texts come from identities and files, so
// bytes that are not UTF-8 are replaced. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "status/status.h"

namespace fleet_sim::status {

std::string status_json(const Status& status);
std::string history_json(const HistoryColumns& columns);
// `state`: what a healthy run is doing, if that needs to be said.
std::string health_json(const std::vector<std::string>& reasons, std::string_view state = {});
std::string shards_json(const Page<ShardRow>& page);
std::string sensors_json(const Page<SensorRow>& page);
std::string sensor_json(const SensorDetail& detail);
std::string scenario_json(const Page<ScenarioRow>& page);
std::string events_json(const std::vector<EventRow>& events);
// `remedy` may be empty.
std::string error_json(std::string_view error, std::string_view remedy = {});
// `see` says where the outcome will be.
std::string accepted_json(std::string_view what, std::string_view see = {});
std::string reload_json(const std::vector<ReloadRecord>& outcome);
std::string injection_json(AnomalyType type, const Injected& injected);
// For an injection that started no anomaly.
std::string injection_error_json(std::string_view error, std::string_view remedy, const Injected& injected);

}  // namespace fleet_sim::status
