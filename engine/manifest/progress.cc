#include "manifest/progress.h"

#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "base/json_writer.h"
#include "manifest/durable_file.h"

namespace fleet_sim::manifest {
namespace {

using Json = nlohmann::json;

std::string progress_text(const std::string& run_id, const Progress& progress) {
  std::string text;
  JsonWriter json(text, JsonLayout::indented);
  json.object([&] {
    json.member("run_id", run_id);
    json.key("complete_until");
    json.object([&] {
      for (const auto& [type, until] : progress.complete_until) json.member(type, timestamp_text(until));
    });
    json.member("has_losses", progress.has_losses);
  });
  json.end_line();
  return text;
}

void replace(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path unfinished = path.string() + ".new";
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  if (!file)
    throw std::system_error(std::make_error_code(std::errc::io_error), path.string() + " cannot be written");
  std::filesystem::rename(unfinished, path);
}

}  // namespace

std::string write_progress(const std::filesystem::path& path, const std::string& run_id,
                           const Progress& progress, bool durable) {
  try {
    const std::string text = progress_text(run_id, progress);
    durable ? replace_durably(path, text) : replace(path, text);
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

Progress read_progress(const std::filesystem::path& path, const std::string& run_id) {
  std::ifstream file(path, std::ios::binary);
  const Json said = Json::parse(file, nullptr, false);
  Progress progress;
  const bool is_ours = said.is_object() && said.value("run_id", Json()) == run_id &&
                       said.contains("complete_until") && said["complete_until"].is_object();
  if (!is_ours) return progress;
  for (const auto& [type, until] : said["complete_until"].items()) {
    if (!until.is_string()) continue;
    const auto at = parse_timestamp(until.get<std::string>());
    if (at) progress.complete_until.emplace(type, *at);
  }
  progress.has_losses = said.value("has_losses", Json()) == true;
  return progress;
}

}  // namespace fleet_sim::manifest
