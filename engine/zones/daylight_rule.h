// The rule by which a zone's clock keeps changing every year, as zone data has it after the last change that
// it lists: a POSIX TZ text such as CET-1CEST,M3.5.0,M10.5.0/3. Pure; any thread; a text of another form is
// not a rule.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "zones/zone.h"

namespace fleet_sim::zones {

class DaylightRule {
 public:
  // Nothing for a zone without daylight saving.
  static std::optional<DaylightRule> parse(std::string_view text);

  // Both changes of a year, in order of time.
  [[nodiscard]] std::pair<ZoneChange, ZoneChange> changes_in(std::chrono::year year) const;

 private:
  // M3.5.0/2: the last Sunday of March at 2 o'clock by the clock that is in force until then.
  struct Day {
    std::chrono::month month{1};
    unsigned week = 1;  // 5: the last one
    std::chrono::weekday weekday{0};
    std::chrono::seconds time{7'200};  // may be below 0 and above a day
  };

  static std::optional<Day> take_day(std::string_view& text);
  static Timestamp moment(const Day& day, std::chrono::year year, std::chrono::seconds offset);

  std::chrono::seconds standard_{0};
  std::chrono::seconds daylight_{0};
  Day to_daylight_;
  Day to_standard_;
};

}  // namespace fleet_sim::zones
