// What people hand to the program as paths and files: the home folder, encodings that are not UTF-8, and
// folders with all that lies below them.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "files/encoding.h"
#include "files/file_watcher.h"
#include "files/folder_walk.h"
#include "files/home_folder.h"
#include "support/temporary_folder.h"

namespace fleet_sim::files_test {

using namespace std::string_view_literals;
namespace fs = std::filesystem;

namespace {

// HOME for as long as this lives.
class Home {
 public:
  explicit Home(const char* home) {
    if (const char* now = std::getenv("HOME")) before_ = now;
    set(home);
  }
  ~Home() { set(before_ ? before_->c_str() : nullptr); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

 private:
  static void set(const char* home) {
    if (home == nullptr) {
      ::unsetenv("HOME");
    } else {
      ::setenv("HOME", home, 1);
    }
  }
  std::optional<std::string> before_;
};

std::string expanded(std::string_view path) {
  std::string text = "nothing";
  const std::string wrong = files::expand_home(path, text);
  return wrong.empty() ? text : "refused: " + wrong;
}

void write(const fs::path& path, const std::string& text = "{}") {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<std::string> below(const fs::path& folder, const std::vector<fs::path>& paths) {
  std::vector<std::string> names;
  for (const fs::path& path : paths) names.push_back(path.lexically_relative(folder).string());
  return names;
}

}  // namespace

TEST_CASE("a tilde is the home folder, and nobody else's") {
  const Home home("/home/ada/");
  CHECK(expanded("~") == "/home/ada");
  CHECK(expanded("~/") == "/home/ada/");
  CHECK(expanded("~/data/a b") == "/home/ada/data/a b");
  CHECK(expanded("data/~/x") == "data/~/x");
  CHECK(expanded("./~x") == "./~x");
  CHECK(expanded("") == "");
  CHECK(expanded("~bob/data").starts_with("refused: '~bob/data' begins with another user's home folder"));
  CHECK(expanded("~bob").starts_with("refused: "));
}

TEST_CASE("a home that is the root takes no second slash") {
  const Home home("/");
  CHECK(expanded("~/data") == "/data");
  CHECK(expanded("~") == "/");
}

TEST_CASE("without a home folder a tilde is refused, and other paths are as they were") {
  for (const char* none : {static_cast<const char*>(nullptr), "", "relative"}) {
    const Home home(none);
    CHECK(expanded("~/x").starts_with("refused: '~/x' begins with ~, but HOME names no folder"));
    CHECK(expanded("x/y") == "x/y");
  }
}

TEST_CASE("encodings are named by their first bytes, with and without a mark") {
  const std::pair<std::string_view, std::string_view> known[] = {
      {"\xFF\xFE{\0\n\0"sv, "is UTF-16, not UTF-8: convert it with `iconv -f UTF-16 -t UTF-8`"},
      {"\xFE\xFF\0{\0\n"sv, "is UTF-16, not UTF-8: convert it with `iconv -f UTF-16 -t UTF-8`"},
      {"\xFF\xFE\0\0{\0\0\0"sv, "is UTF-32, not UTF-8: convert it with `iconv -f UTF-32 -t UTF-8`"},
      {"\0\0\xFE\xFF\0\0\0{"sv, "is UTF-32, not UTF-8: convert it with `iconv -f UTF-32 -t UTF-8`"},
      {"{\0\"\0"sv,
       "is UTF-16LE without a byte order mark, not UTF-8: convert it with `iconv -f UTF-16LE -t UTF-8`"},
      {"\0{\0\""sv,
       "is UTF-16BE without a byte order mark, not UTF-8: convert it with `iconv -f UTF-16BE -t UTF-8`"},
      {"#\0\xDC\0b\0"sv,
       "is UTF-16LE without a byte order mark, not UTF-8: convert it with `iconv -f UTF-16LE -t UTF-8`"},
      {"{\0\0\0\"\0\0\0"sv,
       "is UTF-32LE without a byte order mark, not UTF-8: convert it with `iconv -f UTF-32LE -t UTF-8`"},
      {"\0\0\0{\0\0\0\""sv,
       "is UTF-32BE without a byte order mark, not UTF-8: convert it with `iconv -f UTF-32BE -t UTF-8`"},
      {"\x1F\x8B\x08"sv, "is compressed with gzip: unpack it with `gunzip`"},
      {"PK\3\4rest"sv, "is a zip archive: unpack it with `unzip`"},
      {"\x28\xB5\x2F\xFD"sv, "is compressed with zstd: unpack it with `unzstd`"},
      {"SQLite format 3\0"sv, "is an SQLite database: name a text file"}};
  for (const auto& [bytes, message] : known) CHECK(files::foreign_encoding(bytes) == message);
  for (const std::string_view text : {""sv, "{"sv, "{}"sv, "\xEF\xBB\xBF{}"sv, "# \xC3\x9C"sv, "PK: 1"sv})
    CHECK(files::foreign_encoding(text) == "");
}

TEST_CASE("a byte that is not UTF-8 is named by the character that it may be") {
  CHECK(
      files::not_utf8('\xFC') ==
      "is not UTF-8: the byte 0xFC is 'ü' in Latin-1 and Windows-1252: save the file as UTF-8, or convert it "
      "with `iconv -f WINDOWS-1252 -t UTF-8` if that is its encoding");
  CHECK(files::not_utf8('\xB0').find("the byte 0xB0 is '°' in Latin-1") != std::string::npos);
  CHECK(files::not_utf8('\x96').find("the byte 0x96 is '–' in Windows-1252: ") != std::string::npos);
  CHECK(files::not_utf8('\x81') == "is not UTF-8: save the file as UTF-8");
}

TEST_CASE("a folder is walked with all below it, in the order of names, without what is hidden") {
  const test::TemporaryFolder folder;
  for (const char* name :
       {"b.json", "a/z.json", "a/c/d.json", "a.json", "B/x.json", ".git/y.json", ".h.json"})
    write(folder.path() / name);
  files::FolderWalk walk;
  walk.walk(folder.path());
  CHECK(below(folder.path(), walk.files()) ==
        std::vector<std::string>{"B/x.json", "a/c/d.json", "a/z.json", "a.json", "b.json"});
  CHECK(walk.hidden() == 2);
  CHECK(walk.folders().size() == 4);
  CHECK(walk.failures().empty());
}

TEST_CASE("links are followed, and a loop of them ends") {
  const test::TemporaryFolder folder;
  const test::TemporaryFolder elsewhere;
  write(folder.path() / "a/1.json");
  write(elsewhere.path() / "2.json");
  fs::create_directory_symlink("..", folder.path() / "a/up");
  fs::create_directory_symlink(elsewhere.path(), folder.path() / "out");
  fs::create_directory_symlink("a", folder.path() / "same");
  fs::create_symlink("nowhere", folder.path() / "broken.json");
  files::FolderWalk walk;
  walk.walk(folder.path());
  CHECK(below(folder.path(), walk.files()) ==
        std::vector<std::string>{"a/1.json", "broken.json", "out/2.json"});
  CHECK(walk.repeated() == 2);
  walk.walk(folder.path() / "a");  // named once more beside the folder that holds it
  CHECK(walk.files().size() == 3);
}

TEST_CASE("folders deeper than the bound are passed over and counted, and what cannot be listed is said") {
  const test::TemporaryFolder folder;
  fs::path deep = folder.path();
  for (std::size_t i = 0; i <= files::FolderWalk::deepest; ++i) {
    deep /= "d";
    write(deep / "x.json");
  }
  files::FolderWalk walk;
  walk.walk(folder.path());
  CHECK(walk.files().size() == files::FolderWalk::deepest);
  CHECK(walk.too_deep() == 1);
  walk.walk(folder.path() / "missing");
  REQUIRE(walk.failures().size() == 1);
  CHECK(walk.failures()[0].why == "No such file or directory");
}

TEST_CASE("a watcher sees what changes in subfolders, and in those that come later") {
  const test::TemporaryFolder folder;
  write(folder.path() / "site/a.json", "1");
  const Timestamp later = system_now() + 10 * microseconds_per_second;
  files::FileWatcher watcher({folder.path()}, later);
  CHECK(!watcher.look());
  SUBCASE("rewritten") {
    write(folder.path() / "site/a.json", "22");
  }
  SUBCASE("added") {
    write(folder.path() / "site/b.json");
  }
  SUBCASE("in a new folder") {
    write(folder.path() / "new/deep/c.json");
  }
  SUBCASE("removed with its folder") {
    fs::remove_all(folder.path() / "site");
  }
  CHECK(watcher.look());
}

}  // namespace fleet_sim::files_test
