// The SQLite sink: each shard of a writer is a file of its own. What the files of one writer share is here:
// at most so many are open at a time, one thread copies their write-ahead logs (Checkpointer), or several
// where files take turns, one deletes their old rows (Retention).
//
// Of a run that fills its fleet sensor by sensor, files that are not there yet are filled without names and
// named once they are whole (Naming). The first one is the exception, which has a name from the start, and
// with it the record of the run.
//
// A file that turns out to be corrupt is set aside, one that was deleted, renamed or replaced is let go;
// either way another is begun under its name, and the answer says so. Threads as in write/destination.h:
// calls for several files may run side by side, and only the book of open files is under a mutex.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sqlite/checkpointer.h"
#include "sqlite/naming.h"
#include "sqlite/open_shards.h"
#include "sqlite/retention.h"
#include "sqlite/shard.h"
#include "sqlite/shard_sensors.h"
#include "write/destination.h"
#include "write/places.h"

namespace fleet_sim::sqlite {

// By path: files that a run which is resumed was found to have, with their highest ids.
using ExpectedFiles = std::unordered_map<std::string, tables::LastIds>;

class SqliteSink;

class SqliteDestination final : public write::Destination {
 public:
  // Borrows the sink.
  SqliteDestination(SqliteSink& sink, std::uint32_t index, const write::Target& target);

  [[nodiscard]] const std::string& name() const override { return shard_.path(); }
  write::Failure open() override;
  std::optional<write::Answer> take(const write::Lot& lot) override;
  [[nodiscard]] write::LogState log() const override { return log_; }
  void tidy() override;
  std::string finish() override;

  // Should the file disappear before it is opened, it counts as one that has moved.
  void expect_file(const tables::LastIds& last) { shard_.expect_file(last); }

  [[nodiscard]] std::uint32_t index() const { return index_; }
  [[nodiscard]] bool is_open() const { return shard_.is_open(); }
  [[nodiscard]] std::size_t page_bytes() const { return shard_.page_bytes(); }

  // For the time being, and leaves its write-ahead log beside it.
  void close_for_now();

  // Makes its file if it is still to be made. It then lacks its name only; once it has that, this is noted.
  bool make_ahead();
  void note_made() { shard_.note_made(); }

 private:
  class InUse;

  void say(std::string_view what) const;
  void choose_place();
  void settle(const write::Lot& lot, write::Answer& answer);
  tables::StorageError write(const write::Lot& lot);
  void let_go_if_moved(write::Answer& answer);
  void look_for_log(write::Answer& answer);
  bool is_log_full(write::Answer& answer);
  void note_log(write::Answer& answer);
  void refused(const tables::StorageError& error, write::Answer& answer);
  bool set_aside_corrupt(const tables::StorageError& error, write::Answer& answer);

  SqliteSink& sink_;
  std::uint32_t index_;
  Shard shard_;
  bool set_aside_ = false;                // a corrupt file, with nothing committed since
  bool log_lost_ = false;                 // and that was said
  write::LogState log_;                   // also while it is closed for now
  bool cut_log_ = false;                  // it was held, and its file is to be cut
  std::optional<SteadyTime> full_since_;  // beyond database.max_log_mb, and could not be emptied
  bool log_held_ = false;                 // for long, and that was said
  bool place_is_chosen_ = false;          // with a name, or without
  std::uint64_t nameless_readings_ = 0;   // in a file that has no name yet
};

class SqliteSink final : public write::Sink {
 public:
  // Has at most `most_open` files open. With the places of a writer's sensors, each file says who its sensors
  // are.
  struct SensorPlaces {
    const write::Places& places;
    std::uint32_t writer;
  };
  enum class Filling { by_time, by_sensor };
  // Of a writer's files; of more, each is made when its first rows come, or a start would take too long.
  static constexpr std::size_t most_made_ahead = 20'000;
  SqliteSink(ShardContext context, std::size_t most_open, write::Lines log, ExpectedFiles expected = {},
             std::optional<SensorPlaces> places = {}, Filling filling = Filling::by_time);

  std::unique_ptr<write::Destination> make(const write::Target& target, write::Reply reply) override;
  [[nodiscard]] SteadyTime::duration lock_timeout() const override;
  void begin(const std::function<bool()>& is_over) override;
  void end() override;
  [[nodiscard]] std::size_t most_finishing() const override;
  [[nodiscard]] write::RowsDeleted deleted() const override;
  [[nodiscard]] std::uint64_t settled() const override;

 private:
  friend class SqliteDestination;

  // Returns whether it is open already.
  bool take_into_use(const SqliteDestination& destination);
  void leave(const SqliteDestination& destination);
  void make_files_ahead(const std::function<bool()>& is_over);
  void name_group(std::vector<SqliteDestination*>& group);
  // There are more than can be open.
  bool files_take_turns();
  // Of the log of this shard, from which on it is to be copied.
  std::size_t pages_of_log(const SqliteDestination& destination);
  void request_copy(const SqliteDestination& destination);
  SensorsOf sensors_of(std::uint32_t index);
  Shard::Workbench take_bench(const types::Schema& schema);
  void give_back(const types::Schema& schema, Shard::Workbench bench);

  ShardContext context_;
  write::Lines log_;
  ExpectedFiles expected_;
  const std::size_t most_open_;
  std::vector<std::unique_ptr<Checkpointer>> checkpointers_;  // while the writer's thread runs
  std::unique_ptr<Retention> retention_;                      // none unless the config asks for it
  std::unique_ptr<Naming> naming_;                            // none: every file has its name from the start

  std::mutex mutex_;
  std::vector<SqliteDestination*> destinations_;              // by index; under mutex_
  std::optional<ShardSensors> sensors_;                       // under mutex_
  OpenShards open_;                                           // those that nobody is using; under mutex_
  std::size_t in_use_ = 0;                                    // likewise
  std::map<const types::Schema*, Shard::Workbench> benches_;  // likewise
};

}  // namespace fleet_sim::sqlite
