// The PostgreSQL sink: each destination of a writer, one for each type of sensor, is a connection of its own
// and commits a lot as one transaction: its row of `sink_progress`, what is new of the run's record, the
// events, and the readings by COPY. A lot counts as taken once COMMIT has been answered.
//
// Exactly once: a transaction begins with the row of progress, which says how many lots of this process have
// been taken and is locked from then on. COMMIT is sent only after the server has answered everything before
// it. So when its answer is lost, the row tells the next connection what came of it; a server that still
// works on the old one keeps the row locked until that is settled. A process that resumes the run puts its
// own session into the rows first, after which an earlier process can commit nothing more.
//
// Memory: a destination holds one piece of a COPY (128 KiB, up to twice with libpq's), and the events of a
// statement of each kind, 5,000 at most, which take less than 3 MB. The rows that wait are the writer's.
// Threads as in write/destination.h; a call that gets no answer ends after `Patience::silence`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "identity/identity.h"
#include "postgresql/address.h"
#include "postgresql/connection.h"
#include "postgresql/copy_rows.h"
#include "postgresql/insert_deliveries.h"
#include "postgresql/insert_fleet_events.h"
#include "postgresql/upsert_events.h"
#include "tables/run_reloads.h"
#include "tables/schema.h"
#include "write/destination.h"
#include "write/places.h"

namespace fleet_sim::postgresql {

// What the destinations of one writer have in common. Borrows the roster and the run.
struct SinkContext {
  const identity::Roster& roster;
  const tables::RunInfo& run;
  std::uint32_t writer = 0;
  Address address;
  Patience patience = {};
};

class PostgresqlDestination final : public write::Destination {
 public:
  // Borrows the context and the target's schema. `number` tells it from others of the writer.
  PostgresqlDestination(const SinkContext& context, std::int32_t number, const write::Target& target);

  [[nodiscard]] const std::string& name() const override { return name_; }
  // Looks at everything that the run depends on. What it finds missing is permanent: the message says what
  // to do.
  write::Failure open() override;
  std::optional<write::Answer> take(const write::Lot& lot) override;
  [[nodiscard]] write::PartTaken part_taken(const write::Lot& lot) const override;
  std::string finish() override;

 private:
  [[nodiscard]] write::Failure failure_for(const SqlError& error) const;
  SqlError connect();
  SqlError set_up();
  SqlError begin_run();
  SqlError settle_doubt();
  SqlError transact(const write::Lot& lot);
  SqlError send(const write::Lot& lot, std::size_t reloads_so_far);
  SqlError advance(const write::Lot& lot);
  SqlError record_reloads(std::size_t reloads_so_far);
  SqlError record_losses(const write::Lot& lot);
  [[nodiscard]] std::size_t reloads() const;
  [[nodiscard]] std::string table(std::string_view name) const;

  const SinkContext& context_;
  const std::int32_t number_;
  const types::Schema& schema_;
  std::string name_;
  std::int64_t session_;
  Connection connection_;
  std::string user_;  // of the latest connection, as SQL takes the name
  CopyRows readings_;
  UpsertEvents events_;
  InsertFleetEvents fleet_events_;
  InsertDeliveries deliveries_;
  std::int32_t run_ = 0;                  // as the rows have it; 0: not known yet
  std::int64_t lots_ = 0;                 // taken in this session
  std::optional<write::Share> in_doubt_;  // the lot's first rows, of a commit that was not answered
  write::Share already_there_;            // the same of one that turned out to have been
  std::optional<Loss> skips_recorded_;
  std::size_t reloads_recorded_ = 0;
};

class PostgresqlSink final : public write::Sink {
 public:
  explicit PostgresqlSink(SinkContext context) : context_(std::move(context)) {}

  std::unique_ptr<write::Destination> make(const write::Target& target, write::Reply) override {
    return std::make_unique<PostgresqlDestination>(context_, made_++, target);
  }
  // A row that somebody else has locked, such as a connection of ours that the server still works on.
  [[nodiscard]] SteadyTime::duration lock_timeout() const override { return std::chrono::seconds(10); }

 private:
  SinkContext context_;
  std::int32_t made_ = 0;
};

}  // namespace fleet_sim::postgresql
