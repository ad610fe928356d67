#include "start/follow_record.h"

#include <utility>
#include <vector>

#include "timeline/script.h"

namespace fleet_sim::start {
namespace {

std::vector<fleet::WantedSensor> wanted_by(const history::PastReload& past, const write::Places& places) {
  std::vector<fleet::WantedSensor> sensors;
  for (const history::Became& became : past.became) {
    fleet::WantedSensor sensor;
    sensor.from = became.from;
    sensor.to = became.to;
    sensor.comes_back = became.comes_back;
    sensor.writer = places[became.to].writer;
    if (became.from) {
      sensor.writer_now = places[*became.from].writer;
      sensor.to_another_shard = places[*became.from] != places[became.to];
    }
    sensors.push_back(sensor);
  }
  return sensors;
}

// The change from `latest`, which becomes what there is afterwards.
fleet::FleetChange plan_again(const history::History& history, std::size_t index,
                              const FollowTargets& targets, LatestEdition& latest) {
  const history::PastReload& past = history.reloads()[index];
  const std::shared_ptr<const config::Config> was = latest.edition.config;
  std::vector<fleet::WantedSensor> wanted = wanted_by(past, targets.places);
  if (past.changes_config) {
    latest.profiles = std::make_shared<fleet::ProfileTable>(
        targets.roster, past.config, fleet::types_under(*past.config, latest.profiles->types()),
        latest.profiles->seed());
    for (const fleet::WantedSensor& one : everyone_stays(*latest.edition.members, targets.places))
      wanted.push_back(one);
  } else {
    latest.edition.members =
        std::make_shared<const Members>(history::History::members_after(*latest.edition.members, past));
  }
  latest.edition.config = past.config;
  latest.edition.config_hash = past.reload.config_hash;
  latest.edition.number = index + 1;
  fleet::FleetChange change = fleet::plan_fleet_change(*was, latest.profiles, wanted, past.reload.removed);
  if (past.config->scenario != was->scenario) {
    change.script = std::make_shared<const timeline::Script>(
        timeline::plan_of(past.config->scenario, history.start()), targets.roster, latest.profiles->seed());
  }
  return change;
}

}  // namespace

LatestEdition follow_record(const history::History& history, const Resumption& resumption,
                            const FollowTargets& targets) {
  LatestEdition latest{*targets.editions.current(), targets.fleet.profiles()};
  fleet::Agenda& agenda = targets.agenda;
  for (std::size_t i = resumption.reloads; i < history.reloads().size(); ++i) {
    auto change = std::make_shared<fleet::FleetChange>(plan_again(history, i, targets, latest));
    agenda.add(history.reloads()[i].reload.at,
               {std::move(change),
                [&fleet = targets.fleet, &editions = targets.editions, edition = latest.edition]() mutable {
                  edition.readings_per_second = fleet.readings_per_second();
                  editions.begin(std::move(edition));
                }});
  }
  for (const fleet::Injection& injection : resumption.injections) agenda.add(injection);
  return latest;
}

std::vector<fleet::WantedSensor> everyone_stays(std::span<const std::uint32_t> members,
                                                const write::Places& places) {
  std::vector<fleet::WantedSensor> sensors;
  sensors.reserve(members.size());
  for (const std::uint32_t member : members) {
    const std::uint32_t writer = places[member].writer;
    sensors.push_back({member, member, writer, writer, false});
  }
  return sensors;
}

}  // namespace fleet_sim::start
