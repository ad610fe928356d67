#include "export/layouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "base/json_writer.h"
#include "base/problems.h"
#include "files/new_file.h"
#include "score/judge.h"

namespace fleet_sim::exports {
namespace {

namespace fs = std::filesystem;

// 2026-01-01 00:00:00.123456, as the collections write times.
std::string spaced_time(Timestamp at) {
  std::string text = timestamp_text(at);
  text[10] = ' ';
  text.pop_back();
  return text;
}

void append_value(std::string& out, double value) {
  if (std::isfinite(value)) fmt::format_to(std::back_inserter(out), "{}", value);
}

// Names of files from ids of sensors: letters, digits and hyphens, each name once whatever the case.
class SafeNames {
 public:
  std::string name_of(std::string_view id) {
    std::string safe;
    for (const char c : id.substr(0, longest))
      safe += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
    std::string name = safe;
    for (std::size_t i = 2; !used_.insert(lower(name)).second; ++i) name = fmt::format("{}-{}", safe, i);
    return name;
  }

 private:
  static constexpr std::size_t longest = 100;

  static std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }

  std::set<std::string> used_;
};

void write_file(const fs::path& path, std::string_view text) {
  files::make_folder(path.parent_path());
  files::NewFile file(path);
  file.write(text);
  file.publish();
}

// A sensor's series, and what its type calls it.
struct Series {
  const score::SensorTruth& truth;
  std::string name;
  std::span<const types::ChannelColumn> channels;

  [[nodiscard]] std::size_t size() const { return truth.readings.size(); }
  [[nodiscard]] bool is_anomalous(std::size_t i) const { return truth.readings[i].anomaly.has_value(); }
  [[nodiscard]] double value(std::size_t i, std::size_t channel) const {
    return truth.values[i * truth.channels() + channel];
  }
  // Its size where there is none.
  [[nodiscard]] std::size_t first_anomalous() const {
    std::size_t first = 0;
    while (first < size() && !is_anomalous(first)) ++first;
    return first;
  }
};

class LayoutWriter {
 public:
  LayoutWriter(Layout layout, fs::path folder) : layout_(layout), folder_(std::move(folder)) {}

  void add(const Series& series) {
    switch (layout_) {
      case Layout::nab:
        return add_nab(series);
      case Layout::tsb_ad:
        return add_tsb_ad(series);
      case Layout::skab:
        return add_skab(series);
    }
  }

  LayoutCounts finish() {
    if (layout_ == Layout::nab) write_file(folder_ / "labels" / "combined_windows.json", windows_json());
    return counts_;
  }

 private:
  using Windows = std::vector<std::pair<std::string, std::string>>;

  void put(const fs::path& name, const std::string& text) {
    write_file(folder_ / name, text);
    ++counts_.files;
  }

  void add_nab(const Series& series) {
    for (std::size_t c = 0; c < series.channels.size(); ++c) {
      const std::string file = fmt::format("fleet/{}_{}.csv", series.name, series.channels[c].name);
      std::string text = "timestamp,value\n";
      for (std::size_t i = 0; i < series.size(); ++i) {
        text += spaced_time(series.truth.readings[i].at) + ',';
        append_value(text, series.value(i, c));
        text += '\n';
      }
      put("data/" + file, text);
      windows_[file] = windows_on(series, static_cast<std::int8_t>(c));
    }
  }

  // An event's window goes from its first reading to its last, so that both are times of the file.
  static Windows windows_on(const Series& series, std::int8_t channel) {
    const std::vector<std::size_t> event_of = score::events_of_readings(series.truth);
    const std::vector<score::Event>& events = series.truth.events;
    std::map<std::size_t, std::pair<Timestamp, Timestamp>> spans;
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (event_of[i] >= events.size()) continue;
      const std::int8_t of = events[event_of[i]].channel;
      if (of != channel && of != score::several_channels) continue;
      const Timestamp at = series.truth.readings[i].at;
      spans.try_emplace(event_of[i], at, at).first->second.second = at;
    }
    Windows windows;
    for (const auto& [event, span] : spans)
      windows.emplace_back(spaced_time(span.first), spaced_time(span.second));
    return windows;
  }

  [[nodiscard]] std::string windows_json() const {
    std::string text;
    JsonWriter json(text, JsonLayout::indented);
    json.object([&] {
      for (const auto& [file, windows] : windows_) {
        json.any_key(file);
        json.begin('[');
        for (const auto& [first, last] : windows) {
          json.begin('[');
          json.value(first);
          json.value(last);
          json.end(']');
        }
        json.end(']');
      }
    });
    return text + '\n';
  }

  void add_tsb_ad(const Series& series) {
    const std::size_t first = series.first_anomalous();
    if (first == series.size()) {
      ++counts_.left_out;
      return;
    }
    const bool is_single = series.channels.size() == 1;
    std::string text;
    for (const types::ChannelColumn& channel : series.channels)
      text += (is_single ? "Data" : channel.name) + ",";
    text += "Label\n";
    for (std::size_t i = 0; i < series.size(); ++i) {
      for (std::size_t c = 0; c < series.channels.size(); ++c) {
        append_value(text, series.value(i, c));
        text += ',';
      }
      text += series.is_anomalous(i) ? "1\n" : "0\n";
    }
    const std::uint64_t number = counts_.files + 1;
    put(fs::path(is_single ? "TSB-AD-U" : "TSB-AD-M") /
            fmt::format("{:03}_fleet_id_{}_{}_tr_{}_1st_{}.csv", number, number, series.name, first, first),
        text);
  }

  void add_skab(const Series& series) {
    const bool is_free = series.first_anomalous() == series.size();
    std::string text = "datetime";
    for (const types::ChannelColumn& channel : series.channels) text += ';' + channel.name;
    text += is_free ? "\n" : ";anomaly;changepoint\n";
    for (std::size_t i = 0; i < series.size(); ++i) {
      text += spaced_time(series.truth.readings[i].at);
      for (std::size_t c = 0; c < series.channels.size(); ++c) {
        text += ';';
        append_value(text, series.value(i, c));
      }
      const bool changes = i > 0 && series.is_anomalous(i) != series.is_anomalous(i - 1);
      if (!is_free) text += fmt::format(";{}.0;{}.0", series.is_anomalous(i) ? 1 : 0, changes ? 1 : 0);
      text += '\n';
    }
    put(fs::path(is_free ? "anomaly-free" : "fleet") / (series.name + ".csv"), text);
  }

  Layout layout_;
  fs::path folder_;
  LayoutCounts counts_;
  std::map<std::string, Windows> windows_;  // by file
};

}  // namespace

LayoutCounts write_layout(const std::vector<data::SourceShard>& shards, const data::Selection& selection,
                          Layout layout, const fs::path& folder, const score::Progress& progress) {
  std::error_code ignored;
  if (fs::exists(folder, ignored) && !fs::is_empty(folder, ignored)) {
    throw InvalidInput(folder.string() + " is there and not empty, and was left alone. Choose another --out");
  }
  const score::Truth truth(shards, {.with_values = true, .selection = selection}, progress);
  LayoutWriter writer(layout, folder);
  SafeNames names;
  for (std::size_t partition = 0; partition < truth.partitions(); ++partition) {
    for (const score::SensorTruth& sensor : truth.read(partition)) {
      const auto channels = truth.schema_of(sensor.sensor).channels();
      if (sensor.readings.empty() || sensor.channels() != channels.size()) continue;
      writer.add({sensor, names.name_of(truth.sensor_id(sensor.sensor)), channels});
    }
  }
  return writer.finish();
}

}  // namespace fleet_sim::exports
