// Files that are corrupt, or somebody else's, under the name of a shard; and what is set aside.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "base/errors.h"
#include "config/config.h"
#include "data/data_directory.h"
#include "sqlite/set_aside.h"
#include "support/faulty_vfs.h"
#include "support/shard_reader.h"
#include "support/temporary_folder.h"
#include "support/writer_rig.h"

namespace fleet_sim::corrupt_shard_test {

using namespace fleet_sim::test;

namespace fs = std::filesystem;

namespace {

// Files of the folder whose name contains `part`, sorted.
std::vector<std::string> names_with(const TemporaryFolder& folder, const std::string& part) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    const std::string name = entry.path().filename().string();
    if (name.find(part) != std::string::npos) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Everything but the first page, which says what kind of file it is; the log holds no better pages.
void make_corrupt(const std::string& path) {
  run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(4'096);
  file << std::string(fs::file_size(path) - 4'096, '\x5a');
}

}  // namespace

TEST_CASE("a corrupt file is set aside with its log, and what waited is written to a new one, once") {
  WriterRig rig({.sensors = 2, .open_shards = 1}, [](config::Config& config) {
    config.sqlite.checkpoint_pages = 1;
    config.sqlite.page_size = 4'096;
  });
  rig.send(0, 500);
  rig.run_for(2 * second);
  rig.send(1, 10);  // takes the one place for an open file
  rig.run_for(2 * second);
  const std::string path = rig.path_of(0);
  make_corrupt(path);
  rig.send(0, 20);
  rig.send(1, 10);
  rig.run_for(2 * second);

  const std::vector<std::string> aside = names_with(rig.folder, ".corrupt-");
  REQUIRE_FALSE(aside.empty());
  CHECK(aside[0].starts_with("sensor=sensor-0-xlower.db.corrupt-20"));
  CHECK(aside[0].ends_with("Z"));
  CHECK(fs::file_size(rig.folder.path() / aside[0]) > 4'096);
  CHECK(rig.errors(ErrorClass::corrupt) == 1);
  REQUIRE(rig.log.size() == 1);
  CHECK(rig.log[0].find("is corrupt (") != std::string::npos);
  CHECK(rig.log[0].find("was set aside as " + rig.folder.path().string()) != std::string::npos);
  CHECK(ids_of(path) == std::vector<std::string>{"501|520|20"});
  CHECK(query(path, "SELECT run_id, first_reading_id FROM run_info") ==
        std::vector<std::string>{"test-run|501"});
  CHECK(query(path, "PRAGMA integrity_check") == std::vector<std::string>{"ok"});
  CHECK(rig.has_all(1));
  // What was set aside is no shard any more.
  CHECK(data::find_shards(rig.folder.path()).size() == 2);
  CHECK(rig.imbalance().empty());

  // And again, for it is in use again: under a name of its own.
  rig.send(1, 10);
  rig.run_for(2 * second);
  make_corrupt(path);
  rig.send(0, 20);
  rig.run_for(2 * second);
  CHECK(rig.errors(ErrorClass::corrupt) == 2);
  CHECK(ids_of(path) == std::vector<std::string>{"521|540|20"});
  const std::vector<std::string> names = names_with(rig.folder, ".corrupt-");
  const auto databases = std::ranges::count_if(
      names, [](const std::string& name) { return !name.ends_with("-wal") && !name.ends_with("-shm"); });
  CHECK(databases == 2);
}

TEST_CASE("a disk that corrupts whatever is written fills up with no heap of files set aside") {
  FaultyVfs vfs;
  WriterRig rig({.vfs = vfs.name()}, [](config::Config& config) { config.write.error_limit = 1'000; });
  rig.send(0, 10);
  rig.step();
  vfs.fail_writes(1, FaultyVfs::for_ever, SQLITE_CORRUPT);
  rig.send(0, 10);
  rig.run_for(20 * second);
  const std::vector<std::string> names = names_with(rig.folder, ".corrupt-");
  const auto databases = std::ranges::count_if(
      names, [](const std::string& name) { return !name.ends_with("-wal") && !name.ends_with("-shm"); });
  CHECK(databases == 1);
  CHECK(rig.writer().held() == 10);
  vfs.heal();
  rig.run_for(3 * second);
  CHECK(ids_of(rig.path_of(0)) == std::vector<std::string>{"11|20|10"});
  CHECK(rig.imbalance().empty());
}

TEST_CASE("somebody else's file that turns up under a shard's name is left as it is") {
  WriterRig rig({.sensors = 2});
  rig.send(1, 10);
  rig.step();
  std::ofstream(rig.path_of(0)) << std::string(5'000, 'x');
  rig.send(0, 10);
  rig.run_for(3 * second);
  CHECK(bytes_of(rig.path_of(0)) == std::string(5'000, 'x'));
  CHECK(names_with(rig.folder, ".corrupt-").empty());
  CHECK(rig.writer().held() == 10);
  CHECK(rig.errors(ErrorClass::corrupt) > 3);
}

TEST_CASE("a set-aside file keeps its bytes and never takes another's name") {
  const TemporaryFolder folder;
  constexpr Timestamp moment = 1'795'434'120'000'000;  // 2026-11-23T11:42:00Z
  std::error_code error;
  for (const std::string number : {"", "-2", "-3"}) {
    std::ofstream(folder / "a.db") << "data" << number;
    std::ofstream(folder / "a.db-wal") << "log" << number;
    const std::string name = sqlite::set_aside(folder / "a.db", "corrupt", moment, error);
    REQUIRE_FALSE(error);
    CHECK(name == folder / ("a.db.corrupt-20261123T114200Z" + number));
    CHECK(bytes_of(name) == "data" + number);
    CHECK(bytes_of(name + "-wal") == "log" + number);
    CHECK_FALSE(fs::exists(folder / "a.db"));
    CHECK_FALSE(data::has_shard_name(name));
    CHECK_FALSE(data::has_shard_name(name + "-wal"));
  }
  // A log alone holds the name, too.
  fs::remove(folder / "a.db.corrupt-20261123T114200Z");
  std::ofstream(folder / "a.db") << "more";
  CHECK(sqlite::set_aside(folder / "a.db", "corrupt", moment, error) ==
        folder / "a.db.corrupt-20261123T114200Z-4");
}

TEST_CASE("a file that was set aside can be opened with its log") {
  const TemporaryFolder folder;
  std::error_code error;
  std::string name;
  {
    tables::Database database = opened(folder / "a.db");
    REQUIRE(database.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (7)").ok());
    database.keep_log_on_close(true);
    name = folder / "a.db";
  }
  REQUIRE(fs::file_size(name + "-wal") > 0);
  name = sqlite::set_aside(name, "left", 0, error);
  REQUIRE(fs::exists(name + "-wal"));
  CHECK(query(name, "SELECT a FROM t") == std::vector<std::string>{"7"});
}

}  // namespace fleet_sim::corrupt_shard_test
