// The writer, driven by step(now) alone against real SQLite files and real locks.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "batch/batch.h"
#include "batch/reading.h"
#include "config/config.h"
#include "null/null_sink.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"
#include "tables/database.h"

namespace fleet_sim::writer_test {

using namespace fleet_sim::test;

namespace fs = std::filesystem;

namespace {

// For a thread that no test's clock moves; ten seconds at most.
void wait_until(const std::function<bool()>& is_so) {
  for (int i = 0; i < 10'000 && !is_so(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

TEST_CASE("enough rows start a transaction at once") {
  WriterRig rig;
  rig.send(0, 9);
  rig.step();
  CHECK(rig.rows_in_file(0) == 0);
  CHECK(rig.writer().held() == 9);
  rig.send(0, 1);
  rig.step();
  CHECK(rig.has_first(0, 10));
  CHECK(rig.writer().held() == 0);
  CHECK(rig.ledger.books().written == 10);
}

TEST_CASE("a lot's worth of rows that are a file's last ones are one lot") {
  WriterRig rig;
  rig.send(0, 10);
  batch::Batch* const last = rig.pool.acquire();
  last->last_of = 0;
  rig.writer().queue().push(last);
  rig.step();
  CHECK(rig.has_first(0, 10));
  CHECK(rig.writer().commit_time().count() == 1);
}

TEST_CASE("fewer rows are committed when the oldest has waited for the flush interval") {
  WriterRig rig;
  rig.send(0, 1);
  const SteadyTime since = rig.now();
  CHECK(rig.step() == since + std::chrono::seconds(1));
  rig.send(0, 1);
  CHECK(rig.advance(500 * millisecond) == since + std::chrono::seconds(1));
  rig.advance(499 * millisecond);
  CHECK(rig.rows_in_file(0) == 0);
  rig.advance(1 * millisecond);
  CHECK(rig.has_first(0, 2));
  // The next row has an interval of its own.
  rig.send(0, 1);
  rig.step();
  rig.advance(999 * millisecond);
  CHECK(rig.rows_in_file(0) == 2);
  rig.advance(1 * millisecond);
  CHECK(rig.has_first(0, 3));
}

TEST_CASE("an idle writer asks for nothing and makes no file") {
  WriterRig rig;
  CHECK(rig.step() == rig.now() + std::chrono::seconds(1));
  rig.advance(60 * second);
  rig.finish();
  CHECK(rig.writer().files_written() == 0);
  CHECK(fs::is_empty(rig.folder.path()));
}

TEST_CASE("files that take turns are made ahead for rows that come, and not for a run that is over") {
  const auto files_made = [](std::size_t rows) {
    WriterRig rig({.sensors = 6, .open_shards = 2});
    if (rows > 0) rig.send(0, rows);
    rig.finish();
    return std::distance(fs::directory_iterator(rig.folder.path()), fs::directory_iterator());
  };
  CHECK(files_made(0) == 0);
  CHECK(files_made(1) == 6);
}

TEST_CASE("rows keep their order over many transactions, with ids that go up by one") {
  WriterRig rig;
  for (const std::size_t count : {1u, 31u, 32u, 33u, 64u, 65u, 7u, 500u, 1'500u}) {
    rig.send(0, count);
    rig.run_for(2 * second);
  }
  CHECK(rig.has_first(0, 2'233));
  const std::vector<Row> rows = rows_of(rig.path_of(0));
  for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(rows[i].id == static_cast<std::int64_t>(i) + 1);
}

TEST_CASE("a row holds the reading, its identity and its anomaly") {
  WriterRig rig;
  batch::Batch* batch = rig.pool.acquire();
  batch->readings.push_back({WriterRig::first_due, {1.1, 0x1.fffffffffffffp+3, -0.0}, 0, std::nullopt});
  batch->readings.push_back({WriterRig::first_due + 1, {2, 3, 4}, 0, AnomalyType::pattern});
  rig.writer().queue().push(batch);
  rig.run_for(2 * second);
  const std::vector<Row> rows = rows_of(rig.path_of(0));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].timestamp == "2026-01-01T00:00:00.000000Z");
  CHECK(rows[0].sensor_id == "sensor-0");
  CHECK(rows[0].temperature == 1.1);
  CHECK(rows[0].vibration == 0x1.fffffffffffffp+3);
  CHECK(rows[0].voltage == 0.0);
  CHECK(rows[0].status_code == 0);
  CHECK(rows[0].anomaly_flag == 0);
  CHECK(rows[0].anomaly_type == std::nullopt);
  CHECK(rows[0].firmware_version == "1.3");
  CHECK(rows[0].model == "TempVibe-2000");
  CHECK(rows[0].manufacturer == "SensorTech");
  CHECK(rows[0].location == "Office");
  CHECK(rows[0].synced == 0);
  CHECK(rows[1].timestamp == "2026-01-01T00:00:00.000001Z");
  CHECK(rows[1].status_code == 1);
  CHECK(rows[1].anomaly_flag == 1);
  CHECK(rows[1].anomaly_type == "pattern");
}

TEST_CASE("an event is one row from its first reading to its last") {
  using Kind = batch::AnomalyEvent::Kind;
  WriterRig rig;
  rig.send(event_of(Kind::opened, 1));
  rig.run_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|NULL|1"});
  rig.send(event_of(Kind::progressed, 3));
  rig.run_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|NULL|3"});
  rig.send(event_of(Kind::progressed, 2));  // as a resumed run has it that has not caught up yet
  rig.run_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|NULL|3"});
  rig.send(event_of(Kind::closed, 5));
  rig.run_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|05.000000Z|5"});

  batch::AnomalyEvent gap = event_of(Kind::whole, 2, 10'000'000);
  gap.type = AnomalyType::missing_data;
  gap.channel.reset();
  gap.magnitude.reset();
  gap.direction = 0;
  rig.send(gap);
  rig.run_for(2 * second);
  CHECK(events_in(rig).at(1) == "sensor-0|missing_data|NULL|NULL|NULL|10.000000Z|15.000000Z|2");
}

TEST_CASE("an event that another run left open is not closed by this one's") {
  using Kind = batch::AnomalyEvent::Kind;
  WriterRig rig;
  rig.send(event_of(Kind::opened, 4));  // as an earlier run with the same seed left it
  rig.run_for(2 * second);
  rig.send(event_of(Kind::opened, 1));
  rig.send(event_of(Kind::closed, 6));
  rig.run_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|NULL|4",
                                                   "sensor-0|spike|voltage|-1|2.5|00.000000Z|05.000000Z|6"});
}

TEST_CASE("a resumed run that stops before it has caught up opens no event again") {
  using Kind = batch::AnomalyEvent::Kind;
  WriterRig rig;
  rig.send(event_of(Kind::opened, 1));
  rig.send(event_of(Kind::closed, 6));
  rig.run_for(2 * second);
  write::FoundRows found;
  found.add(0, WriterRig::first_due + 9 * second, WriterRig::first_due + 9 * second);
  found.add_ended(0, WriterRig::first_due);
  std::vector<write::FoundRows> all;
  all.push_back(std::move(found));
  rig.writer().take_up(std::move(all));
  batch::AnomalyEvent open = event_of(Kind::progressed, 4);
  open.as_of = WriterRig::first_due + 3 * second;
  rig.send(open);
  rig.run_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|05.000000Z|6"});
  // Behind all that is there, it says what is new: a reload has brought more readings.
  open.as_of = WriterRig::first_due + 10 * second;
  rig.send(open);
  rig.run_for(2 * second);
  CHECK(events_in(rig) == std::vector<std::string>{"sensor-0|spike|voltage|-1|2.5|00.000000Z|NULL|6"});
}

TEST_CASE("a second run goes on after the first one's rows") {
  WriterRig rig;
  rig.send(0, 20);
  rig.step();
  rig.finish();
  const std::string path = rig.path_of(0);
  tables::RunInfo second_run = rig.run;
  second_run.run_id = "second";
  const sqlite::ShardContext context{rig.roster, rig.config.sqlite, second_run, {}};
  sqlite::Shard shard({path}, context);
  write::ShardRows rows_of_second;
  rows_of_second.stage(batch::Reading{WriterRig::first_due + 99'000'000, {1, 2, 3}, 0, std::nullopt},
                       rig.now());
  REQUIRE(shard.flush(rows_of_second.lot()).ok());
  shard.close(sqlite::Shard::Close::for_good);
  const std::vector<Row> rows = rows_of(path);
  CHECK(rows.size() == 21);
  CHECK(rows.back().id == 21);
  CHECK(query(path, "SELECT run_id FROM run_info ORDER BY 1") ==
        std::vector<std::string>{"second", "test-run"});
}

TEST_CASE("only so many files are open; the one longest unused makes room") {
  WriterRig rig({.sensors = 4, .open_shards = 2});
  const auto write = [&rig](std::uint32_t sensor) {
    rig.send(sensor, 10);
    rig.step();
    return open_files(rig.folder);
  };
  CHECK(write(0) == Names{"sensor=sensor-0-xlower"});
  CHECK(write(1) == Names{"sensor=sensor-0-xlower", "sensor=sensor-1-xlower"});
  CHECK(write(0) == Names{"sensor=sensor-0-xlower", "sensor=sensor-1-xlower"});
  CHECK(write(2) == Names{"sensor=sensor-0-xlower", "sensor=sensor-2-xlower"});
  CHECK(write(3) == Names{"sensor=sensor-2-xlower", "sensor=sensor-3-xlower"});
  CHECK(write(0) == Names{"sensor=sensor-0-xlower", "sensor=sensor-3-xlower"});
  for (std::uint32_t round = 0; round < 20; ++round) CHECK(write(round % 4).size() <= 2);
  rig.finish();
  CHECK(rig.has_everything());
  CHECK(rig.writer().files_written() == 4);
  CHECK(open_files(rig.folder).empty());
}

TEST_CASE("after the end every file stands alone") {
  WriterRig rig({.sensors = 6, .open_shards = 2});
  for (std::uint32_t sensor = 0; sensor < 6; ++sensor) rig.send(sensor, 25);
  rig.run_for(3 * second);
  rig.send(0, 3);
  rig.finish();
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(rig.folder.path())) {
    files.insert(entry.path().filename().string());
  }
  CHECK(files == Names{"sensor=sensor-0-xlower.db", "sensor=sensor-1-xlower.db", "sensor=sensor-2-xlower.db",
                       "sensor=sensor-3-xlower.db", "sensor=sensor-4-xlower.db",
                       "sensor=sensor-5-xlower.db"});
  CHECK(rig.has_everything());
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a write-ahead log is copied into its file once it is long, and begins anew") {
  WriterRig rig({}, [](config::Config& config) { config.sqlite.checkpoint_pages = 8; });
  for (int flush = 0; flush < 200; ++flush) {
    rig.send(0, 10);
    rig.step();
    // A page and its frame's header; a transaction changes a few pages and the log is looked at after it.
    REQUIRE(fs::file_size(rig.path_of(0) + "-wal") < 16 * (16'384 + 24));
  }
  CHECK(fs::file_size(rig.path_of(0)) > 10 * 16'384);
  CHECK(rig.has_first(0, 2'000));
}

TEST_CASE("a checkpointer copies the log of a file that is being written, and leaves it open for more") {
  WriterRig rig({}, [](config::Config& config) { config.sqlite.checkpoint_pages = 1'000; });
  rig.send(0, 2'000);
  rig.run_for(2 * second);
  const auto before = fs::file_size(rig.path_of(0));
  {
    sqlite::Checkpointer checkpointer("");
    checkpointer.request({rig.path_of(0)});
    checkpointer.request({rig.path_of(0)});
    checkpointer.request({(rig.folder.path() / "not there.db").string()});
    wait_until([&] { return fs::file_size(rig.path_of(0)) > before; });
  }
  CHECK(fs::file_size(rig.path_of(0)) > before);
  CHECK(fs::exists(rig.path_of(0) + "-wal"));
  CHECK_FALSE(fs::exists(rig.folder.path() / "not there.db"));
  rig.send(0, 100);
  rig.finish();
  CHECK(rig.has_everything());
}

TEST_CASE(
    "a checkpointer empties the log of a file that is to be closed, and waits for the disk as it begins") {
  WriterRig rig;
  rig.send(0, 100);
  rig.step();
  const std::string log = rig.path_of(0) + "-wal";
  constexpr std::uintmax_t of_one_commit = 32 + 24 + 16'384;  // a header, and a page with its own
  REQUIRE(fs::file_size(log) > of_one_commit);
  {
    sqlite::Checkpointer checkpointer("");
    checkpointer.request({rig.path_of(0), true});
    wait_until([&] { return fs::file_size(log) == of_one_commit; });
  }
  CHECK(fs::file_size(log) == of_one_commit);
  CHECK(rig.has_everything());
  rig.send(0, 100);
  rig.finish();
  CHECK(rig.has_everything());
}

TEST_CASE(
    "the log of a file that is closed for others in between does not grow from one opening to the next") {
  WriterRig rig({.sensors = 3, .open_shards = 1});
  std::uintmax_t longest = 0;
  for (int turn = 0; turn < 600; ++turn) {
    const std::uint32_t sensor = turn % 3;
    rig.send(sensor, 10);
    rig.step();
    std::error_code none;
    const std::uintmax_t length = fs::file_size(rig.path_of(sensor) + "-wal", none);
    if (!none) longest = std::max(longest, length);
  }
  CHECK(longest > 256 * 1'024);
  CHECK(longest < 1'024 * 1'024);
  rig.finish();
  CHECK(rig.has_everything());
  CHECK(rig.imbalance().empty());
}

TEST_CASE("the logs of files that take turns are not all copied in the same turn") {
  constexpr std::uint32_t sensors = 16;
  WriterRig rig({.sensors = sensors, .open_shards = 1});
  std::map<std::uint32_t, int> copied_in;
  for (int turn = 1; copied_in.size() < sensors && turn < 100; ++turn) {
    for (std::uint32_t sensor = 0; sensor < sensors; ++sensor) {
      rig.send(sensor, 10);
      rig.step();
      if (fs::file_size(rig.path_of(sensor) + "-wal") == 0) copied_in.emplace(sensor, turn);
    }
  }
  REQUIRE(copied_in.size() == sensors);
  std::set<int> turns;
  for (const auto& [sensor, turn] : copied_in) turns.insert(turn);
  CHECK(turns.size() >= 4);
  CHECK(*turns.rbegin() >= 8);
}

TEST_CASE("a file that somebody else has locked is tried again, without error and without loss") {
  WriterRig rig;
  rig.send(0, 10);
  rig.step();
  tables::Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  rig.send(0, 25);
  const SteadyTime again = rig.step();
  CHECK(again > rig.now());
  CHECK(again <= rig.now() + std::chrono::milliseconds(25));
  rig.run_for(4 * second);
  CHECK(rig.has_first(0, 10));
  rig.send(0, 3);
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.run_for(100 * millisecond);
  CHECK(rig.has_first(0, 38));
  CHECK(rig.errors() == 0);
  CHECK(rig.log.empty());
  CHECK(rig.imbalance().empty());
}

TEST_CASE("a lock that outlasts the busy timeout is an error, and still loses nothing") {
  WriterRig rig;
  rig.send(0, 10);
  rig.step();
  tables::Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  rig.send(0, 10);
  rig.run_for(4'900 * millisecond);
  CHECK(rig.errors() == 0);
  rig.run_for(200 * millisecond);
  CHECK(rig.errors() > 0);
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.run_for(3 * second);
  CHECK(rig.has_first(0, 20));
  CHECK(rig.gave_up == 0);
}

TEST_CASE("a locked new file is waited for as well") {
  WriterRig rig;
  tables::Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN EXCLUSIVE").ok());
  rig.send(0, 10);
  rig.run_for(2 * second);
  CHECK(rig.errors() == 0);
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.run_for(100 * millisecond);
  CHECK(rig.has_first(0, 10));
}

TEST_CASE("one locked shard of sixteen does not delay the others") {
  WriterRig rig({.sensors = 16});
  for (std::uint32_t sensor = 0; sensor < 16; ++sensor) rig.send(sensor, 10);
  rig.step();
  tables::Database other = opened(rig.path_of(5));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  for (std::size_t round = 2; round <= 10; ++round) {
    for (std::uint32_t sensor = 0; sensor < 16; ++sensor) rig.send(sensor, 10);
    // The very step that takes the rows commits them.
    rig.step();
    for (std::uint32_t sensor = 0; sensor < 16; ++sensor) {
      CHECK(rig.rows_in_file(sensor) == (sensor == 5 ? 10 : 10 * round));
    }
    rig.advance(20 * millisecond);
  }
  REQUIRE(other.execute("ROLLBACK").ok());
  rig.run_for(100 * millisecond);
  CHECK(rig.has_everything());
  CHECK(rig.errors() == 0);
}

TEST_CASE("a locked file at the end is given up after the busy timeout and its retries, and counted") {
  WriterRig rig({}, [](config::Config& config) { config.sqlite.busy_timeout_ms = 20; });
  rig.send(0, 10);
  rig.step();
  tables::Database other = opened(rig.path_of(0));
  REQUIRE(other.execute("BEGIN IMMEDIATE").ok());
  rig.send(0, 7);
  rig.finish();
  CHECK(rig.ledger.books().lost_by_reason[static_cast<std::size_t>(LossReason::storage_failed_at_stop)] == 7);
  CHECK(rig.writer().held() == 0);
  CHECK(rig.imbalance().empty());
  CHECK(rig.has_first(0, 10));
}

TEST_CASE("the first shard's opening shows whether the directory can be written at all") {
  WriterRig good;
  CHECK(good.writer().open_ahead(0).ok());
  CHECK(fs::exists(good.path_of(0)));
  WriterRig bad({}, [](config::Config& config) { config.sqlite.data_dir = "/proc/is/not/there"; });
  const write::Failure failure = bad.writer().open_ahead(0);
  CHECK(failure.error_class == ErrorClass::io);
  CHECK(failure.message.find(sqlite3_errstr(SQLITE_CANTOPEN)) == 0);
  // Opened once and not again: the shard counts against the open files.
  WriterRig one({.sensors = 2, .open_shards = 1});
  CHECK(one.writer().open_ahead(0).ok());
  one.send(1, 10);
  one.step();
  CHECK(open_files(one.folder).size() == 1);
}

TEST_CASE("the null sink counts everything and writes nothing") {
  WriterRig rig({.sensors = 2, .make_sink = [] { return std::make_unique<null::NullSink>(); }});
  CHECK(rig.writer().open_ahead(0).ok());
  rig.send(0, 123);
  rig.send(1, 77);
  rig.send(event_of(batch::AnomalyEvent::Kind::whole, 1));
  rig.step();
  rig.finish();
  CHECK(rig.ledger.books().written == 200);
  CHECK(rig.imbalance().empty());
  CHECK(fs::is_empty(rig.folder.path()));
}

TEST_CASE("a paced writer's lag is the real time from due to commit") {
  WriterRig rig;
  const SteadyTime began = std::chrono::steady_clock::now() - std::chrono::seconds(10);
  const SimulationClock clock(WriterRig::first_due, began, 1.0);
  const write::WriterContext context{.roster = rig.roster,
                                     .settings = rig.config.write,
                                     .place_of = rig.plan.place_of,
                                     .clock = clock,
                                     .pool = rig.pool,
                                     .ledger = rig.ledger,
                                     .errors = rig.error_counts,
                                     .pending_rows = 1'000,
                                     .log = {},
                                     .give_up = [] {}};
  const sqlite::ShardContext shards{rig.roster, rig.config.sqlite, rig.run, {}};
  write::Writer writer(context, std::make_unique<sqlite::SqliteSink>(shards, 10, context.log),
                       rig.plan.targets[0], 4);
  batch::Batch* batch = rig.pool.acquire();
  batch->readings.push_back({WriterRig::first_due, {1, 2, 3}, 0, std::nullopt});
  batch->readings.push_back({WriterRig::first_due + 4'000'000, {1, 2, 3}, 0, std::nullopt});
  writer.queue().push(batch);
  const SteadyTime now = std::chrono::steady_clock::now();
  writer.step(now);
  writer.step(now + std::chrono::seconds(1));
  CHECK(writer.lag().count() == 2);
  CHECK(writer.lag().max() >= 10'000'000);
  CHECK(writer.lag().max() < 70'000'000);
  CHECK(writer.lag().percentile(0.5) >= 6'000'000);
  CHECK(writer.lag().percentile(0.5) <= writer.lag().max() - 3'000'000);
}

TEST_CASE(
    "history has no lag: not what is written until the fleet has caught up, nor what is written later") {
  WriterRig rig;
  const SteadyTime launched = std::chrono::steady_clock::now() - std::chrono::seconds(10);
  SimulationClock clock(WriterRig::first_due, launched, 1.0, WriterRig::first_due - 100 * second);
  const write::WriterContext context{.roster = rig.roster,
                                     .settings = rig.config.write,
                                     .place_of = rig.plan.place_of,
                                     .clock = clock,
                                     .pool = rig.pool,
                                     .ledger = rig.ledger,
                                     .errors = rig.error_counts,
                                     .pending_rows = 1'000,
                                     .log = [](const std::string&) {},
                                     .give_up = [] {}};
  const sqlite::ShardContext shards{rig.roster, rig.config.sqlite, rig.run, {}};
  write::Writer writer(context, std::make_unique<sqlite::SqliteSink>(shards, 10, context.log),
                       rig.plan.targets[0], 4);
  const auto write = [&](std::initializer_list<Microseconds> offsets) {
    batch::Batch* batch = rig.pool.acquire();
    for (const Microseconds offset : offsets)
      batch->readings.push_back({WriterRig::first_due + offset, {1, 2, 3}, 0, std::nullopt});
    writer.queue().push(batch);
    const SteadyTime now = std::chrono::steady_clock::now();
    writer.step(now);
    writer.step(now + std::chrono::seconds(1));
  };
  write({-90 * second, 2 * second});
  CHECK(rig.ledger.books().written == 2);
  CHECK(writer.lag().count() == 0);
  clock.caught_up(WriterRig::first_due + 5 * second);
  write({5 * second - 1, 5 * second, 6 * second});
  CHECK(rig.ledger.books().written == 5);
  CHECK(writer.lag().count() == 2);
}

}  // namespace fleet_sim::writer_test
