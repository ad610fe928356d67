// The types of anomalies and what is known of each outside the model, from the rows of anomaly_types.def. A
// type has one name everywhere: in config keys, columns, metrics, reports and pages. Constants; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/range.h"

namespace fleet_sim {

enum class AnomalyType : std::uint8_t {
#define ANOMALY_TYPE(name, ...) name,
#include "base/anomaly_types.def"
#undef ANOMALY_TYPE
};

// Whether the readings that an anomaly affects are stored: all of them, none, some, or perhaps none from some
// moment on.
enum class AffectedRows : std::uint8_t { kept, taken, thinned, perhaps };

// The channels that an anomaly affects.
enum class Touches : std::uint8_t { one_channel, two_channels, all_channels };

// Why an anomaly came: by chance, asked for through the API, as an entry of a scenario, or with age.
enum class AnomalyCause : std::uint8_t { drawn, injected, scenario, aging };
inline constexpr std::array<std::string_view, 4> anomaly_cause_names{"drawn", "injected", "scenario",
                                                                     "aging"};
// Whether somebody asked for it: then no config says how often it comes.
constexpr bool is_requested(AnomalyCause cause) {
  return cause == AnomalyCause::injected || cause == AnomalyCause::scenario;
}

constexpr std::string_view name_of(AnomalyCause cause) {
  return anomaly_cause_names[static_cast<std::size_t>(cause)];
}
// Nothing for a name that no cause has.
constexpr std::optional<AnomalyCause> anomaly_cause_of(std::string_view name) {
  for (std::size_t i = 0; i < anomaly_cause_names.size(); ++i) {
    if (anomaly_cause_names[i] == name) return static_cast<AnomalyCause>(i);
  }
  return std::nullopt;
}

// How long anomalies of a type last, in seconds: always the same, or lognormal within bounds.
struct DurationRange {
  double median = 0;
  double min = 0;
  double max = 0;

  constexpr DurationRange() = default;
  constexpr DurationRange(double fixed)  // NOLINT(google-explicit-constructor): most are fixed
      : median(fixed), min(fixed), max(fixed) {}
  constexpr DurationRange(double typical, double least, double most)
      : median(typical), min(least), max(most) {}

  [[nodiscard]] constexpr bool is_fixed() const { return min == max; }
  bool operator==(const DurationRange&) const = default;
};

// How severe anomalies of a type are: uniform in `range`, which lies within `bounds`.
struct UsualSeverity {
  Range range;
  Range bounds;
  std::string_view magnitude = {};  // how a page writes that of a graded one, if not as that of the type
};

struct AnomalyTypeRow {
  std::string_view name;
  std::optional<double> weight;                   // none: it is never drawn
  std::optional<DurationRange> duration_seconds;  // none: one reading
  AffectedRows rows;
  Touches touches;
  std::optional<UsualSeverity> severity;  // none: there is more or less of it only in time
  std::string_view color;
  std::string_view color_on_dark;
  std::string_view magnitude;
  std::string_view effect;
};

// The words of the table.
namespace anomaly_table {
inline constexpr std::optional<double> undrawn = std::nullopt;
inline constexpr std::optional<DurationRange> one_reading = std::nullopt;
constexpr std::optional<DurationRange> lasting(double seconds) {
  return DurationRange(seconds);
}
constexpr std::optional<DurationRange> between(double median, double shortest, double longest) {
  return DurationRange(median, shortest, longest);
}
inline constexpr std::optional<UsualSeverity> ungraded = std::nullopt;
constexpr std::optional<UsualSeverity> graded(double low, double high, double least, double most,
                                              std::string_view magnitude = {}) {
  return UsualSeverity{{low, high}, {least, most}, magnitude};
}

inline constexpr std::array rows{
#define ANOMALY_TYPE(name, weight, duration, rows, touches, ...) \
  AnomalyTypeRow{#name, weight, duration, AffectedRows::rows, Touches::touches, __VA_ARGS__},
#include "base/anomaly_types.def"
#undef ANOMALY_TYPE
};
}  // namespace anomaly_table

inline constexpr auto& anomaly_types = anomaly_table::rows;
inline constexpr std::size_t anomaly_type_count = anomaly_types.size();

// One value per type, indexed by the enumerators.
template <class T>
using PerAnomalyType = std::array<T, anomaly_type_count>;

// The same value for every type.
template <class T>
constexpr PerAnomalyType<T> every_anomaly_type(const T& value) {
  PerAnomalyType<T> values{};
  values.fill(value);
  return values;
}

inline constexpr PerAnomalyType<std::string_view> anomaly_type_names = [] {
  PerAnomalyType<std::string_view> names{};
  for (std::size_t k = 0; k < anomaly_type_count; ++k) names[k] = anomaly_types[k].name;
  return names;
}();

// Those that are drawn come first.
inline constexpr std::size_t drawn_anomaly_type_count = [] {
  std::size_t count = 0;
  while (count < anomaly_type_count && anomaly_types[count].weight) ++count;
  return count;
}();
static_assert(std::all_of(anomaly_types.begin() + drawn_anomaly_type_count, anomaly_types.end(),
                          [](const AnomalyTypeRow& type) { return !type.weight; }),
              "types that are not drawn stand last");
inline constexpr std::array<std::string_view, drawn_anomaly_type_count> drawn_anomaly_type_names = [] {
  std::array<std::string_view, drawn_anomaly_type_count> names{};
  std::copy_n(anomaly_type_names.begin(), names.size(), names.begin());
  return names;
}();

constexpr std::size_t index_of(AnomalyType type) {
  return static_cast<std::size_t>(type);
}
// Whether anomalies of a type are drawn, and can be asked for.
constexpr bool is_drawn(AnomalyType type) {
  return index_of(type) < drawn_anomaly_type_count;
}
constexpr std::string_view name_of(AnomalyType type) {
  return anomaly_type_names[index_of(type)];
}

// Nothing for a name that no type has.
constexpr std::optional<AnomalyType> anomaly_type_of(std::string_view name) {
  for (std::size_t k = 0; k < anomaly_type_count; ++k) {
    if (anomaly_type_names[k] == name) return static_cast<AnomalyType>(k);
  }
  return std::nullopt;
}

// Whether readings that an anomaly of this type affects are not there, and it counts just these: all that lie
// in it, or some.
constexpr bool takes_rows(AnomalyType type) {
  const AffectedRows rows = anomaly_types[index_of(type)].rows;
  return rows == AffectedRows::taken || rows == AffectedRows::thinned;
}
constexpr bool takes_rows(std::optional<AnomalyType> type) {
  return type && takes_rows(*type);
}
// Whether none that lies in it is there.
constexpr bool takes_all_rows(AnomalyType type) {
  return anomaly_types[index_of(type)].rows == AffectedRows::taken;
}

// The names of the types that may leave readings out, with commas, for people: those that take rows, and
// those that perhaps do.
std::string row_leaving_types_text();

// The rows as a JSON array of objects, for the scripts of pages.
std::string anomaly_types_json();

}  // namespace fleet_sim
