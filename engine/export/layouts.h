// Series as collections of labeled data lay them out, a file each, so that what reads those collections reads
// ours:
//
//   nab     the Numenta Anomaly Benchmark: data/fleet/SENSOR_CHANNEL.csv with timestamp and value, and
//           labels/combined_windows.json
//   tsb_ad  TSB-AD: TSB-AD-M/001_fleet_id_1_SENSOR_tr_N_1st_N.csv with the channels and Label (in TSB-AD-U,
//   with
//           Data and Label, for types of one channel); `tr` is how many normal readings it begins with, `1st`
//           the first anomalous one; only sensors with anomalous readings
//   skab    the Skoltech Anomaly Benchmark: fleet/SENSOR.csv with datetime, channels, anomaly and
//   changepoint, by
//           semicolons; sensors without anomalous readings in anomaly-free/, without the last two
//
// Memory is bounded as score/truth.h says. Main thread. Throws as data/source.h and files/new_file.h say.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "data/source.h"
#include "score/truth.h"

namespace fleet_sim::exports {

enum class Layout : std::uint8_t { nab, tsb_ad, skab };
inline constexpr std::array<std::string_view, 3> layout_names{"nab", "tsb-ad", "skab"};

struct LayoutCounts {
  std::uint64_t files = 0;
  std::uint64_t left_out = 0;  // sensors
};

// Into a folder that does not exist, or is empty.
LayoutCounts write_layout(const std::vector<data::SourceShard>& shards, const data::Selection& selection,
                          Layout layout, const std::filesystem::path& folder,
                          const score::Progress& progress);

}  // namespace fleet_sim::exports
