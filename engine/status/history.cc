#include "status/history.h"

#include <algorithm>
#include <concepts>
#include <limits>
#include <utility>
#include <variant>

#include "status/figures.h"
#include "status/status_json.h"

namespace fleet_sim::status {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double number_of(const FigureValue& value) {
  return std::visit(
      []<class Value>(const Value& one) {
        if constexpr (std::same_as<Value, std::optional<double>>) {
          return one.value_or(none);
        } else if constexpr (std::convertible_to<Value, double>) {
          return static_cast<double>(one);
        } else {
          return none;
        }
      },
      value);
}

std::vector<PathValue> kept_values(const Status& status) {
  std::vector<PathValue> values;
  for (const Figure& figure : figures()) {
    if (figure.in_history) add_values(values, figure, status);
  }
  return values;
}

std::int64_t second_of(Timestamp at) {
  return at / microseconds_per_second - (at % microseconds_per_second < 0 ? 1 : 0);
}

}  // namespace

void History::add(Timestamp at, const Status& status) {
  const std::int64_t second = second_of(at);
  const std::lock_guard lock(mutex_);
  if (!points_.empty() && points_.back().second == second) return;
  while (!points_.empty() && points_.back().second >= second) points_.pop_back();
  while (!points_.empty() && points_.front().second <= second - kept_seconds) points_.pop_front();
  Point& point = points_.emplace_back();
  point.second = second;
  for (const auto& [path, value] : kept_values(status)) point.values.push_back(number_of(value));
  text_of_all_.clear();
}

std::string History::json(std::optional<std::int64_t> since) {
  const std::lock_guard lock(mutex_);
  if (since) {
    const auto known = std::ranges::lower_bound(points_, *since, {}, &Point::second);
    if (known != points_.end() && known->second == *since) {
      return json_from(static_cast<std::size_t>(known - points_.begin()) + 1, true);
    }
  }
  if (text_of_all_.empty()) text_of_all_ = json_from(0, false);
  return text_of_all_;
}

std::string History::json_from(std::size_t first, bool continues) const {
  static const std::vector<PathValue> named = kept_values(Status());
  HistoryColumns columns{.continues = continues, .time = {}, .values = {}};
  for (std::size_t i = first; i < points_.size(); ++i) columns.time.push_back(points_[i].second);
  for (std::size_t k = 0; k < named.size(); ++k) {
    auto& [path, values] = columns.values.emplace_back(named[k].first, std::vector<double>());
    for (std::size_t i = first; i < points_.size(); ++i) values.push_back(points_[i].values[k]);
  }
  return history_json(columns);
}

}  // namespace fleet_sim::status
