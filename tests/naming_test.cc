// Files without names: they get them when they are on the disk, never in place of another file, and what is
// left of those of a process that is gone is removed.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sqlite/naming.h"
#include "support/temporary_folder.h"

namespace fleet_sim::naming_test {

using namespace fleet_sim::test;
using sqlite::nameless_path;
using sqlite::Naming;

namespace {

struct Bench {
  TemporaryFolder folder;
  std::mutex mutex;
  std::vector<std::string> said;
  write::Lines lines{.change = [this](const std::string& line) {
    const std::lock_guard lock(mutex);
    said.push_back(line);
  }};

  static void put(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  [[nodiscard]] std::string nameless(const std::string& name) const {
    put(nameless_path(folder / name), "whole");
    return folder / name;
  }
};

}  // namespace

TEST_CASE("files get their names") {
  Bench bench;
  Naming naming(bench.lines);
  const std::string one = bench.nameless("one.db");
  const std::string two = bench.nameless("two.db");
  naming.add({one, 3});
  naming.add({two, 4});
  naming.finish();
  CHECK(naming.settled() == 7);
  CHECK(bytes_of(one) == "whole");
  CHECK(bytes_of(two) == "whole");
  CHECK(!std::filesystem::exists(nameless_path(one)));
  CHECK(bench.said.empty());
}

TEST_CASE("a group gets its names while others are still to come") {
  constexpr std::size_t more_than_a_group = 300;
  Bench bench;
  Naming naming(bench.lines);
  for (std::size_t i = 0; i < more_than_a_group; ++i)
    naming.add({bench.nameless(std::to_string(i) + ".db"), 1});
  while (naming.settled() < 200) std::this_thread::yield();
  CHECK(std::filesystem::exists(bench.folder / "0.db"));
  naming.finish();
  CHECK(naming.settled() == more_than_a_group);
}

TEST_CASE("a file that has come to the place meanwhile stays, and so does the one without a name") {
  Bench bench;
  Naming naming(bench.lines);
  const std::string taken = bench.nameless("taken.db");
  Bench::put(taken, "another's");
  naming.add({taken, 3});
  naming.add({bench.nameless("other.db"), 4});
  naming.finish();
  CHECK(bytes_of(taken) == "another's");
  CHECK(bytes_of(nameless_path(taken)) == "whole");
  CHECK(naming.settled() == 4);
  REQUIRE(bench.said.size() == 1);
  CHECK(bench.said.front().starts_with(taken + ": could not be given its name"));
}

TEST_CASE("a folder that is gone takes its files with it, and says so") {
  Bench bench;
  Naming naming(bench.lines);
  std::filesystem::create_directory(bench.folder / "data");
  const std::string gone = bench.nameless("data/gone.db");
  std::filesystem::remove_all(bench.folder / "data");
  naming.add({gone, 3});
  naming.finish();
  CHECK(naming.settled() == 0);
  CHECK(!bench.said.empty());
}

TEST_CASE("leftovers are removed, of some targets or of all") {
  Bench bench;
  const std::string ours = bench.nameless("ours.db");
  const std::string theirs = bench.nameless("theirs.db");
  Bench::put(bench.folder / "run.json.new", "another kind of file");
  Bench::put(ours, "a shard");
  const write::Targets targets{{{.name = ours}}, {}};
  CHECK(sqlite::remove_nameless(bench.folder.path().string(), &targets) == 1);
  CHECK(!std::filesystem::exists(nameless_path(ours)));
  CHECK(std::filesystem::exists(nameless_path(theirs)));
  CHECK(sqlite::remove_nameless(bench.folder.path().string(), nullptr) == 1);
  CHECK(!std::filesystem::exists(nameless_path(theirs)));
  CHECK(std::filesystem::exists(ours));
  CHECK(std::filesystem::exists(bench.folder / "run.json.new"));
}

}  // namespace fleet_sim::naming_test
