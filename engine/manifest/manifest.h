// The manifest of a run: what it takes to make every reading of it again, in files beside the data. It is on
// the disk before the first reading is handed to a writer.
//
//   run.json        seed, start, version, config, where readings go; at the end, the books
//   sensors.jsonl   every version of every identity, from when on, and when sensors were removed
//   agenda.jsonl    reloads, each with the config from then on, and anomalies that were asked for
//   progress.json   how far it has come (progress.h), where the sink cannot be asked
//
// SQLite's files have what the two in the middle say; beside them only run.json is written. A partition K/N
// has its number in the names: run.2-of-4.json. Files that are kept get the name of their run. Main thread,
// and the scheduler's conductor for what is added while the fleet runs. Beginning throws std::system_error;
// what cannot be added later is left for the caller to log.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ledger.h"
#include "batch/reading.h"
#include "config/fleet_settings.h"
#include "identity/identity.h"
#include "manifest/progress.h"
#include "tables/run_reloads.h"
#include "tables/schema.h"

namespace fleet_sim::manifest {

// The names of the files of a partition in a folder.
struct Paths {
  Paths(const std::filesystem::path& folder, const config::Partition& partition);

  std::filesystem::path run;
  std::filesystem::path sensors;
  std::filesystem::path agenda;
  std::filesystem::path progress;
};

// An anomaly that somebody asked for.
struct Injected {
  batch::AnomalyEvent event;
  std::string_view sensor;             // its id, in the roster
  std::optional<std::string> channel;  // by name; none: it affects several, or none
};

class Manifest {
 public:
  // Borrows the run. `sink` says where its readings go, without secrets.
  Manifest(Paths paths, const tables::RunInfo& run, std::string sink);

  // Beside SQLite's files: writes run.json, in place of that of an earlier run that had no more than that.
  void begin();
  // Beside any other sink: also the sensors of the start and, of a run that is resumed, what has happened to
  // them since, which may be less than its files said before. The files of an earlier run are kept. Throws
  // InvalidInput for files that are no manifest.
  void begin(const identity::Roster& roster, const tables::RunReloads& reloads,
             std::span<const Injected> injected);
  // Likewise what happens to the fleet. Each returns what went wrong; empty when nothing did.
  std::string add_reload(const tables::RunReload& reload, const identity::Roster& roster) const;
  std::string add_injection(const Injected& injected) const;
  // At the end, into run.json; every reading due before `until` has been taken.
  std::string end(const Books& books, Timestamp until) const;

  // Returns what went wrong; empty when nothing did.
  [[nodiscard]] std::string note_progress(const Progress& progress, bool durable) const {
    return write_progress(paths_.progress, run_.run_id, progress, durable);
  }

 private:
  void keep_earlier() const;
  struct End {
    const Books& books;
    Timestamp until;
  };
  void write_run(const End* end) const;

  const Paths paths_;
  const tables::RunInfo& run_;
  const std::string sink_;
};

}  // namespace fleet_sim::manifest
