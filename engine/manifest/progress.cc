#include "manifest/progress.h"

#include <exception>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/json_writer.h"
#include "base/problems.h"
#include "manifest/durable_file.h"
#include "yaml/tree.h"

namespace fleet_sim::manifest {
namespace {

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
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Problems problems;
  const auto root = yaml::parse(text, yaml::FileProblems(path.string(), problems));
  Progress progress;
  if (!root || !problems.empty() || !root->is(yaml::Node::Kind::map)) return progress;
  const auto says = [&](std::string_view name, std::string_view words) {
    const yaml::Node* value = yaml::find_value(*root, name);
    return value != nullptr && value->text == words;
  };
  const yaml::Node* complete = yaml::find_value(*root, "complete_until");
  if (!says("run_id", run_id) || complete == nullptr || !complete->is(yaml::Node::Kind::map)) return progress;
  for (const yaml::Node& type : complete->children) {
    if (const auto at = parse_timestamp(type.text)) progress.complete_until.emplace(type.key, *at);
  }
  progress.has_losses = says("has_losses", "true");
  return progress;
}

std::vector<std::vector<write::FoundRows>> settled_rows(
    const std::filesystem::path& path, const std::string& run_id,
    const std::vector<std::vector<write::Target>>& targets) {
  const Progress progress = read_progress(path, run_id);
  std::vector<std::vector<write::FoundRows>> rows;
  for (const std::vector<write::Target>& of_writer : targets) {
    rows.emplace_back();
    for (const write::Target& target : of_writer) {
      const auto complete = progress.complete_until.find(target.schema->type());
      write::FoundRows& found = rows.back().emplace_back();
      if (complete != progress.complete_until.end()) found.keep_from(complete->second);
    }
  }
  return rows;
}

}  // namespace fleet_sim::manifest
