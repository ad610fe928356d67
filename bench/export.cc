#include <chrono>
#include <string_view>

#include "export/export_readings.h"
#include "workloads.h"

namespace fleet_sim::bench {

double export_rate(const Folders& folders) {
  const auto began = std::chrono::steady_clock::now();
  const auto take = [](std::string_view, const exports::ExportCounts&) {};
  const exports::ExportCounts counts =
      exports::export_readings(data::find_source(folders.input), {}, exports::RowFormat::csv, take);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  return static_cast<double>(counts.rows) / elapsed.count();
}

}  // namespace fleet_sim::bench
