#include "storm/storm.h"

#include <sqlite3.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "storm/aftermath.h"
#include "storm/dice.h"
#include "storm/fake_aftermath.h"
#include "storm/process.h"
#include "storm/weather.h"
#include "support/faulty_vfs.h"
#include "support/lifelike_types.h"
#include "support/temporary_folder.h"
#include "timeline/script.h"

namespace fleet_sim::test {
namespace {

constexpr Timestamp first_start = 1'767'225'600'000'000;
constexpr std::uint64_t every_fake = 4;      // storm is about a sink that is no database
constexpr std::uint64_t every_paced = 2;     // … about a fleet that does not wait for space on a full disk
constexpr std::uint64_t every_declared = 3;  // … and about sensors that read what real machines do
constexpr std::uint64_t every_faulty = 5;    // of so many storms, this many are about anomalies of all types:
constexpr std::uint64_t faulty = 3;
constexpr std::uint64_t every_disturbed = 7;  // likewise about scenarios, and rows that arrive imperfectly:
constexpr std::uint64_t disturbed = 4;

// A disk keeps nothing, everything, the first, or any of what was not synced, the last of it in part.
std::vector<Fate> draw_fates(Dice& dice, std::size_t changes) {
  const std::uint64_t kind = dice.between(0, 3);
  const std::size_t kept = kind == 0 ? 0 : kind == 1 ? changes : dice.between(0, changes);
  std::vector<Fate> fates(changes, Fate::lost);
  for (std::size_t i = 0; i < changes; ++i) {
    if (kind == 3 ? dice.chance(0.5) : i < kept) fates[i] = Fate::kept;
  }
  if (changes > 0 && dice.chance(0.3)) fates[dice.between(0, changes - 1)] = Fate::torn;
  return fates;
}

// The built-in type's channels as those of a motor, with loads, knots and a source that a site shares.
types::DeclaredTypes declared_motors() {
  types::DeclaredType type{{}, motor()};
  std::get<types::Noise>(type.signal.sources.at(2).kind).scope = types::Scope::site;
  std::get<types::Gauge>(type.signal.channels.at(2).kind).rails = {3'000, 4'000};
  for (const types::SignalChannel& channel : type.signal.channels)
    type.columns.push_back({.name = channel.name, .unit = {}});
  return {{types::built_in_type().schema.type(), type}};
}

class Storm {
 public:
  Storm(std::uint64_t seed, StormTally& tally)
      : paced_(seed % every_paced == 0),
        dice_(seed),
        tally_(tally),
        roster_(draw_roster(dice_)),
        config_(draw_config(dice_, folder_.path().string())),
        aftermath_(config_, roster_) {
    if (is_about_fake_sink(seed)) fake_.emplace(dice_);
    if (seed % every_declared == 0) config_.types = declared_motors();
    if (seed % every_faulty < faulty) {
      Dice of_faults(mix_words(seed, every_faulty));  // which leaves all else as it would be
      draw_faults(of_faults, config_.anomalies);
    }
    if (seed % every_disturbed < disturbed && !fake_) {
      Dice of_story(mix_words(seed, every_disturbed));  // likewise
      draw_disturbance(of_story, config_);
      timeline::note_texts(roster_, config_.scenario);
    }
    vfs_.remember_unsynced();
    // What SQLite draws itself, such as the salt of its logs.
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(dice_.between(1, 1'000'000)), nullptr);
  }

  void rage() {
    for (std::uint64_t processes = dice_.between(2, 5); processes > 0; --processes) live_once();
    tally_.rows += aftermath_.rows();
    tally_.files_removed += aftermath_.files_removed();
    tally_.faults += vfs_.failed();
    if (!fake_) return;
    tally_.rows += fake_->rows();
    tally_.faults += fake_->refusals();
  }

 private:
  void live_once() {
    if (fake_) return live_on_fake();
    const bool resumes = !runs_.empty() && aftermath_.can_resume(runs_.back()) && dice_.chance(0.5);
    if (resumes) {
      // Of a reload that no file tells of, nobody knows.
      StormRun& run = runs_.back();
      std::erase_if(run.editions, [&](const Edition& edition) {
        return &edition != &run.editions.front() && !aftermath_.has_record_of(run.info.run_id, edition.from);
      });
    } else {
      begin_run();
    }
    ++runs_.back().processes;
    Fortune fortune = draw_fortune(dice_, config_);
    fortune.paced = paced_;
    // Nobody can tell what a cohort skips where copies of it share what waits.
    fortune.skips = fortune.skips && !is_disturbed(config_);
    const Ground ground{config_, roster_, vfs_, dice_,
                        [this](const std::string& path) { aftermath_.remember(path); }};
    auto process = std::make_unique<Process>(ground, runs_.back(), resumes, fortune);
    process->live();
    count(*process, fortune, resumes);
    // What an earlier process has given up may lie in a log that nobody has synced since.
    const std::uint64_t in_doubt =
        process->in_doubt() + std::exchange(lost_, lost_ + process->books().lost());
    process->drop_connections();
    vfs_.switch_on();
    const std::map<std::filesystem::path, std::string> journals = read_journals();
    aftermath_.inspect(*process, runs_, fortune.calm);
    if (!fortune.dies || !fortune.power) return;
    // Who looked into the files has rolled back what was under way, and removed its journal. The power takes
    // what there was before.
    for (const auto& [path, journal] : journals) std::ofstream(path, std::ios::binary) << journal;
    vfs_.switch_on([this](std::size_t changes) { return draw_fates(dice_, changes); });
    aftermath_.inspect_after_power_failure(vfs_.unsynced(), in_doubt, runs_);
  }

  // Of collectors that were writing to a file that keeps no log.
  [[nodiscard]] std::map<std::filesystem::path, std::string> read_journals() const {
    std::map<std::filesystem::path, std::string> journals;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      const std::filesystem::path& path = entry.path();
      if (!path.string().ends_with("-journal")) continue;
      std::ifstream file(path, std::ios::binary);
      journals.emplace(path, std::string(std::istreambuf_iterator<char>(file), {}));
    }
    return journals;
  }

  // Which keeps nothing that a run could be resumed from.
  void live_on_fake() {
    begin_run();
    ++runs_.back().processes;
    Fortune fortune = draw_fortune(dice_, config_);
    fortune.paced = paced_;
    fake_->begin(fortune.calm);
    const Ground ground{config_, roster_, vfs_, dice_, {}, &fake_->store()};
    Process process(ground, runs_.back(), false, fortune);
    process.live();
    count(process, fortune, false);
    process.drop_connections();
    vfs_.switch_on();
    fake_->inspect(process);
  }

  void begin_run() {
    StormRun run;
    run.info.run_id = "run-" + std::to_string(runs_.size() + 1);
    run.info.version = "0";
    run.info.seed = dice_.word();
    run.info.start = runs_.empty() ? first_start : runs_.back().until + 60 * microseconds_per_second;
    run.info.began_at = run.info.start;
    run.editions.push_back(runs_.empty() ? first_edition() : runs_.back().editions.back());
    run.editions.back().from = run.info.start;
    run.info.fleet_size = run.editions.back().members.size();
    run.until = run.info.start;
    runs_.push_back(run);
  }

  Edition first_edition() const {
    Edition edition{0, std::make_shared<const config::Config>(config_), {}};
    for (std::uint32_t i = 0; i < roster_.size(); ++i) edition.members.push_back(i);
    return edition;
  }

  void count(const Process& process, const Fortune& fortune, bool resumes) {
    ++tally_.processes;
    tally_.taken_up += resumes ? 1 : 0;
    tally_.reloads += process.reloads();
    tally_.rows_skipped += process.books().skipped;
    if (fortune.dies) ++(fortune.power ? tally_.power_failures : tally_.killed);
    tally_.rows_lost += process.books().lost();
  }

  const bool paced_;
  Dice dice_;
  StormTally& tally_;
  TemporaryFolder folder_;
  FaultyVfs vfs_;
  identity::Roster roster_;
  config::Config config_;
  std::deque<StormRun> runs_;
  std::uint64_t lost_ = 0;  // readings, by all processes
  std::optional<FakeGround> fake_;
  Aftermath aftermath_;
};

}  // namespace

std::string StormTally::text() const {
  return std::to_string(processes) + " processes (" + std::to_string(killed) + " killed, " +
         std::to_string(power_failures) + " by the power, " + std::to_string(taken_up) +
         " going on with a run), " + std::to_string(faults) + " failed calls, " + std::to_string(rows) +
         " rows, " + std::to_string(rows_lost) + " counted as lost, " + std::to_string(rows_skipped) +
         " skipped; " + std::to_string(reloads) + " reloads, " + std::to_string(files_removed) +
         " files deleted or set aside";
}

bool is_about_fake_sink(std::uint64_t seed) {
  return seed % every_fake == 0;
}

std::string storm(std::uint64_t seed, StormTally& tally) {
  try {
    Storm(seed, tally).rage();
  } catch (const std::exception& found) {
    return found.what();
  }
  return {};
}

}  // namespace fleet_sim::test
