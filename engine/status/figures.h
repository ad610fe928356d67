// The one table of what a run reports about itself: each figure with its name, type and help under /metrics,
// its place under /status, and how it is read from a Status. Both answers are written from the table, so a
// figure is one row, and its name, unit and value cannot differ between the two. A row that belongs to one
// answer only leaves the other's name empty. No family has a label whose values grow with the fleet, so the
// number of series depends on nothing but this table. Read-only; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json_writer.h"
#include "status/status.h"

namespace fleet_sim::status {

// JSON as it stands, for lists that only /status has.
struct JsonText {
  std::string text;
};
using FigureValue = std::variant<std::uint64_t, double, bool, std::string, std::optional<double>, JsonText>;

using LabeledCounts = std::vector<std::pair<std::string_view, std::uint64_t>>;
using Labels = std::vector<std::pair<std::string_view, std::string>>;

using ReadOne = std::function<FigureValue(const Status&)>;
// A count for each value of the label; in /status, a member for each.
using ReadFamily = std::function<LabeledCounts(const Status&)>;
// A histogram in /metrics; in /status its count and percentiles.
using ReadDistribution = std::function<const Distribution&(const Status&)>;
// Labels of a metric that is always 1.
using ReadLabels = std::function<Labels(const Status&)>;

enum class MetricType : unsigned char { gauge, counter, histogram };

struct Figure {
  // Without fleet_sim_; base units (seconds, bytes) last, counters end in _total. Empty: not in /metrics.
  std::string_view metric = {};
  MetricType type = MetricType::gauge;
  std::string help = {};         // one sentence, for /metrics
  std::string_view label = {};   // of a family
  std::string_view status = {};  // the path in /status, "readings.due"; empty: not there
  bool status_last = false;      // after the others of its object in /status
  bool in_history = false;       // its numbers of each second are in /api/history
  std::variant<ReadOne, ReadFamily, ReadDistribution, ReadLabels> read;
};

// In the order of /metrics.
std::span<const Figure> figures();

// Adds what a figure says under /status: a value, or those of a family or a distribution, each with its path.
using PathValue = std::pair<std::string, FigureValue>;
void add_values(std::vector<PathValue>& values, const Figure& figure, const Status& status);

// A reload as an object, for the status and for the answer to a request.
void add_reload(JsonWriter& json, const ReloadRecord& reload);

}  // namespace fleet_sim::status
