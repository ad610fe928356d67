#include "simulation.h"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

#include "fleet/fleet.h"
#include "generate/generate_fleet.h"
#include "generate/mix.h"
#include "log/console.h"
#include "run/simulator.h"
#include "run/stop_signals.h"

namespace fleet_sim::bench {
namespace {

start::Inputs inputs_of(const Simulation& simulation, const std::filesystem::path& folder) {
  start::Inputs inputs;
  inputs.config.clock.speed.max = true;
  inputs.config.clock.start = simulation.from;
  inputs.config.simulation.run_time_seconds = static_cast<double>(simulation.rows / simulation.sensors);
  inputs.config.simulation.seed = 1;
  inputs.config.sink = simulation.sink;
  if (simulation.sink.address.sink == config::Sink::sqlite) inputs.config.sharding = simulation.sharding;
  inputs.config.sqlite.data_dir = folder.string();
  inputs.config.write.writers = simulation.writers;
  inputs.config.sqlite.unsynced_index = simulation.unsynced_index;
  inputs.config.sqlite.layout = simulation.layout;
  inputs.identities.roster = make_roster(simulation.sensors);
  inputs.members = fleet::partition_members(inputs.identities.roster, {});
  return inputs;
}

}  // namespace

identity::Roster make_roster(std::size_t sensors) {
  identity::Roster roster;
  const generate::Mix mix = generate::default_mix();
  for (std::uint64_t number = 1; number <= sensors; ++number)
    roster.add(generate::generated_identity(mix, 1, number, sensors));
  return roster;
}

double simulate(const Simulation& simulation, const std::filesystem::path& folder) {
  start::Inputs inputs = inputs_of(simulation, folder);
  log::Console console(false);
  log::LogSettings silent;
  silent.level = "OFF";
  log::Log log(silent, "", {});
  const auto began = std::chrono::steady_clock::now();
  ErrorCounts errors;
  run::Simulator simulator(std::move(inputs), console, log, errors);
  run::StopSignals signals;
  simulator.drive(signals);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  const Books books = simulator.snapshot().books;
  if (books.written + books.missing != simulation.rows) throw std::runtime_error("readings were lost");
  return static_cast<double>(books.written) / elapsed.count();
}

}  // namespace fleet_sim::bench
