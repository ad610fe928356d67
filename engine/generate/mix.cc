#include "generate/mix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <optional>

#include "base/cadence.h"
#include "base/nearest.h"
#include "base/plain_text.h"
#include "declare/check.h"
#include "files/text_file.h"
#include "yaml/file_problems.h"
#include "yaml/text.h"
#include "yaml/tree.h"

namespace fleet_sim::generate {

namespace {

constexpr std::array<std::string_view, 7> mix_keys{
    "id", "location", "manufacturer", "model", "firmware_version", "readings_per_second", "type"};
constexpr std::string_view number_mark = "{n}";
constexpr std::string_view type_mark = "{type}";
constexpr std::string_view id_of_types = "{type}_{n}";  // unless the mix names another

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

// What every text of the mix must be, or what is wrong with this one.
std::string text_mistake(std::string_view text) {
  if (text.empty()) return "must not be empty";
  if (text.size() > longest_mix_text_bytes) {
    return fmt::format("is longer than {} bytes", longest_mix_text_bytes);
  }
  const auto flaw = find_text_flaw(text);
  return flaw ? std::string(flaw->why) : std::string();
}

// Braces may only hold ranges, so that a slip like {1..20} does not end up in every sensor's location.
std::string range_mistake(std::string_view text) {
  for (auto brace = text.find_first_of("{}"); brace != std::string_view::npos;
       brace = text.find_first_of("{}")) {
    const NumberRange range = range_at(text.substr(brace));
    if (range.length == 0) return "must write a range as {1-20}, the smaller number first";
    text.remove_prefix(brace + range.length);
  }
  return {};
}

// Takes the mark out of the text, once.
bool take(std::string& text, std::string_view mark) {
  const auto at = text.find(mark);
  if (at != std::string::npos) text.erase(at, mark.size());
  return at != std::string::npos;
}

std::string id_mistake(std::string text) {
  if (!take(text, number_mark)) return "must contain {n}, the number of the sensor, such as \"SENSOR_{n}\"";
  take(text, type_mark);
  return text.find_first_of("{}") == text.npos ? std::string()
                                               : "may contain {n} and {type} once and no other braces";
}

// Reads one YAML tree into a mix and notes what is wrong with it.
class MixReader {
 public:
  explicit MixReader(const yaml::FileProblems& problems) : problems_(problems) {}

  Mix read(const yaml::Node& root) {
    if (!root.is(yaml::Node::Kind::map)) {
      problems_.at(root.line, "must have keys such as `location:` and `model:`");
      return mix_;
    }
    for (const yaml::Node& node : root.children) {
      if (!yaml::is_extension_key(node.key)) read_key(node);
    }
    if (!mix_.type.empty() && !names_id_) mix_.id = id_of_types;
    return mix_;
  }

 private:
  void read_key(const yaml::Node& node) {
    if (node.key == "id") return read_id(node);
    if (node.key == "location") return read_texts(node, mix_.location);
    if (node.key == "manufacturer") return read_texts(node, mix_.manufacturer);
    if (node.key == "model") return read_models(node);
    if (node.key == "firmware_version") return read_texts(node, mix_.firmware_version);
    if (node.key == "readings_per_second") return read_rates(node);
    if (node.key == "type") return read_types(node);
    problems_.at(node.key_line,
                 fmt::format("unknown key {}{}", in_quotes(node.key), did_you_mean(node.key, mix_keys)));
  }

  void read_id(const yaml::Node& node) {
    if (!node.is(yaml::Node::Kind::scalar))
      return problems_.at(node.line, "id must be text such as \"SENSOR_{n}\"");
    std::string wrong = text_mistake(node.text);
    if (wrong.empty()) wrong = id_mistake(node.text);
    if (!wrong.empty()) return problems_.at(node.line, fmt::format("id {}", wrong));
    mix_.id = node.text;
    names_id_ = true;
  }

  void read_texts(const yaml::Node& node, std::vector<MixChoice>& choices) {
    choices.clear();
    read_choices(node, [&](const yaml::Node& choice, double weight) {
      std::string wrong = text_mistake(choice.key);
      if (wrong.empty()) wrong = range_mistake(choice.key);
      if (!wrong.empty())
        problems_.at(choice.key_line, fmt::format("{}: {} {}", node.key, in_quotes(choice.key), wrong));
      choices.push_back({choice.key, weight});
    });
  }

  void read_models(const yaml::Node& node) {
    read_texts(node, mix_.model);
    mix_.names_models = true;
  }

  void read_types(const yaml::Node& node) {
    mix_.type.clear();
    read_choices(node, [&](const yaml::Node& choice, double weight) {
      if (const std::string wrong = declare::type_name_problem(choice.key, {}); !wrong.empty())
        problems_.at(choice.key_line, fmt::format("type: {} {}", in_quotes(choice.key), wrong));
      mix_.type.push_back({choice.key, weight});
    });
  }

  void read_rates(const yaml::Node& node) {
    mix_.readings_per_second.clear();
    read_choices(node, [&](const yaml::Node& choice, double weight) {
      const auto rate = parse_number(choice.key);
      if (rate && *rate > 0 && *rate <= highest_rate)
        return mix_.readings_per_second.push_back({*rate, weight});
      problems_.at(choice.key_line,
                   fmt::format("readings_per_second: {} must be a number above 0 and at most {}",
                               in_quotes(choice.key), highest_rate));
    });
  }

  using TakeChoice = std::function<void(const yaml::Node& choice, double weight)>;

  void read_choices(const yaml::Node& node, const TakeChoice& take) {
    if (!node.is(yaml::Node::Kind::map) || node.children.empty()) {
      return problems_.at(
          node.line,
          fmt::format("{} must list choices and their weights, such as {{\"A\": 3, \"B\": 1}}", node.key));
    }
    double sum = 0;
    for (const yaml::Node& choice : node.children) {
      const double weight = read_weight(node.key, choice);
      sum += weight;
      take(choice, weight);
    }
    if (sum > 0 && std::isfinite(sum)) return;
    problems_.at(node.line, fmt::format("{}: the weights must add up to a number above 0", node.key));
  }

  double read_weight(const std::string& name, const yaml::Node& choice) {
    const auto weight = choice.is(yaml::Node::Kind::scalar) ? parse_number(choice.text) : std::nullopt;
    if (weight && *weight >= 0) return *weight;
    problems_.at(choice.line, fmt::format("{}: the weight of {} must be a number of 0 or more", name,
                                          in_quotes(choice.key)));
    return 1;  // so that the sum is not a second problem
  }

  const yaml::FileProblems& problems_;
  Mix mix_ = default_mix();
  bool names_id_ = false;
};

}  // namespace

Mix default_mix() {
  Mix mix;
  mix.id = "SENSOR_{n}";
  mix.location = {{"Factory A - Line {1-20}", 5},
                  {"Factory B - Line {1-12}", 3},
                  {"Warehouse B - Section {1-8}", 3},
                  {"Outdoor - Area {1-4}", 1},
                  {"Office C - Floor {1-10}", 1}};
  mix.manufacturer = {{"SensorTech", 6}, {"DataSense", 2}, {"VibrationPlus", 2}};
  mix.model = {{"TempVibe-1000", 3}, {"TempVibe-2000", 5}, {"TempVibe-3000", 2}};
  mix.firmware_version = {{"1.3", 50}, {"1.4", 40}, {"1.2", 5}, {"1.5", 5}};
  return mix;
}

Mix load_mix(const std::filesystem::path& file, Problems& problems) {
  const auto text = files::read_text_file(file, largest_mix_file_bytes, problems);
  if (!text) return default_mix();
  const yaml::FileProblems file_problems(file.string(), problems);
  const auto tree = yaml::parse(*text, file_problems);
  return tree ? MixReader(file_problems).read(*tree) : default_mix();
}

Mix mix_of_types(std::string_view types, Problems& problems) {
  // The same as a file that says so.
  std::string text = "type:\n";
  for (const std::string_view rest = types; !types.empty();) {
    const std::string_view one = types.substr(0, types.find(','));
    types.remove_prefix(std::min(types.size(), one.size() + 1));
    const auto equals = one.find('=');
    if (equals == one.npos || equals == 0 || equals + 1 == one.size()) {
      problems.add("--mix", fmt::format("{} must be types and their weights, such as pump=20,meter=5",
                                        in_quotes(std::string(rest))));
      return default_mix();
    }
    text += fmt::format("  {}: {}\n", yaml::scalar(std::string(one.substr(0, equals))),
                        yaml::scalar(std::string(one.substr(equals + 1))));
  }
  const yaml::FileProblems file_problems("--mix", problems);
  const auto tree = yaml::parse(text, file_problems);
  return tree ? MixReader(file_problems).read(*tree) : default_mix();
}

NumberRange range_at(std::string_view text) {
  constexpr std::size_t most_digits = 9;
  const auto dash = text.find('-');
  const auto closing = text.find('}');
  if (!text.starts_with('{') || closing == std::string_view::npos || dash > closing) return {};
  const auto number = [&](std::size_t from, std::size_t to) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + from, text.data() + to, value);
    if (error != std::errc() || end != text.data() + to || to - from > most_digits) return std::nullopt;
    return value;
  };
  const auto first = number(1, dash);
  const auto last = number(dash + 1, closing);
  if (!first || !last || *first > *last) return {};
  return {*first, *last, closing + 1};
}

}  // namespace fleet_sim::generate
