// Time zones: what the table of a zone says of any moment, held against the changes that it was made from,
// and against what is known of real zones.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/timestamp.h"
#include "model/profile.h"
#include "model/sensor.h"
#include "model/signal.h"
#include "zones/daylight_rule.h"
#include "zones/hour_of_day.h"
#include "zones/zone.h"
#include "zones/zone_data.h"

namespace fleet_sim::zones_test {
namespace {

constexpr Microseconds an_hour = 3'600 * microseconds_per_second;

Timestamp at(std::string_view text) {
  return parse_timestamp(text).value();
}

zones::Zone named(std::string_view name) {
  const auto zone = zones::find_zone(name);
  REQUIRE_MESSAGE(zone.has_value(), name);
  return *zone;
}

}  // namespace

TEST_CASE("a zone has the offset of its latest change, at every moment and in every century") {
  // Irregular, and once so close that slots of weeks would hold two.
  std::vector<zones::ZoneChange> changes;
  Timestamp moment = 1;
  for (int i = 0; moment < zones::zone_tables_end; ++i) {
    changes.push_back({moment, (i % 2 == 0 ? 2 : -3) * an_hour});
    moment += i % 40 == 0 ? 7 * microseconds_per_day : 180 * microseconds_per_day + i;
  }
  const zones::ZoneTable table("Made/Up", an_hour, changes);
  const zones::Zone zone(table);
  CHECK(zone.name() == "Made/Up");
  CHECK(zone.offset_at(0) == an_hour);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    CHECK(zone.offset_at(changes[i].at) == changes[i].offset);
    CHECK(zone.offset_at(changes[i].at - 1) == (i == 0 ? an_hour : changes[i - 1].offset));
    CHECK(zone.next_change(changes[i].at - 1) == changes[i]);
  }
  // The year 2500 is like 2100, and the year 9876 like 2476.
  const Timestamp in_2101 = at("2101-03-04T05:06:07Z");
  for (std::int64_t cycles = 1; cycles < 19; ++cycles)
    CHECK(zone.offset_at(in_2101 + cycles * zones::calendar_cycle) == zone.offset_at(in_2101));
  const auto next = zone.next_change(in_2101 + 3 * zones::calendar_cycle);
  REQUIRE(next);
  CHECK(next->at == zone.next_change(in_2101)->at + 3 * zones::calendar_cycle);
}

TEST_CASE("a fixed offset is a zone without changes") {
  const zones::Zone zone(-5 * an_hour);
  CHECK(zone.offset_at(0) == -5 * an_hour);
  CHECK(zone.offset_at(latest_timestamp) == -5 * an_hour);
  CHECK_FALSE(zone.is_named());
  CHECK_FALSE(zone.next_change(0));
  CHECK(zone == zones::Zone(-5 * an_hour));
  CHECK(zone != zones::Zone());
}

TEST_CASE("real zones change when they do, now and long after the data's last listed change") {
  struct Change {
    const char* name;
    const char* at;
    int before;  // minutes
    int after;
  };
  const std::vector<Change> changes{{"Europe/Berlin", "2026-03-29T01:00:00Z", 60, 120},
                                    {"Europe/Berlin", "2026-10-25T01:00:00Z", 120, 60},
                                    {"Europe/Berlin", "1980-04-06T01:00:00Z", 60, 120},
                                    {"Europe/Berlin", "2126-03-31T01:00:00Z", 60, 120},
                                    {"Europe/Berlin", "2526-03-31T01:00:00Z", 60, 120},
                                    {"America/New_York", "2026-03-08T07:00:00Z", -300, -240},
                                    {"America/New_York", "2050-11-06T06:00:00Z", -240, -300},
                                    {"Australia/Lord_Howe", "2026-04-04T15:00:00Z", 660, 630},
                                    {"Europe/Dublin", "2040-03-25T01:00:00Z", 0, 60},
                                    {"Asia/Jerusalem", "2044-03-25T00:00:00Z", 120, 180},
                                    {"America/Nuuk", "2045-03-26T01:00:00Z", -120, -60},
                                    {"Asia/Kolkata", "2026-01-01T00:00:00Z", 330, 330}};
  for (const Change& change : changes) {
    CAPTURE(change.name);
    CAPTURE(change.at);
    const zones::Zone zone = named(change.name);
    CHECK(zone.offset_at(at(change.at) - 1) == change.before * an_hour / 60);
    CHECK(zone.offset_at(at(change.at)) == change.after * an_hour / 60);
  }
  CHECK(named("Europe/Berlin") == named("Europe/Berlin"));
  CHECK(named("Europe/Berlin") != named("Europe/Paris"));
}

TEST_CASE("the hour of the day is that of the clock on the wall, in whatever order moments come") {
  struct Moment {
    const char* at;
    std::size_t hour;
  };
  const std::vector<Moment> moments{{"2026-03-29T00:59:59.999999Z", 1}, {"2026-03-29T01:00:00Z", 3},
                                    {"2026-03-29T00:00:00Z", 1},        {"2026-03-28T23:59:59.999999Z", 0},
                                    {"2026-03-28T22:59:59Z", 23},       {"2026-10-25T00:59:59Z", 2},
                                    {"2026-10-25T01:00:00Z", 2},        {"2026-10-25T02:00:00Z", 3}};
  const zones::Zone berlin = named("Europe/Berlin"), kolkata = named("Asia/Kolkata");
  zones::HourOfDay hour;
  for (const Moment& moment : moments) {
    CAPTURE(moment.at);
    CHECK(hour.of(at(moment.at), berlin) == moment.hour);
  }
  CHECK(hour.of(at("2026-01-01T18:29:59Z"), kolkata) == 23);
  CHECK(hour.of(at("2026-01-01T18:30:00Z"), kolkata) == 0);
  CHECK(hour.of(at("1969-12-31T23:59:59Z"), zones::Zone()) == 23);
  CHECK(hour.of(earliest_timestamp, zones::Zone(-an_hour)) == 23);
}

TEST_CASE("names are those of the data, and none that depends on the machine") {
  for (const char* name : {"Europe/berlin", "Berlin", "", "localtime", "posixrules", "Europe",
                           "../zoneinfo/UTC", "/etc/localtime", "posix/Europe/Berlin"}) {
    CAPTURE(name);
    CHECK_FALSE(zones::find_zone(name));
  }
  CHECK(zones::find_zone("UTC"));
  CHECK(zones::zone_hint("Europe/berlin") == " (did you mean 'Europe/Berlin'?)");
  CHECK(zones::zone_hint("Nowhere near any of them") == "");
  // 2025b
  const std::string version = zones::zone_data_version();
  CHECK(version.size() == 5);
  CHECK(version.starts_with("20"));
}

TEST_CASE("a rule that goes on every year is read in each of its forms, and anything else is none") {
  struct Form {
    const char* text;
    const char* first;
    const char* second;
  };
  // Of 2026.
  for (const Form& form : std::vector<Form>{
           {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"},
           {"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"},
           {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"},
           {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"},
           {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-28T00:00:00Z", "2026-10-23T23:00:00Z"}}) {
    CAPTURE(form.text);
    const auto rule = zones::DaylightRule::parse(form.text);
    REQUIRE(rule);
    const auto [first, second] = rule->changes_in(std::chrono::year(2026));
    CHECK(timestamp_text(first.at).substr(0, 19) + "Z" == form.first);
    CHECK(timestamp_text(second.at).substr(0, 19) + "Z" == form.second);
  }
  for (const char* text :
       {"", "UTC0", "<+01>-1", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J60,J300",
        "CET-1CEST,M3.5.0/200,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0/3x", "<CET-1CEST,M3.5.0"}) {
    CAPTURE(text);
    CHECK_FALSE(zones::DaylightRule::parse(text));
  }
}

TEST_CASE("the day of a sensor follows its own clock over daylight saving") {
  config::Config config;
  config.anomalies.enabled = false;
  config.normal_parameters[0] = {20, 1, -1e9, 1e9};
  model::ProfileSource source{"1.4", "", "", "Factory", 1, config.normal_parameters};
  const auto reads_at = [&](const char* text) {
    const model::Profile profile = model::resolve_profile(config, source);
    return model::normal_values(profile, at(text), model::Draws(RandomBlock{}))[0];
  };
  // 08:30 by the clock on the wall, amid the ramp of the work hours.
  const double at_half_past_eight = reads_at("2026-01-15T08:30:00Z");
  source.zone = named("Europe/Berlin");
  CHECK(reads_at("2026-01-15T07:30:00Z") == at_half_past_eight);
  CHECK(reads_at("2026-03-28T07:30:00Z") == at_half_past_eight);
  CHECK(reads_at("2026-03-29T06:30:00Z") == at_half_past_eight);
  CHECK(reads_at("2026-10-24T06:30:00Z") == at_half_past_eight);
  CHECK(reads_at("2026-10-25T07:30:00Z") == at_half_past_eight);
  CHECK(reads_at("2026-03-29T07:30:00Z") != at_half_past_eight);
  config.clock.zone = named("Asia/Tokyo");  // its own zone goes before the config's
  CHECK(reads_at("2026-10-25T07:30:00Z") == at_half_past_eight);
  source.zone.reset();
  CHECK(reads_at("2026-10-24T23:30:00Z") == at_half_past_eight);
}

}  // namespace fleet_sim::zones_test
