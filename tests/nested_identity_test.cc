// Identities in the nested forms of other simulators: which of their keys are ours under another name, what
// is kept beside them, and what is wrong with them. The files are made for these tests.
#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "identity/identity_changes.h"
#include "identity/identity_json.h"
#include "identity/identity_parser.h"
#include "identity/load_identities.h"
#include "support/rosters.h"
#include "support/temporary_folder.h"

namespace fleet_sim::nested_identity_test {

using namespace fleet_sim::test;

namespace {

struct Parsed {
  identity::IdentityRecord record;  // the first
  std::size_t records = 0;
  std::vector<std::string> mistakes;
  std::vector<std::string> unknown_keys;
};

Parsed parse(const std::string& text) {
  identity::IdentityFindings findings;
  identity::parse_identity_document(text, *types::built_in_types(), findings);
  Parsed parsed;
  parsed.records = findings.identities.size();
  if (parsed.records > 0) parsed.record = findings.identities.front().record;
  for (const identity::IdentityMistake& mistake : findings.mistakes) {
    parsed.mistakes.push_back(std::to_string(mistake.line) + ": " + mistake.text);
  }
  parsed.unknown_keys = {findings.unknown_keys.begin(), findings.unknown_keys.end()};
  return parsed;
}

std::string only_mistake(const std::string& text) {
  const Parsed parsed = parse(text);
  CHECK(parsed.records == 0);
  REQUIRE(parsed.mistakes.size() == 1);
  return parsed.mistakes.front();
}

using Texts = std::vector<std::string>;

constexpr const char* nested = R"({
  "sensor_id": "BAY_7",
  "location": {"city": "Lyon", "state": "ARA", "coordinates": {"latitude": 45.76, "longitude": 4.84},
               "timezone": "Europe/Paris", "address": "Quai 7, Lyon"},
  "device_info": {"manufacturer": "DataSense", "model": "TempVibe-3000", "firmware_version": "1.4",
                  "serial_number": "DS-0042", "manufacture_date": "2025-01-31"},
  "deployment": {"height_meters": 8.30, "tags": ["roof", null, true]},
  "metadata": {"generation_seed": 123456789012345678901234567890123456789}
})";

}  // namespace

TEST_CASE("the nested form of another simulator fills our fields, and the rest is kept as it was written") {
  const Parsed parsed = parse(nested);
  CHECK(parsed.mistakes == Texts{});
  REQUIRE(parsed.records == 1);
  const identity::IdentityRecord& record = parsed.record;
  CHECK(record.id == "BAY_7");
  CHECK(record.type == "temperature_vibration");
  CHECK(record.location == "Lyon");
  CHECK(record.manufacturer == "DataSense");
  CHECK(record.model == "TempVibe-3000");
  CHECK(record.firmware_version == "1.4");
  CHECK(record.details.serial_number == "DS-0042");
  CHECK(record.overrides.time_zone == "Europe/Paris");
  CHECK(record.details.latitude == 45.76);
  CHECK(record.details.longitude == 4.84);
  CHECK(record.details.extras ==
        R"({"location":{"state":"ARA","address":"Quai 7, Lyon"},)"
        R"("device_info":{"manufacture_date":"2025-01-31"},)"
        R"("deployment":{"height_meters":8.30,"tags":["roof",null,true]},)"
        R"("metadata":{"generation_seed":123456789012345678901234567890123456789}})");
  CHECK(parsed.unknown_keys ==
        Texts{"deployment", "device_info.manufacture_date", "location.state", "metadata"});
}

TEST_CASE("what was kept is written and read back as it was") {
  for (const char* text :
       {nested,
        R"({"id": "A", "latitude": -1e-3, "extras": {"a": {"extras": 1}}, "b": "\u0001\ud83d\ude00/"})",
        R"({"id": "A", "a": {"b": {"c": {"d": {"e": {"f": {}}}}}}})"}) {
    const Parsed parsed = parse(text);
    REQUIRE(parsed.records == 1);
    std::string line;
    identity::append_json_line(line, parsed.record);
    const Parsed again = parse(line);
    CHECK(again.mistakes == Texts{});
    REQUIRE(again.records == 1);
    CHECK(again.record.details == parsed.record.details);
    CHECK(again.record.location == parsed.record.location);
  }
}

TEST_CASE("an identity as long as may be, all of it to keep, can be recorded and read again") {
  const std::string begin = R"({"id":"S","a":")";
  const std::string text =
      begin + std::string(identity::largest_identity_bytes - begin.size() - 2, 'x') + "\"}";
  const Parsed parsed = parse(text);
  REQUIRE(parsed.records == 1);
  std::string line;
  identity::append_json_line(line, parsed.record);
  CHECK(line.size() > identity::largest_identity_bytes);
  identity::IdentityFindings findings;
  identity::parse_identity_lines(line, 1, *types::built_in_types(), findings,
                                 identity::largest_recorded_bytes);
  REQUIRE(findings.identities.size() == 1);
  CHECK(findings.identities.front().record.details == parsed.record.details);
}

TEST_CASE("a place and an area make a location") {
  const auto location = [](const std::string& object) {
    const Parsed parsed = parse(R"({"id": "A", "location": )" + object + "}");
    CHECK(parsed.mistakes == Texts{});
    return parsed.record.location + "|" + parsed.record.details.extras;
  };
  CHECK(location(R"({"site": "Factory A", "zone": "Line 1"})") == "Factory A - Line 1|");
  CHECK(location(R"({"zone": "Line 1", "site": "Factory A"})") == "Factory A - Line 1|");
  CHECK(location(R"({"city": "Oslo"})") == "Oslo|");
  CHECK(location(R"({"city": "Oslo", "site": "Plant 2", "zone": "B"})") ==
        R"(Plant 2 - B|{"location":{"city":"Oslo"}})");
  CHECK(location(R"({"building": "Warehouse B", "section": "Section 1", "floor": 3})") ==
        R"(Warehouse B - Section 1|{"location":{"floor":3}})");
  CHECK(location(R"({"zone": "B"})") == "B|");
  CHECK(location(R"({"city": null, "address": {"street": "Quai 7"}, "latitude": 1})") ==
        R"(Factory A - Line 1|{"location":{"address":{"street":"Quai 7"}}})");
}

TEST_CASE("common spellings of an id are read, and another device's id does not take its place") {
  for (const std::string key :
       {"id", "sensor_id", "sensorId", "device_id", "deviceId", "node_id", "nodeId"}) {
    CAPTURE(key);
    const Parsed parsed = parse("{\"" + key + "\": \"X\"}");
    CHECK(parsed.record.id == "X");
    CHECK(parsed.record.details.extras.empty());
  }
  const Parsed both = parse(R"({"device_id": "gateway", "id": "X", "sensor_id": "X"})");
  CHECK(both.record.id == "X");
  CHECK(both.record.details.extras == R"({"device_id":"gateway"})");
  CHECK(parse(R"({"id": "X", "device_id": 7})").record.details.extras == R"({"device_id":7})");
}

TEST_CASE("what a flat and a nested key both say must be the same") {
  const std::string device = R"("device_info": {"model": "A", "firmware": "1.4"}})";
  CHECK(parse(R"({"id": "X", "model": "A", )" + device).records == 1);
  CHECK(only_mistake("{\"id\": \"X\",\n\"model\": \"B\", " + device) ==
        R"(2: model "B" and device_info.model "A" differ: keep one (sensor 'X'))");
  CHECK(only_mistake(R"({"id": "X", "sensor_id": "Y"})") ==
        R"(1: id "X" and sensor_id "Y" differ: keep one (sensor 'X'))");
  CHECK(only_mistake(R"({"id": "X", "location": {"latitude": 2, "coordinates": {"lat": 2.5}}})") ==
        "1: location.latitude 2 and location.coordinates.lat 2.5 differ: keep one (sensor 'X')");
  const std::string same_beginning(50, 'z');
  CHECK(parse(R"({"id": "X", "timezone": ")" + same_beginning + R"(1", "location": {"timezone": ")" +
              same_beginning + R"(2"}})")
            .records == 0);
}

TEST_CASE("a wrong type inside a nested form is named with its path and its sensor") {
  const auto in_location = [](const std::string& member) {
    return only_mistake(R"({"location": {)" + member + R"(}, "sensor_id": "X"})");
  };
  CHECK(in_location(R"("city": 5)") ==
        R"(1: location.city must be text in quotes, not the number 5: write "5" (sensor 'X'))");
  CHECK(in_location(R"("zone": ["a"])") ==
        "1: location.zone must be text in quotes, not an array (sensor 'X')");
  CHECK(
      in_location(R"("coordinates": [1, 2])") ==
      R"(1: location.coordinates must be an object such as {"latitude": 48.14, "longitude": 11.58}, not an )"
      R"(array (sensor 'X'))");
  CHECK(in_location(R"("coordinates": {"latitude": "45.7"})") ==
        R"(1: location.coordinates.latitude must be a number of degrees from -90 to 90, not the text "45.7" )"
        R"((sensor 'X'))");
  CHECK(
      in_location(R"("longitude": 181)") ==
      "1: location.longitude must be a number of degrees from -180 to 180, not the number 181 (sensor 'X')");
  CHECK(only_mistake(R"({"id": "X", "device_info": "DataSense"})") ==
        R"(1: device_info must be an object such as {"model": "TempVibe-2000", "firmware_version": "1.3"}, )"
        R"(not the text "DataSense" (sensor 'X'))");
  CHECK(
      only_mistake(R"({"id": "X", "device_info": {"firmware_version": 1.4}})") ==
      R"(1: device_info.firmware_version must be text in quotes, not the number 1.4: write "1.4" (sensor 'X'))");
  CHECK(only_mistake(R"({"sensor_id": 5})") ==
        R"(1: sensor_id must be text in quotes, not the number 5: write "5")");
  CHECK(only_mistake(R"({"id": "X", "extras": 5})") ==
        "1: extras must be an object of values to keep, not the number 5 (sensor 'X')");
  CHECK(only_mistake(R"({"id": "X", "a": 1, "extras": {"a": 2}})") ==
        R"(1: the key "a" is both in extras and beside it: keep one (sensor 'X'))");
}

TEST_CASE("of what may be left out, null says nothing") {
  const Parsed parsed = parse(R"({"id": "X", "serial_number": null, "device_info": null,
      "location": {"city": "Oslo", "timezone": null, "coordinates": null}})");
  CHECK(parsed.mistakes == Texts{});
  CHECK(parsed.record.location == "Oslo");
  CHECK(parsed.record.details == identity::IdentityDetails());
}

TEST_CASE("a key that is nearly ours is kept, and named with the one that may be meant") {
  const Parsed parsed = parse(
      R"({"id": "X", "reading_per_second": 5, "firmwareVersion": "1.4", "firmware": "1.4", "owner": "me",
      "location": {"citty": "Oslo"}, "normal_parameters": {"voltages": {}, "voltage": {"meen": 1}}})");
  CHECK(parsed.mistakes == Texts{});
  CHECK(parsed.unknown_keys ==
        Texts{"firmware (did you mean 'firmware_version'?)",
              "firmwareVersion (did you mean 'firmware_version'?)",
              "location.citty (did you mean 'location.city'?)",
              "normal_parameters.voltage.meen (did you mean 'normal_parameters.voltage.mean'?)",
              "normal_parameters.voltages (did you mean 'normal_parameters.voltage'?)", "owner",
              "reading_per_second (did you mean 'readings_per_second'?)"});
  CHECK(only_mistake(R"({"ID": "X"})") ==
        R"(1: id is missing: every identity needs a unique one (did you mean 'id' by "ID"?))");
  CHECK(only_mistake(R"({"Sensor-Id": "X"})") ==
        R"(1: id is missing: every identity needs a unique one (did you mean 'id' by "Sensor-Id"?))");
}

TEST_CASE("sensors without details take no room for them, and neighbors alike share theirs") {
  identity::IdentityRecord plain = identity_of("a");
  identity::IdentityRecord detailed = identity_of("b");
  detailed.overrides.time_zone = "Europe/Paris";
  identity::IdentityRecord alike = detailed;
  alike.id = "c";
  const identity::Roster roster = roster_of({plain, detailed, alike});
  CHECK(roster[0].details == identity::Identity::no_details);
  CHECK(roster[1].details == roster[2].details);
  CHECK(roster.details(roster[2]) == detailed.details);
  CHECK(roster.record(roster[2]).details == detailed.details);
}

TEST_CASE("other details are another identity") {
  identity::IdentityRecord record = identity_of("a");
  const identity::Roster before = roster_of({record});
  record.details.extras = R"({"owner":"me"})";
  const identity::Roster after = roster_of({record});
  const std::vector<std::uint32_t> members{0};
  const identity::IdentityChanges changes = compare_identities(before, members, after, members);
  CHECK(changes_text(changes, before, after) == "1 changed (a: its details)");
  CHECK(identity::hash_of(before, before[0]) != identity::hash_of(after, after[0]));
}

}  // namespace fleet_sim::nested_identity_test
