// Generated fleets: the demo as documented, drawn fleets that are reproducible, and files that are never
// replaced.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "app/generate_command.h"
#include "base/problems.h"
#include "identity/identity_json.h"
#include "identity/load_identities.h"
#include "support/temporary_folder.h"

namespace fleet_sim::generate_test {

using namespace fleet_sim::test;

namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

std::string json_line(const identity::IdentityRecord& record) {
  std::string line;
  identity::append_json_line(line, record);
  return line;
}

app::GenerateOptions drawn(std::uint64_t count, const std::string& out) {
  app::GenerateOptions options;
  options.count = count;
  options.out = out;
  return options;
}

app::GenerateOptions demo(const std::string& out) {
  app::GenerateOptions options;
  options.demo = true;
  options.out = out;
  return options;
}

// What the mix in `text` is refused with.
std::string mix_problems(const std::string& text) {
  const TemporaryFolder folder;
  write((folder / "mix.yaml"), text);
  Problems problems;
  generate::load_mix((folder / "mix.yaml"), problems);
  const std::string all = problems.text();
  return all.starts_with((folder / "")) ? all.substr((folder / "").size()) : all;
}

std::string refusal(const app::GenerateOptions& options) {
  try {
    app::generate_command(options);
  } catch (const InvalidInput& error) {
    return error.what();
  }
  return "";
}

// The error of writing JSON lines to this descriptor, which it closes, as standard output.
std::string failure_writing_to(int descriptor) {
  std::string error;
  const int before = ::dup(STDOUT_FILENO);
  ::dup2(descriptor, STDOUT_FILENO);
  ::close(descriptor);
  try {
    app::generate_command(drawn(10, "-"));
  } catch (const std::runtime_error& failure) {
    error = failure.what();
  }
  ::dup2(before, STDOUT_FILENO);
  ::close(before);
  return error;
}

// Makes writes past this many bytes of a file fail, as a full disk would.
class LimitedFileSize {
 public:
  explicit LimitedFileSize(rlim_t bytes) : signal_before_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  LimitedFileSize(const LimitedFileSize&) = delete;
  LimitedFileSize& operator=(const LimitedFileSize&) = delete;
  ~LimitedFileSize() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_before_);
  }

 private:
  rlimit before_{};
  void (*signal_before_)(int);
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the demo is the fifteen documented sensors") {
  using Row = std::tuple<std::string, std::string, std::string, std::string, std::string, std::string>;
  const std::vector<Row> expected{
      {"factory_old_1.json", "FACTORY_1_OLD", "Factory A - Line 1", "SensorTech", "TempVibe-2000", "1.3"},
      {"factory_old_2.json", "FACTORY_2_OLD", "Factory A - Line 2", "SensorTech", "TempVibe-2000", "1.3"},
      {"factory_old_3.json", "FACTORY_3_OLD", "Factory A - Line 3", "SensorTech", "TempVibe-2000", "1.3"},
      {"factory_old_4.json", "FACTORY_4_OLD", "Factory A - Line 4", "SensorTech", "TempVibe-2000", "1.3"},
      {"factory_old_5.json", "FACTORY_5_OLD", "Factory A - Line 5", "SensorTech", "TempVibe-2000", "1.3"},
      {"factory_new_1.json", "FACTORY_1_NEW", "Factory A - Line 1", "SensorTech", "TempVibe-2000", "1.4"},
      {"factory_new_2.json", "FACTORY_2_NEW", "Factory A - Line 2", "SensorTech", "TempVibe-2000", "1.4"},
      {"factory_new_3.json", "FACTORY_3_NEW", "Factory A - Line 3", "SensorTech", "TempVibe-2000", "1.4"},
      {"factory_new_4.json", "FACTORY_4_NEW", "Factory A - Line 4", "SensorTech", "TempVibe-2000", "1.4"},
      {"factory_new_5.json", "FACTORY_5_NEW", "Factory A - Line 5", "SensorTech", "TempVibe-2000", "1.4"},
      {"warehouse_1.json", "WAREHOUSE_1", "Warehouse B - Section 1", "DataSense", "TempVibe-1000", "1.3"},
      {"warehouse_2.json", "WAREHOUSE_2", "Warehouse B - Section 2", "DataSense", "TempVibe-2000", "1.3"},
      {"warehouse_3.json", "WAREHOUSE_3", "Warehouse B - Section 3", "DataSense", "TempVibe-3000", "1.3"},
      {"outdoor_1.json", "OUTDOOR_1", "Outdoor - Area 1", "VibrationPlus", "TempVibe-3000", "1.4"},
      {"outdoor_2.json", "OUTDOOR_2", "Outdoor - Area 2", "VibrationPlus", "TempVibe-3000", "1.4"},
  };
  const generate::PlannedFleet demo = generate::demo_fleet();
  REQUIRE(demo.size == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const identity::IdentityRecord r = demo.record(i);
    CHECK(Row{demo.file_name(i), r.id, r.location, r.manufacturer, r.model, r.firmware_version} ==
          expected[i]);
    CHECK(r.type == "temperature_vibration");
  }
}

TEST_CASE("the shipped identities are what the demo preset writes, and they load") {
  const TemporaryFolder folder;
  const fs::path shipped = fs::path(FLEET_SIM_SOURCE_DIR) / "identities";
  CHECK(app::generate_command(demo((folder / "new/demo"))) == 0);
  CHECK(entries((folder / "new/demo")) == 15);
  CHECK(entries(shipped) == 15);
  const generate::PlannedFleet planned = generate::demo_fleet();
  for (std::uint64_t i = 0; i < planned.size; ++i) {
    const std::string name = planned.file_name(i);
    CAPTURE(name);
    CHECK(bytes_of(shipped / name) == bytes_of(folder.path() / "new/demo" / name));
  }
  Problems problems;
  CHECK(identity::load_identities({shipped}, problems).roster.size() == 15);
  CHECK(problems.text() == "");
}

TEST_CASE("the file of a generated sensor has its id as its name, as far as a name can") {
  const auto name_with = [](const std::string& id) {
    generate::Mix mix = generate::default_mix();
    mix.id = id;
    return generate::drawn_fleet(mix, 1, 20).file_name(6);
  };
  CHECK(generate::drawn_fleet(generate::default_mix(), 1, 20).file_name(6) == "SENSOR_000007.json");
  CHECK(name_with("plant-{n}.a") == "plant-000007.a.json");
  CHECK(name_with("a/b {n}") == "a_b_000007.json");
  CHECK(name_with(".hidden{n}") == "_hidden000007.json");
  CHECK(name_with(std::string(250, 'x') + "{n}") == "sensor_000007.json");
}

TEST_CASE("a generated sensor depends on the seed and its number alone") {
  const generate::Mix mix = generate::default_mix();
  CHECK(json_line(generate::generated_identity(mix, 1, 7, 100)) ==
        json_line(generate::generated_identity(mix, 1, 7, 999'999)));
  // The same on every machine, today and later.
  CHECK(json_line(generate::generated_identity(mix, 1, 7, 100)) ==
        R"({"id": "SENSOR_000007", "type": "temperature_vibration", "location": "Warehouse B - Section 3", )"
        R"("manufacturer": "VibrationPlus", "model": "TempVibe-2000", "firmware_version": "1.4"})");
  std::size_t different = 0;
  for (std::uint64_t number = 1; number <= 100; ++number) {
    const auto one = generate::generated_identity(mix, 1, number, 100);
    const auto other = generate::generated_identity(mix, 2, number, 100);
    CHECK(one.id == other.id);
    if (json_line(one) != json_line(other)) ++different;
  }
  CHECK(different > 90);
}

TEST_CASE("numbers are padded to six digits, or to those of the count") {
  const generate::Mix mix = generate::default_mix();
  CHECK(generate::generated_identity(mix, 1, 42, 100).id == "SENSOR_000042");
  CHECK(generate::generated_identity(mix, 1, 42, 1'000'000).id == "SENSOR_0000042");
}

TEST_CASE("choices occur as often as their weights say and ranges are covered evenly") {
  generate::Mix mix = generate::default_mix();
  mix.location = {{"Hall {2-5}", 3}, {"Yard", 1}, {"Never", 0}};
  mix.readings_per_second = {{1, 9}, {0.1, 1}};
  std::map<std::string, int> locations;
  int slow = 0;
  constexpr int sensors = 16'000;
  for (std::uint64_t number = 1; number <= sensors; ++number) {
    const auto record = generate::generated_identity(mix, 1, number, sensors);
    ++locations[record.location];
    if (record.overrides.rate == 0.1) ++slow;
  }
  // Each is a binomial count; five standard deviations are below 300.
  CHECK(locations.size() == 5);
  for (const std::string hall : {"Hall 2", "Hall 3", "Hall 4", "Hall 5"}) {
    CHECK(locations[hall] == doctest::Approx(3'000).epsilon(0.1));
  }
  CHECK(locations["Yard"] == doctest::Approx(4'000).epsilon(0.075));
  CHECK(slow == doctest::Approx(1'600).epsilon(0.12));
}

TEST_CASE("a folder and a .jsonl file hold the same sensors in the same order") {
  const TemporaryFolder folder;
  CHECK(app::generate_command(drawn(10'000, (folder / "fleet.jsonl"))) == 0);
  CHECK(app::generate_command(drawn(10'000, (folder / "fleet"))) == 0);
  CHECK(fs::exists((folder / "fleet/SENSOR_000001.json")));
  CHECK(entries(folder.path()) == 2);
  CHECK(entries((folder / "fleet")) == 10'000);
  Problems problems;
  const auto lines = identity::load_identities({(folder / "fleet.jsonl")}, problems);
  const auto files = identity::load_identities({(folder / "fleet")}, problems);
  CHECK(problems.text() == "");
  REQUIRE(lines.roster.size() == 10'000);
  REQUIRE(files.roster.size() == 10'000);
  const generate::Mix mix = generate::default_mix();
  for (std::size_t i = 0; i < 10'000; ++i) {
    const auto expected = generate::generated_identity(mix, 1, i + 1, 10'000);
    for (const identity::Roster* roster : {&lines.roster, &files.roster}) {
      REQUIRE((*roster)[i].id == expected.id);
      REQUIRE(roster->text((*roster)[i].location) == expected.location);
      REQUIRE(roster->text((*roster)[i].firmware_version) == expected.firmware_version);
    }
  }
}

TEST_CASE("what is already there is left alone, and replaced never") {
  const TemporaryFolder folder;
  app::generate_command(drawn(20, (folder / "fleet")));
  app::generate_command(drawn(20, (folder / "fleet.jsonl")));
  CHECK(refusal(drawn(20, (folder / "fleet"))) == "");
  CHECK(refusal(drawn(20, (folder / "fleet.jsonl"))) == "");

  CHECK(holds(refusal(drawn(21, (folder / "fleet.jsonl"))),
              "fleet.jsonl: already exists and holds something else"));
  CHECK(holds(refusal(drawn(19, (folder / "fleet.jsonl"))),
              "fleet.jsonl: already exists and holds something else"));

  write((folder / "fleet/SENSOR_000025.json"), "mine");
  const std::string refused = refusal(drawn(30, (folder / "fleet")));
  CHECK(holds(refused, (folder / "fleet/SENSOR_000025.json")));
  CHECK(holds(refused, "choose another name"));
  CHECK(bytes_of((folder / "fleet/SENSOR_000025.json")) == "mine");
  CHECK(entries((folder / "fleet")) == 21);  // nothing was written before the refusal
}

TEST_CASE("a link is not followed out of the folder") {
  const TemporaryFolder folder;
  fs::create_symlink("elsewhere", (folder / "fleet.jsonl"));
  CHECK(holds(refusal(drawn(1, (folder / "fleet.jsonl"))), "exists and holds something else"));
  CHECK_FALSE(fs::exists((folder / "elsewhere")));
}

TEST_CASE("impossible requests are refused with a reason") {
  const TemporaryFolder folder;
  CHECK(holds(refusal(drawn(0, (folder / "fleet"))), "--count must be from 1 to 16000000, not 0"));
  CHECK(holds(refusal(drawn(identity::most_identities + 1, (folder / "fleet"))), "not 16000001"));
  CHECK(holds(refusal(drawn(1, (folder / "fleet.json"))), "choose a .jsonl file, or a folder"));
  CHECK(holds(refusal(drawn(1, "")), "--out must name"));
  write((folder / "file"), "");
  CHECK(holds(refusal(drawn(1, (folder / "file"))), "cannot be used as a folder"));
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a file that cannot be finished is an error with its path, and leaves no remains") {
  const TemporaryFolder folder;
  const LimitedFileSize limited(100);
  for (const std::string out : {"fleet.jsonl", "fleet"}) {
    CHECK_THROWS_WITH_AS(app::generate_command(drawn(10, (folder / out))),
                         doctest::Contains("cannot be written: File too large"), std::runtime_error);
  }
  // Large enough for several slices to be under way: sanitized, this finds those that nobody owns.
  CHECK_THROWS_WITH_AS(app::generate_command(drawn(50'000, (folder / "large.jsonl"))),
                       doctest::Contains("cannot be written: File too large"), std::runtime_error);
  CHECK(entries((folder / "fleet")) == 0);
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a reader that goes away or a full device is an error, not a signal") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  CHECK(failure_writing_to(ends[1]) == "standard output: cannot be written: Broken pipe");
  const int full = ::open("/dev/full", O_WRONLY);
  REQUIRE(full >= 0);
  CHECK(failure_writing_to(full) == "standard output: cannot be written: No space left on device");
}

TEST_CASE("a mix replaces what it names and keeps the rest") {
  const TemporaryFolder folder;
  write((folder / "mix.yaml"),
        "id: \"PUMP-{n}-A\"\n"
        "location: {\"Hall {1-1}\": 1}\n"
        "firmware_version:\n  \"2.0\": 1\n"
        "readings_per_second: {0.25: 1}\n");
  Problems problems;
  const generate::Mix mix = generate::load_mix((folder / "mix.yaml"), problems);
  CHECK(problems.text() == "");
  const auto record = generate::generated_identity(mix, 5, 3, 10);
  CHECK(record.id == "PUMP-000003-A");
  CHECK(record.location == "Hall 1");
  CHECK(record.firmware_version == "2.0");
  CHECK(record.overrides.rate == 0.25);
  CHECK(mix.model.size() == generate::default_mix().model.size());

  app::GenerateOptions options = drawn(3, (folder / "fleet.jsonl"));
  options.mix = (folder / "mix.yaml");
  CHECK(app::generate_command(options) == 0);
  CHECK(holds(bytes_of((folder / "fleet.jsonl")), "\"PUMP-000002-A\""));
}

TEST_CASE("mistakes in a mix are named with their line") {
  CHECK(mix_problems("model: {A: 1}\nfirmwares: {\"1.3\": 1}\n")
            .starts_with("mix.yaml:2: unknown key 'firmwares'"));
  CHECK(holds(mix_problems("modle: {A: 1}\n"), "did you mean 'model'?"));
  CHECK(
      mix_problems("model:\n  A: 1\n  B: -1\n").starts_with("mix.yaml:3: model: the weight of 'B' must be"));
  CHECK(holds(mix_problems("model: {A: .nan}\n"), "must be a number of 0 or more"));
  CHECK(holds(mix_problems("model: {A: .inf}\n"), "must be a number of 0 or more"));
  CHECK(holds(mix_problems("model: {A: 0, B: 0}\n"), "must add up to a number above 0"));
  CHECK(holds(mix_problems("model: A\n"), "must list choices"));
  CHECK(holds(mix_problems("model: {}\n"), "must list choices"));
  CHECK(holds(mix_problems("model: {A: 1, A: 2}\n"), "mix.yaml:1: "));
  CHECK(holds(mix_problems("id: SENSOR\n"), "id must contain {n}"));
  CHECK(holds(mix_problems("id: \"{n}{n}\"\n"), "once"));
  CHECK(holds(mix_problems("location: {\"Line {5-1}\": 1}\n"), "must write a range as {1-20}"));
  CHECK(holds(mix_problems("location: {\"Line {1..9}\": 1}\n"), "must write a range as {1-20}"));
  CHECK(holds(mix_problems("readings_per_second: {0: 1}\n"), "above 0 and at most 1000000"));
  CHECK(holds(mix_problems("- 1\n"), "must have keys"));
  CHECK(holds(mix_problems("model: {A: 1\n"), "mix.yaml:"));
  CHECK(holds(mix_problems(std::string(generate::largest_mix_file_bytes + 1, '#')), "larger than"));
  app::GenerateOptions options = drawn(1, "-");
  options.mix = "/nowhere/mix.yaml";
  CHECK(holds(refusal(options), "/nowhere/mix.yaml: does not exist"));
}

}  // namespace fleet_sim::generate_test
