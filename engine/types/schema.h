// What a row of a sensor type consists of: the channels of the type, in order, among the columns that every
// reading has. Made once when a fleet or a file is loaded; model, files, exports, reports and pages learn
// from it how many channels there are and what they are called, and nothing else says so. Immutable; any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/terms.h"

namespace fleet_sim::types {

inline constexpr std::size_t most_channels = 16;  // of a type

// What the values of a channel are: measured; counted, and never falling; codes; other channels multiplied.
enum class ChannelKind : std::uint8_t { gauge, counter, state, product };
inline constexpr std::array<std::string_view, 4> channel_kind_names{"gauge", "counter", "state", "product"};

struct ChannelColumn {
  std::string name;
  std::string unit;                   // empty where it is not known
  int decimals = 3;                   // of a value that a person reads
  std::vector<std::string> states{};  // of a channel whose values are codes: their names, from 0 on
  ChannelKind kind = ChannelKind::gauge;
  double resolution = 0;  // what its values are multiples of; 0: nothing, or not known

  bool operator==(const ChannelColumn&) const = default;
};

// How many decimals a person reads of such values: none of a state, as many as a multiple of the resolution
// has, or else `usual`.
int decimals_of(ChannelKind kind, double resolution, int usual = 3);

// A column of `sensor_readings`, with what it says.
struct Column {
  enum class Type : std::uint8_t { integer, real, text };
  enum class Role : std::uint8_t {
    id,        // the row's number, which the file gives
    moment,    // when the reading was due
    sensor,    // whose it is
    channel,   // a value
    state,     // whether it is anomalous, and how
    identity,  // what the sensor's identity says
    mark,      // the collector's
    delivery   // which reading it is, and when it was due and arrived; where delivery is on
  };

  std::string name;
  Type type;
  Role role;

  bool operator==(const Column&) const = default;
};

class Schema {
 public:
  // Throws std::invalid_argument when `problem_of` finds something wrong with the channels.
  Schema(std::string type, std::vector<ChannelColumn> channels);

  // What keeps these from being the channels of a type; empty when nothing does. There are at most
  // `most_channels`; each name is one that SQL takes as it stands, and none appears twice or is that of
  // another column.
  static std::string problem_of(std::span<const ChannelColumn> channels);
  // The same of one name alone: "is a word of SQL".
  static std::string problem_of_name(std::string_view name);

  [[nodiscard]] const std::string& type() const { return type_; }
  // What the readings of this type are called where those of several types lie together: `sensor_readings`
  // for the built-in type and where the type is not known, `sensor_readings_TYPE` for any other.
  [[nodiscard]] std::string readings_name() const;
  [[nodiscard]] std::span<const ChannelColumn> channels() const { return channels_; }
  [[nodiscard]] std::vector<std::string_view> channel_names() const;
  [[nodiscard]] std::optional<std::size_t> find_channel(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> name_of(const std::optional<Channel>& channel) const {
    if (!channel) return std::nullopt;
    return channels_[index_of(*channel)].name;
  }

  // The same with the columns of delivery, if `on`.
  [[nodiscard]] Schema with_delivery(bool on = true) const;
  [[nodiscard]] bool has_delivery() const { return has_delivery_; }

  // All columns, as they stand in a file.
  [[nodiscard]] std::span<const Column> columns() const { return columns_; }
  // Those that the simulator fills in, and that are exported and digested: all but the id and the mark.
  [[nodiscard]] std::span<const Column> reading_columns() const { return reading_columns_; }

  bool operator==(const Schema& other) const { return type_ == other.type_ && channels_ == other.channels_; }

  // The columns before the channels, and after them.
  static std::span<const Column> leading_columns();
  static std::span<const Column> trailing_columns();
  // Those that follow all others where delivery is on.
  static std::span<const Column> delivery_columns();

 private:
  void set_columns();

  std::string type_;
  std::vector<ChannelColumn> channels_;
  bool has_delivery_ = false;
  std::vector<Column> columns_;
  std::vector<Column> reading_columns_;
};

// The names, with a comma and a space between them, as SQL lists columns.
std::string listed(std::span<const Column> columns);
std::string listed(std::span<const ChannelColumn> channels);

}  // namespace fleet_sim::types
