// Which files a reload takes: each for itself, with an id that stays with the file it runs from.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "identity/standing_files.h"
#include "support/temporary_folder.h"

namespace fleet_sim::standing_files_test {

namespace fs = std::filesystem;

namespace {

using Ids = std::vector<std::string>;

// A folder of identity files that is loaded whole at first and looked at again after changes.
class Look {
 public:
  explicit Look(const std::vector<std::pair<std::string, std::string>>& files) {
    for (const auto& [name, text] : files) write(name, text);
    Problems problems;
    const auto loaded = identity::load_identities({folder_.path()}, problems);
    standing_ = identity::StandingFiles(loaded.sources, loaded.roster);
  }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_.path() / name).parent_path());
    std::ofstream(folder_.path() / name, std::ios::binary) << text;
  }
  void remove(const std::string& name) { fs::remove_all(folder_.path() / name); }
  void move(const std::string& from, const std::string& to) {
    fs::rename(folder_.path() / from, folder_.path() / to);
  }

  // Looks, and lets what is taken stand from now on.
  void again(const std::vector<std::string>& objected = {}) {
    Problems problems;
    const auto look = identity::load_identities({folder_.path()}, problems, *types::built_in_types(),
                                                identity::RepeatedIds::kept);
    std::vector<std::string> objections(look.sources.size());
    for (std::size_t f = 0; f < objections.size(); ++f) {
      if (std::ranges::find(objected, fs::path(look.sources[f].path).filename().string()) != objected.end())
        objections[f] = look.sources[f].path + ": objected";
    }
    const identity::StandingFiles before = standing_;
    taken = identity::take_files(before, look, objections);
    ids.clear();
    for (std::uint32_t i = 0; i < look.roster.size(); ++i) {
      if (taken.identities[i]) ids.emplace_back(look.roster[i].id);
    }
    kept = static_cast<std::size_t>(std::ranges::count(taken.kept, true));
    standing_ = taken.standing;
    refused = taken.refused_text();
    for (auto at = refused.find(folder_.path().string() + "/"); at != std::string::npos;
         at = refused.find(folder_.path().string() + "/"))
      refused.erase(at, folder_.path().string().size() + 1);
  }

  [[nodiscard]] bool stands(const std::string& id, const std::string& file) const {
    const auto position = standing_.find(id);
    if (!position) return file.empty();
    return standing_.files()[standing_.standing()[*position].file].path == folder_ / file;
  }

  Ids ids;  // taken
  std::size_t kept = 0;
  std::string refused;
  identity::Taken taken;

 private:
  test::TemporaryFolder folder_;
  identity::StandingFiles standing_;
};

std::string one(const std::string& id) {
  return "{\"id\": \"" + id + "\"}\n";
}

}  // namespace

TEST_CASE("a broken file keeps what ran from it, and the others are taken") {
  Look look({{"a.json", one("A")}, {"b.jsonl", one("B") + one("B2")}, {"c.json", one("C")}});
  look.write("b.jsonl", one("B") + "{\"id\": ");
  look.write("c.json", one("C2"));
  look.write("d.json", one("D"));
  look.again();
  CHECK(look.ids == Ids{"A", "C2", "D"});
  CHECK(look.kept == 2);
  CHECK(look.taken.refused_files == 1);
  CHECK(look.refused.starts_with("b.jsonl:2: not valid JSON"));
  CHECK(look.stands("B", "b.jsonl"));
  CHECK(look.stands("B2", "b.jsonl"));
  CHECK(look.stands("C", ""));
  look.write("b.jsonl", one("B") + one("B3"));
  look.again();
  CHECK(look.ids == Ids{"A", "B", "B3", "C2", "D"});
  CHECK(look.refused == "");
  CHECK(look.stands("B2", ""));
}

TEST_CASE("a newcomer that claims an id is refused, wherever its name comes in the order") {
  for (const std::string name : {"0.json", "z.json"}) {
    CAPTURE(name);
    Look look({{"m.json", one("M")}});
    look.write(name, "[{\"id\": \"N\"},\n{\"id\": \"M\", \"location\": \"else\"}]");
    look.again();
    CHECK(look.ids == Ids{"M"});
    CHECK(look.refused == name + ":2: id 'M' already runs from m.json");
    CHECK(look.stands("M", "m.json"));
    look.write("m.json", one("other"));  // lets go of it
    look.again();
    CHECK(look.refused == "");
    CHECK(look.stands("M", name));
    CHECK(look.stands("N", name));
    CHECK(look.kept == 0);
  }
}

TEST_CASE("an id that leaves one file and appears in another has moved") {
  Look look({{"a.json", one("X")}, {"b.jsonl", one("Y") + one("Z")}});
  look.move("a.json", "c.json");
  look.write("b.jsonl", one("Y"));
  look.write("sub/d.json", one("Z"));
  look.again();
  CHECK(look.refused == "");
  CHECK(look.ids == Ids{"Y", "X", "Z"});
  CHECK(look.stands("X", "c.json"));
  CHECK(look.stands("Z", "sub/d.json"));
}

TEST_CASE("what cannot leave its broken file cannot arrive in another, and so on") {
  // X would go from a to b, Y from b to c. As a is refused, so is b, and then c.
  Look look({{"a.json", one("X")}, {"b.json", one("Y")}, {"c.json", one("Z")}});
  look.write("a.json", "{");
  look.write("b.json", one("X"));
  look.write("c.json", one("Y"));
  look.again();
  CHECK(look.ids.empty());
  CHECK(look.kept == 3);
  CHECK(look.taken.refused_files == 3);
  CHECK(look.stands("Z", "c.json"));
  look.remove("a.json");
  look.again();
  CHECK(look.ids == Ids{"X", "Y"});
  CHECK(look.refused == "");
}

TEST_CASE("of several newcomers with one id the first is taken, unless it is refused anyway") {
  Look look({{"m.json", one("M")}});
  look.write("a.json", one("N"));
  look.write("b.json", one("N"));
  look.again();
  CHECK(look.ids == Ids{"N", "M"});
  CHECK(look.refused.starts_with("b.json:1: id 'N' is already used in "));
  Look other({{"m.json", one("M")}});
  other.write("a.json", "[{\"id\": \"N\"}, {\"id\": \"M\"}]");
  other.write("b.json", one("N"));
  other.again();
  CHECK(other.ids == Ids{"N", "M"});
  CHECK(other.stands("N", "b.json"));
  CHECK(other.taken.refused_files == 1);
}

TEST_CASE("an id twice in one file is that file's mistake, also behind another file's") {
  Look look({{"a.json", one("A")}, {"b.jsonl", one("B")}});
  look.write("b.jsonl", one("A") + one("A"));
  look.again();
  CHECK(look.ids == Ids{"A"});
  CHECK(look.refused.starts_with("b.jsonl:2: id 'A' is already used in "));
  CHECK(look.stands("B", "b.jsonl"));
}

TEST_CASE("a folder that is emptied or gone keeps all, a subfolder that is gone lets go") {
  Look look({{"a.json", one("A")}, {"sub/b.json", one("B")}, {"sub/deep/c.json", one("C")}});
  look.remove("sub");
  look.again();
  CHECK(look.ids == Ids{"A"});
  CHECK(look.kept == 0);
  CHECK(look.stands("B", ""));
  look.remove("a.json");
  look.again();
  CHECK(look.kept == 1);
  CHECK(look.refused.find("the folder has no .json or .jsonl file") != std::string::npos);
  CHECK(look.stands("A", "a.json"));
  look.remove("");
  look.again();
  CHECK(look.kept == 1);
  CHECK(look.refused.find("No such file or directory") != std::string::npos);
  CHECK(look.stands("A", "a.json"));
}

TEST_CASE("a file that is whole but cannot be used is refused like a broken one") {
  Look look({{"a.json", one("A")}, {"b.json", one("B")}});
  look.write("a.json", one("A2"));
  look.write("b.json", one("B2"));
  look.again({"a.json"});
  CHECK(look.ids == Ids{"B2"});
  CHECK(look.refused == "a.json: objected");
  CHECK(look.stands("A", "a.json"));
}

TEST_CASE("invalid identities that were left out at the start are left out still, more of them are refused") {
  Look look({{"a.jsonl", one("A") + "{}\n"}, {"b.json", one("B")}});
  look.write("b.json", one("B2"));
  look.again();
  CHECK(look.refused == "");
  CHECK(look.ids == Ids{"A", "B2"});
  look.write("a.jsonl", "{}\n{}\n");
  look.again();
  CHECK(look.refused.starts_with("a.jsonl:1: "));
  CHECK(look.stands("A", "a.jsonl"));
}

TEST_CASE("of many refused files the first are named and the rest counted") {
  Look look({{"m.json", one("M")}});
  for (int i = 100; i < 125; ++i) look.write(std::to_string(i) + ".json", "{");
  look.again();
  CHECK(look.taken.refused_files == 25);
  CHECK(look.taken.refused.size() == identity::Taken::most_named);
  CHECK(look.refused.ends_with("; and 5 more"));
  CHECK(look.ids == Ids{"M"});
}

}  // namespace fleet_sim::standing_files_test
