// Identities from untrusted files: what loads, what is refused, and where the message says the mistake is.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "base/cadence.h"
#include "base/plain_text.h"
#include "base/text.h"
#include "identity/identity_changes.h"
#include "identity/identity_json.h"
#include "identity/identity_parser.h"
#include "identity/identity_rules.h"
#include "identity/json_value.h"
#include "identity/load_identities.h"
#include "support/temporary_folder.h"

namespace fleet_sim::identity_test {

using namespace fleet_sim::test;

namespace {

namespace fs = std::filesystem;

fs::path write(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  std::ofstream(folder.path() / name, std::ios::binary) << text;
  return folder.path() / name;
}

struct Loaded {
  std::vector<std::string> ids;
  std::size_t files;
  std::size_t invalid;
  std::vector<std::string> unknown_keys;
  std::size_t problem_count;
  std::string problems;
};

Loaded load(const std::vector<fs::path>& paths) {
  Problems problems;
  identity::LoadedIdentities loaded = identity::load_identities(paths, problems);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < loaded.roster.size(); ++i) ids.emplace_back(loaded.roster[i].id);
  return {ids, loaded.files, loaded.invalid, loaded.unknown_keys, problems.count(), problems.text()};
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

using Ids = std::vector<std::string>;

const fs::path bad_folder = fs::path(FLEET_SIM_SOURCE_DIR) / "tests" / "bad_identities";

struct BadFile {
  std::string name;
  std::string place;  // ":line", or empty for the file as a whole
  std::string words;
  Ids loaded;
};

const std::vector<BadFile> bad_files{
    {"array_of_numbers.json",
     ":3",
     "an array of identities must hold objects, not the number 7",
     {"GOOD_2", "GOOD_3"}},
    {"control_character.json", ":3", "location contains a control character", {}},
    {"duplicate_key.json", ":4", "model appears twice", {}},
    {"duplicate_unknown_key.json", ":4", "the key \"a\" appears twice", {}},
    {"empty.json", ":1", "has no identity", {}},
    {"empty.jsonl", "", "has no identity", {}},
    {"empty_array.json", ":2", "an empty array", {}},
    {"empty_id.json", ":1", "id must not be empty", {}},
    {"firmware_number.json",
     ":4",
     "firmware_version must be text in quotes, not the number 1.3: write \"1.3\"",
     {}},
    {"interval_and_rate.json",
     ":1",
     "readings_per_second and interval cannot be combined; give one of them",
     {}},
    {"interval_short.json",
     ":1",
     "interval must be a duration of whole microseconds such as \"60s\", up to 1157 days, not the text "
     "\"0s\"",
     {}},
    {"interval_text.json", ":2", "up to 1157 days, not the text \"1/60\"", {}},
    {"invalid_utf8.json", ":3", "save the file as UTF-8", {}},
    {"latin_1.json", ":3", "the byte 0xFC is 'ü' in Latin-1 and Windows-1252", {}},
    {"location_null.json", ":3", "location must be text in quotes, not null", {}},
    {"mean_infinite.json", ":4", "number overflow", {}},
    {"mean_outside.json",
     ":4",
     "normal_parameters.temperature.mean 100 must lie between min 50 and max 80",
     {}},
    {"mean_text.json", ":5", "normal_parameters.voltage.mean must be a number, not the text \"12\"", {}},
    {"min_above_max.json", ":6", "normal_parameters.temperature.min 81 must not be above max 80", {}},
    {"missing_id.json", ":3", "id is missing", {"GOOD_6"}},
    {"mean_too_large.json",
     ":1",
     "temperature.mean must be from -1000000000 to 1000000000, not the number",
     {}},
    {"parameters_list.json", ":2", "normal_parameters must be an object", {}},
    {"rate_text.json",
     ":2",
     "readings_per_second must be a number above 0 (at least 1e-08) and at most 1000000, not the text \"5\"",
     {}},
    {"rate_too_high.json", ":2", "at most 1000000, not the number 1000001", {}},
    {"rate_zero.json", ":2", "above 0 (at least 1e-08) and at most 1000000, not the number 0", {}},
    {"rate_tiny.json", ":1", "at least 1e-08) and at most 1000000, not the number", {}},
    {"scalar.json",
     ":2",
     "must hold one identity in {} or an array of them, not the text \"SENSOR_001\"",
     {}},
    {"std_dev_negative.json", ":2", "normal_parameters.vibration.std_dev must be 0 or more", {}},
    {"trailing_garbage.json", ":2", "not valid JSON", {}},
    {"zone.json",
     ":1",
     "timezone must be an IANA name such as Europe/Berlin, not \"Europe/Berln\" (did you mean "
     "'Europe/Berlin'?)",
     {}},
    {"truncated.json", ":3", "not valid JSON", {"GOOD_7"}},
    {"utf_16.json", "", "is UTF-16, not UTF-8: convert it with `iconv -f UTF-16 -t UTF-8`", {}},
    {"utf_16_no_mark.jsonl", "", "is UTF-16BE without a byte order mark", {}},
    {"windows_1252.jsonl", ":2", "the byte 0x96 is '–' in Windows-1252", {"GOOD_9"}},
    {"zipped.json", "", "is compressed with gzip: unpack it with `gunzip`", {}},
};

}  // namespace

TEST_CASE("every mistake is named with its file, its line and what is wrong") {
  for (const BadFile& bad : bad_files) {
    CAPTURE(bad.name);
    const fs::path path = bad_folder / bad.name;
    const Loaded loaded = load({path});
    CHECK_MESSAGE(loaded.problems.starts_with(path.string() + bad.place + ": "), loaded.problems);
    CHECK_MESSAGE(holds(loaded.problems, bad.words), loaded.problems);
    CHECK(loaded.problem_count == 1);
    CHECK(loaded.invalid == 1);
    CHECK(loaded.ids == bad.loaded);
  }
}

TEST_CASE("a bad line leaves the other lines alone") {
  const fs::path path = bad_folder / "lines.jsonl";
  const Loaded loaded = load({path});
  CHECK(loaded.ids == Ids{"GOOD_4", "GOOD_5"});
  CHECK(loaded.invalid == 4);
  CHECK(loaded.problem_count == 4);
  CHECK(
      holds(loaded.problems, path.string() + ":3: id must be text in quotes, not the number 5: write \"5\""));
  CHECK(holds(loaded.problems, path.string() + ":4: not valid JSON"));
  CHECK(holds(loaded.problems, path.string() + ":5: a line must hold one object"));
  CHECK(holds(loaded.problems, path.string() + ":6: not valid JSON"));
}

TEST_CASE("good files among bad ones load, and every mistake is counted") {
  const Loaded loaded = load({bad_folder});
  CHECK(loaded.ids ==
        Ids{"GOOD_1", "GOOD_2", "GOOD_3", "GOOD_4", "GOOD_5", "GOOD_6", "GOOD_7", "GOOD_9", "GOOD_8"});
  CHECK(loaded.files == bad_files.size());  // three good ones more, but three that are no text
  CHECK(loaded.problem_count == bad_files.size() + 4);
  CHECK(loaded.invalid == bad_files.size() + 4);
  CHECK(loaded.problems.starts_with((bad_folder / "array_of_numbers.json").string() + ":3: "));
}

TEST_CASE("what a file leaves out has the documented values") {
  const TemporaryFolder folder;
  Problems problems;
  const auto loaded = identity::load_identities({write(folder, "a.json", R"({"id": "S"})")}, problems);
  REQUIRE(loaded.roster.size() == 1);
  const identity::Identity& identity = loaded.roster[0];
  CHECK(loaded.roster.text(identity.type) == "temperature_vibration");
  CHECK(loaded.roster.text(identity.location) == "Factory A - Line 1");
  CHECK(loaded.roster.text(identity.manufacturer) == "SensorTech");
  CHECK(loaded.roster.text(identity.model) == "TempVibe-2000");
  CHECK(loaded.roster.text(identity.firmware_version) == "1.3");
  CHECK(identity.overrides == identity::Identity::no_overrides);
  CHECK_FALSE(loaded.roster.overrides(identity).rate.has_value());
}

TEST_CASE("an interval is a duration or a number of seconds, and is written as it was") {
  const TemporaryFolder folder;
  Problems problems;
  const auto loaded = identity::load_identities({write(folder, "a.json", R"([
    {"id": "A", "interval": "1h30m"}, {"id": "B", "interval": 60}, {"id": "C", "interval": 0.25}])")},
                                                problems);
  CHECK(problems.text() == "");
  REQUIRE(loaded.roster.size() == 3);
  const std::array<std::string, 3> written{"5400s", "60s", "0.25s"};
  std::set<std::uint64_t> hashes;
  for (std::size_t i = 0; i < 3; ++i) {
    const identity::IdentityRecord record = loaded.roster.record(loaded.roster[i]);
    std::string line;
    identity::append_json_line(line, record);
    CHECK(holds(line, "\"interval\": \"" + written[i] + "\""));
    CHECK_FALSE(holds(line, "readings_per_second"));
    CHECK(record.overrides.rate == Rate::every(*interval_of(*read_duration(written[i]))));
    hashes.insert(identity::hash_of(loaded.roster, loaded.roster[i]));
  }
  CHECK(hashes.size() == 3);
}

TEST_CASE("a sensor's time zone is kept, written as it was, and a change of it is told") {
  const TemporaryFolder folder;
  const auto with_zone = [&](const std::string& name) {
    Problems problems;
    auto loaded = identity::load_identities(
        {write(folder, "a.json", "[{\"id\": \"A\", \"timezone\": \"" + name + "\"}, {\"id\": \"B\"}]")},
        problems);
    CHECK(problems.text() == "");
    CHECK(loaded.unknown_keys.empty());
    return loaded;
  };
  const auto berlin = with_zone("Europe/Berlin");
  const auto tokyo = with_zone("Asia/Tokyo");
  std::string line;
  identity::append_json_line(line, berlin.roster.record(berlin.roster[0]));
  CHECK(holds(line, "\"timezone\": \"Europe/Berlin\""));
  CHECK(identity::hash_of(berlin.roster, berlin.roster[0]) !=
        identity::hash_of(tokyo.roster, tokyo.roster[0]));
  CHECK(identity::hash_of(berlin.roster, berlin.roster[1]) ==
        identity::hash_of(tokyo.roster, tokyo.roster[1]));
  const std::vector<std::uint32_t> both{0, 1};
  const auto changes = identity::compare_identities(berlin.roster, both, tokyo.roster, both);
  CHECK(identity::changes_text(changes, berlin.roster, tokyo.roster) ==
        "1 changed (A: timezone Europe/Berlin -> Asia/Tokyo)");
}

TEST_CASE("overrides are kept, and sensors alike share them") {
  const TemporaryFolder folder;
  Problems problems;
  const auto loaded = identity::load_identities({write(folder, "a.json", R"([
    {"id": "A", "readings_per_second": 0.1, "normal_parameters": {"vibration": {"mean": 3, "max": 1e2}}},
    {"id": "B", "readings_per_second": 0.1, "normal_parameters": {"vibration": {"max": 100, "mean": 3.0}}},
    {"id": "C", "readings_per_second": 5}])")},
                                                problems);
  CHECK(problems.text() == "");
  REQUIRE(loaded.roster.size() == 3);
  const identity::IdentityOverrides& overrides = loaded.roster.overrides(loaded.roster[0]);
  const identity::ChannelOverride& vibration = overrides.channel("vibration");
  CHECK(overrides.rate == 0.1);
  CHECK(vibration.mean == 3.0);
  CHECK(vibration.max == 100.0);
  CHECK_FALSE(vibration.min.has_value());
  CHECK(loaded.roster[0].overrides == loaded.roster[1].overrides);
  CHECK(loaded.roster[0].overrides != loaded.roster[2].overrides);
}

TEST_CASE("as many channels may be named as all types of a config have") {
  types::DeclaredTypes declared;
  for (std::size_t t = 0; t < types::most_types; ++t) {
    types::DeclaredType& type = declared["t" + std::to_string(t)];
    for (std::size_t c = 0; c < types::most_channels; ++c) {
      const std::string name = "c" + std::to_string(t) + "_" + std::to_string(c);
      type.columns.push_back({.name = name, .unit = {}});
      type.signal.channels.push_back({name, types::Gauge{}});
    }
  }
  const types::Catalog types(declared);
  REQUIRE(types.channel_names().size() == types::most_types * types::most_channels + 3);
  identity::IdentityFindings findings;
  identity::parse_identity_document(R"({"id": "A", "normal_parameters": {"voltage": {"mean": 13}}})", types,
                                    findings);
  REQUIRE(findings.identities.size() == 1);
  CHECK(findings.identities.front().record.overrides.channel("voltage").mean == 13.0);
}

TEST_CASE("texts keep every character: UTF-8, quotes, escapes and 300 characters") {
  const TemporaryFolder folder;
  identity::IdentityRecord record;
  record.id = "Prüfstand 7 \"Ost\" \\ 温度 😀";
  for (int i = 0; i < 300; ++i) record.location += "ß";
  std::string line;
  identity::append_json_line(line, record);
  std::string pretty;
  identity::append_pretty_json(pretty, record);
  Problems problems;
  const auto from_line = identity::load_identities({write(folder, "a.jsonl", line + "\n")}, problems);
  const auto from_object = identity::load_identities({write(folder, "a.json", pretty)}, problems);
  const auto escaped =
      identity::load_identities({write(folder, "b.json", R"({"id": "\u00fc\ud83d\ude00\t"})")}, problems);
  REQUIRE(from_line.roster.size() == 1);
  REQUIRE(from_object.roster.size() == 1);
  CHECK(from_line.roster[0].id == record.id);
  CHECK(from_object.roster[0].id == record.id);
  CHECK(from_object.roster.text(from_object.roster[0].location) == record.location);
  CHECK(escaped.roster.size() == 0);  // for its tab
  CHECK(problems.count() == 1);
}

TEST_CASE("a text may be as long as the limit and no longer") {
  const TemporaryFolder folder;
  const auto with_id = [](std::size_t bytes) { return "{\"id\": \"" + std::string(bytes, 'x') + "\"}"; };
  CHECK(load({write(folder, "fits.json", with_id(identity::longest_text_bytes))}).ids.size() == 1);
  const Loaded over = load({write(folder, "over.json", with_id(identity::longest_text_bytes + 1))});
  CHECK(over.ids.empty());
  CHECK(holds(over.problems, "over.json:1: id is 1025 bytes long: at most 1024"));
}

TEST_CASE("an object may be as long as the limit and no longer, in both kinds of file") {
  const TemporaryFolder folder;
  const auto object = [](std::size_t bytes) {
    const std::string begin = R"({"id": "S", "note": ")";
    return begin + std::string(bytes - begin.size() - 2, 'x') + "\"}";
  };
  for (const std::string name : {"a.json", "a.jsonl"}) {
    CAPTURE(name);
    CHECK(load({write(folder, "fits_" + name, object(identity::largest_identity_bytes))}).ids == Ids{"S"});
    const Loaded over = load({write(folder, "over_" + name, object(identity::largest_identity_bytes + 1))});
    CHECK(over.ids.empty());
    CHECK(over.invalid == 1);
    CHECK(holds(over.problems, "over_" + name + ":1: "));
    CHECK(holds(over.problems, "may be at most 65536 bytes"));
  }
}

TEST_CASE("an id is used once in all files together") {
  const TemporaryFolder folder;
  write(folder, "a.json", R"({"id": "X"})");
  write(folder, "b.json", "\n[{\"id\": \"Y\"},\n {\"id\": \"X\"}]");
  write(folder, "c.jsonl", "{\"id\": \"Z\"}\n{\"id\": \"Y\"}\n");
  const Loaded loaded = load({folder.path()});
  const std::string place = folder.path().string() + "/";
  CHECK(loaded.ids == Ids{"X", "Y", "Z"});
  CHECK(loaded.invalid == 2);
  CHECK(loaded.problems == place + "b.json:3: id 'X' is already used in " + place + "a.json:1\n" + place +
                               "c.jsonl:2: id 'Y' is already used in " + place + "b.json:2");
}

TEST_CASE("problems come in file order, whether found by the parser or as a duplicate") {
  const TemporaryFolder folder;
  const fs::path path =
      write(folder, "a.jsonl", "{\"id\": 1}\n{\"id\": \"X\"}\n{\"id\": \"X\"}\n{\"id\": 2}\n");
  const std::string problems = load({path}).problems;
  const auto at = [&](const std::string& line) { return problems.find("a.jsonl:" + line + ": "); };
  CHECK(at("1") < at("3"));
  CHECK(at("3") < at("4"));
  CHECK(at("4") != std::string::npos);
}

TEST_CASE("unknown keys are not problems and are named once") {
  const TemporaryFolder folder;
  write(folder, "a.json", R"({"id": "A", "zone": [1, {"id": 2}], "normal_parameters":
    {"pressure": {"mean": 1}, "voltage": {"average": 12}}})");
  write(folder, "b.jsonl", "{\"id\": \"B\", \"zone\": null}\n{\"id\": \"C\", \"owner\": \"x\"}\n");
  const Loaded loaded = load({folder.path()});
  CHECK(loaded.problems == "");
  CHECK(loaded.ids == Ids{"A", "B", "C"});
  CHECK(loaded.unknown_keys ==
        Ids{"normal_parameters.pressure", "normal_parameters.voltage.average", "owner", "zone"});
}

TEST_CASE("nesting of 100,000 levels is refused at once") {
  const TemporaryFolder folder;
  const std::string arrays(100'000, '[');
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  for (const std::string& text : {arrays, objects, "{\"id\": \"S\", \"x\": " + arrays}) {
    for (const std::string name : {"deep.json", "deep.jsonl"}) {
      const auto begin = std::chrono::steady_clock::now();
      const Loaded loaded = load({write(folder, name, text)});
      CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
      CHECK(loaded.ids.empty());
      // An array in an array is a mistake of its own.
      CHECK(loaded.invalid == (name == "deep.json" && text == arrays ? 2 : 1));
      const bool too_long_a_line = name == "deep.jsonl";
      CHECK_MESSAGE(holds(loaded.problems, too_long_a_line ? "a line may be" : "nested deeper than 8 levels"),
                    loaded.problems);
    }
  }
  const Loaded line =
      load({write(folder, "a.jsonl", "{\"x\": " + std::string(9, '[') + "\n{\"id\": \"S\"}\n")});
  CHECK(holds(line.problems, "a.jsonl:1: nested deeper than 8 levels"));
  CHECK(line.ids == Ids{"S"});
}

TEST_CASE("a file of ten gigabytes is refused by its size") {
  const TemporaryFolder folder;
  for (const std::string name : {"huge.json", "huge.jsonl"}) {
    fs::resize_file(write(folder, name, ""), 10'000'000'000);
    const Loaded loaded = load({folder.path() / name});
    CHECK(loaded.problems ==
          (folder.path() / name).string() +
              ": is 10000000000 bytes long: split it into files of at most 1073741824 bytes");
    CHECK(loaded.files == 0);
  }
}

TEST_CASE("what is no regular file is refused without waiting for it") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder.path() / "fifo.json").c_str(), 0600) == 0);
  REQUIRE(::mkfifo((folder.path() / "fifo.jsonl").c_str(), 0600) == 0);
  fs::create_directory(folder.path() / "folder.json");  // is a folder, whatever its name
  fs::create_symlink("/dev/zero", folder.path() / "zero.json");
  fs::create_symlink("nowhere", folder.path() / "broken.json");
  const Loaded loaded = load({folder.path()});
  const std::string place = folder.path().string() + "/";
  CHECK(loaded.invalid == 4);
  CHECK(holds(loaded.problems, place + "broken.json: cannot be read: No such file or directory"));
  CHECK(holds(loaded.problems, place + "fifo.json: is not a regular file"));
  CHECK(holds(loaded.problems, place + "fifo.jsonl: is not a regular file"));
  CHECK(holds(loaded.problems, place + "zero.json: is not a regular file"));
}

TEST_CASE("a missing path and a folder without identities are problems with a remedy") {
  const TemporaryFolder folder;
  const fs::path missing = folder.path() / "missing";
  CHECK(load({missing}).problems == missing.string() + ": cannot be read: No such file or directory");
  write(folder, "readme.txt", "{}");
  write(folder, ".hidden.json", "{}");
  const std::string none = load({folder.path()}).problems;
  CHECK(holds(none, folder.path().string() + ": the folder has no .json or .jsonl file"));
  CHECK(holds(none, "fleet-sim generate --preset demo"));
}

TEST_CASE("links to files are followed and hidden entries are not, as in a mounted ConfigMap") {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "..data");
  write(folder, "..data/a.json", R"({"id": "A"})");
  fs::create_symlink("..data/a.json", folder.path() / "a.json");
  const Loaded loaded = load({folder.path()});
  CHECK(loaded.problems == "");
  CHECK(loaded.ids == Ids{"A"});
}

TEST_CASE("subfolders and endings in capitals are read, and what is passed over is counted") {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "Halle 2" / "deep");
  fs::create_directories(folder.path() / ".git");
  write(folder, "a.JSON", R"({"id": "A"})");
  write(folder, "Halle 2/b.Jsonl", "{\"id\": \"B\"}\n{\"id\": \"B2\"}\n");
  write(folder, "Halle 2/deep/c.json", R"({"id": "C"})");
  write(folder, ".git/d.json", R"({"id": "D"})");
  write(folder, "notes.txt", "");
  write(folder, "Halle 2/b.json.gz", "");
  fs::create_directory_symlink("..", folder.path() / "Halle 2" / "loop");
  Problems problems;
  const auto loaded = identity::load_identities({folder.path()}, problems);
  CHECK(problems.text() == "");
  CHECK(load({folder.path()}).ids == Ids{"B", "B2", "C", "A"});
  CHECK(loaded.files == 3);
  CHECK(identity::text_of(loaded.passed_over) ==
        "skipped 4 entries in identity folders: 2 without the ending .json or .jsonl (b.json.gz, notes.txt), "
        "1 hidden, 1 already read under another name");
  CHECK(load({folder.path(), folder.path() / "Halle 2"}).ids.size() == 4);
  write(folder, "Halle 2/deep/c.json", "{");
  CHECK(
      load({folder.path()}).problems.starts_with((folder.path() / "Halle 2/deep/c.json").string() + ":1: "));
}

TEST_CASE("many files load in the order of their names, again and again the same") {
  const TemporaryFolder folder;
  Ids expected;
  for (int i = 1'000; i < 2'000; ++i) {
    const std::string number = std::to_string(i);
    write(folder, number + ".json", i % 7 == 0 ? "{\"id\": 0}" : "{\"id\": \"S" + number + "\"}");
    if (i % 7 != 0) expected.push_back("S" + number);
  }
  const Loaded first = load({folder.path()});
  const Loaded second = load({folder.path()});
  CHECK(first.ids == expected);
  CHECK(second.ids == expected);
  CHECK(first.files == 1'000);
  CHECK(first.problem_count == 1'000 - expected.size());
  CHECK(first.problems == second.problems);
  CHECK(holds(first.problems, "1001.json:1: "));
}

TEST_CASE("a long file of lines is cut into slices that keep order and line numbers") {
  const TemporaryFolder folder;
  std::string text = "\xEF\xBB\xBF";
  const std::string padding(100, 'x');
  for (int i = 1; i <= 20'000; ++i) {
    text += "{\"id\": \"S" + std::to_string(i) + "\", \"location\": \"" + padding + "\"}\n";
    if (i == 7'000) text += std::string(3'000'000, 'y') + "\n";  // line 7001
  }
  text += "{\"id\": 1}";  // line 20002
  const Loaded loaded = load({write(folder, "long.jsonl", text)});
  REQUIRE(loaded.ids.size() == 20'000);
  for (std::size_t i = 0; i < loaded.ids.size(); ++i) REQUIRE(loaded.ids[i] == "S" + std::to_string(i + 1));
  CHECK(loaded.files == 1);
  CHECK(loaded.invalid == 2);
  CHECK(holds(loaded.problems, "long.jsonl:7001: a line may be at most 65536 bytes"));
  CHECK(holds(loaded.problems, "long.jsonl:20002: id must be text in quotes"));
}

TEST_CASE("a long array is read piece by piece with the right lines") {
  const TemporaryFolder folder;
  std::string text = "[\n";
  for (int i = 1; i <= 20'000; ++i)
    text += "{\"id\": \"S" + std::to_string(i) + "\", \"note\": \"xxxxxxxxxxxxxxxxx\"},\n";
  text += "{\"id\": \"S1\"},\n{\"id\": false}\n]";
  const Loaded loaded = load({write(folder, "long.json", text)});
  REQUIRE(loaded.ids.size() == 20'000);
  CHECK(loaded.ids.front() == "S1");
  CHECK(loaded.ids.back() == "S20000");
  CHECK(holds(loaded.problems, "long.json:20002: id 'S1' is already used in "));
  CHECK(holds(loaded.problems, "long.json:20003: id must be text in quotes, not false"));
}

TEST_CASE("texts in messages cannot harm a terminal") {
  CHECK(printable("a\x1b[31m\n") == "a?[31m?");
  CHECK(printable("ßßß", 3) == "ß...");
  const TemporaryFolder folder;
  const std::string problems = load({write(folder, "a.json", "{\"id\": \"S\", \"type\": \x1b}")}).problems;
  CHECK(holds(problems, "not valid JSON"));
  CHECK(problems.find('\x1b') == std::string::npos);
}

TEST_CASE("what is written reads back as it was, on one line and pretty") {
  identity::IdentityRecord record;
  record.id = "S";
  record.overrides.rate = 0.1;
  record.overrides.normal_parameters["voltage"] = {12.5, std::nullopt, -1e-7, std::nullopt};
  std::string line;
  identity::append_json_line(line, record);
  CHECK(line ==
        R"({"id": "S", "type": "temperature_vibration", "location": "Factory A - Line 1", )"
        R"("manufacturer": "SensorTech", "model": "TempVibe-2000", "firmware_version": "1.3", )"
        R"("readings_per_second": 0.1, "normal_parameters": {"voltage": {"mean": 12.5, "min": -1e-07}}})");
  std::string pretty;
  identity::append_pretty_json(pretty, record);
  for (const std::string& text : {line, pretty}) {
    identity::IdentityFindings findings;
    identity::parse_identity_document(text, *types::built_in_types(), findings);
    REQUIRE(findings.identities.size() == 1);
    CHECK(findings.identities[0].record.overrides == record.overrides);
  }
}

}  // namespace fleet_sim::identity_test
