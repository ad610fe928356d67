#include "types/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "base/terms.h"
#include "types/built_in_type.h"
#include "types/sql_words.h"

namespace fleet_sim::types {
namespace {

using Type = Column::Type;
using Role = Column::Role;

constexpr std::size_t longest_name = 63;

bool equal_in_sql(std::string_view a, std::string_view b) {
  const auto lower = [](unsigned char c) { return std::tolower(c); };
  return std::ranges::equal(a, b, {}, lower, lower);
}

constexpr std::string_view run_column = "run_id";  // of a central database

bool is_reserved(std::string_view name) {
  const auto is_name = [name](std::string_view other) { return equal_in_sql(other, name); };
  const auto has_name = [is_name](const Column& column) { return is_name(column.name); };
  return std::ranges::any_of(Schema::leading_columns(), has_name) ||
         std::ranges::any_of(Schema::trailing_columns(), has_name) ||
         std::ranges::any_of(Schema::delivery_columns(), has_name) || is_name(run_column);
}

template <class Named>
std::string joined_names(std::span<const Named> all) {
  std::string names;
  for (const Named& one : all) {
    if (!names.empty()) names += ", ";
    names += one.name;
  }
  return names;
}

}  // namespace

Schema::Schema(std::string type, std::vector<ChannelColumn> channels)
    : type_(std::move(type)), channels_(std::move(channels)) {
  if (const std::string problem = problem_of(channels_); !problem.empty()) {
    throw std::invalid_argument(problem);
  }
  set_columns();
}

Schema Schema::with_delivery(bool on) const {
  Schema schema = *this;
  schema.has_delivery_ = on;
  schema.set_columns();
  return schema;
}

void Schema::set_columns() {
  columns_.assign(leading_columns().begin(), leading_columns().end());
  for (const ChannelColumn& channel : channels_) {
    const bool is_code = channel.kind == ChannelKind::state;
    columns_.push_back({channel.name, is_code ? Type::integer : Type::real, Role::channel});
  }
  columns_.insert(columns_.end(), trailing_columns().begin(), trailing_columns().end());
  if (has_delivery_) columns_.insert(columns_.end(), delivery_columns().begin(), delivery_columns().end());
  reading_columns_.clear();
  std::ranges::copy_if(columns_, std::back_inserter(reading_columns_), [](const Column& column) {
    return column.role != Role::id && column.role != Role::mark;
  });
}

int decimals_of(ChannelKind kind, double resolution, int usual) {
  constexpr int most = 9;
  if (kind == ChannelKind::state) return 0;
  if (!(resolution > 0)) return usual;
  double scaled = resolution;
  for (int decimals = 0; decimals < most; ++decimals, scaled *= 10) {
    if (std::abs(scaled - std::round(scaled)) < 1e-6 && scaled > 0.5) return decimals;
  }
  return most;
}

std::string Schema::problem_of_name(std::string_view name) {
  if (!is_sql_name(name, longest_name))
    return fmt::format(
        "may only have letters, digits and underscores, {} at most, and not begin with a digit",
        longest_name);
  if (is_sql_word(name)) return "is a word of SQL";
  return is_reserved(name) ? "is the name of another column" : "";
}

std::string Schema::problem_of(std::span<const ChannelColumn> channels) {
  if (channels.size() > most_channels) return fmt::format("more than {} channels", most_channels);
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const std::string& name = channels[i].name;
    if (const std::string problem = problem_of_name(name); !problem.empty())
      return fmt::format("channel '{}': the name {}", name, problem);
    const auto is_same = [&name](const ChannelColumn& other) { return equal_in_sql(other.name, name); };
    if (std::ranges::any_of(channels.first(i), is_same)) return "channel '" + name + "': appears twice";
  }
  return {};
}

std::string Schema::readings_name() const {
  const bool is_usual = type_.empty() || type_ == built_in_type().schema.type();
  return is_usual ? "sensor_readings" : "sensor_readings_" + type_;
}

std::vector<std::string_view> Schema::channel_names() const {
  std::vector<std::string_view> names;
  for (const ChannelColumn& channel : channels_) names.push_back(channel.name);
  return names;
}

std::optional<std::size_t> Schema::find_channel(std::string_view name) const {
  const auto found = std::ranges::find(channels_, name, &ChannelColumn::name);
  if (found == channels_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - channels_.begin());
}

std::span<const Column> Schema::leading_columns() {
  static const std::array<Column, 3> columns{Column{"id", Type::integer, Role::id},
                                             {"timestamp", Type::text, Role::moment},
                                             {"sensor_id", Type::text, Role::sensor}};
  return columns;
}

std::span<const Column> Schema::trailing_columns() {
  static const std::array<Column, 8> columns{Column{"status_code", Type::integer, Role::state},
                                             {"anomaly_flag", Type::integer, Role::state},
                                             {"anomaly_type", Type::text, Role::state},
                                             {"firmware_version", Type::text, Role::identity},
                                             {"model", Type::text, Role::identity},
                                             {"manufacturer", Type::text, Role::identity},
                                             {"location", Type::text, Role::identity},
                                             {"synced", Type::integer, Role::mark}};
  return columns;
}

std::span<const Column> Schema::delivery_columns() {
  static const std::array<Column, 3> columns{Column{"sequence", Type::integer, Role::delivery},
                                             {"due", Type::text, Role::delivery},
                                             {"arrived_at", Type::text, Role::delivery}};
  return columns;
}

std::string listed(std::span<const Column> columns) {
  return joined_names(columns);
}

std::string listed(std::span<const ChannelColumn> channels) {
  return joined_names(channels);
}

}  // namespace fleet_sim::types
