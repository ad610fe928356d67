#include "generate/generate_fleet.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "types/built_in_type.h"

namespace fleet_sim::generate {
namespace {

std::string padded(std::uint64_t number, std::uint64_t count) {
  constexpr std::size_t least_digits = 6;
  const std::size_t width = std::max(least_digits, std::to_string(count).size());
  std::string digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

// One property of one sensor: each has its own counter, so none depends on how many words another needed.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t number, std::uint64_t property)
      : block_(draw_block(seed, number, Stream::generate, property)) {}

  // Past the fourth word they repeat: a text with more than three ranges has dependent ones.
  std::uint64_t next() { return block_[used_++ % block_.size()]; }

 private:
  RandomBlock block_;
  std::size_t used_ = 0;
};

template <class Choice>
const Choice& choose(const std::vector<Choice>& choices, std::uint64_t word) {
  double sum = 0;
  for (const Choice& choice : choices) sum += choice.weight;
  double left = uniform(word) * sum;
  const Choice* chosen = nullptr;
  for (const Choice& choice : choices) {
    if (choice.weight <= 0) continue;
    chosen = &choice;
    left -= choice.weight;
    if (left < 0) break;
  }
  return *chosen;
}

std::string with_ranges_drawn(std::string_view text, Draws& draws) {
  std::string drawn;
  while (!text.empty()) {
    const NumberRange range = text.front() == '{' ? range_at(text) : NumberRange{};
    if (range.length == 0) {
      drawn += text.front();
      text.remove_prefix(1);
    } else {
      drawn += std::to_string(range.first + uniform_below(draws.next(), range.last - range.first + 1));
      text.remove_prefix(range.length);
    }
  }
  return drawn;
}

std::string in_capitals(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string draw_text(const std::vector<MixChoice>& choices, Draws draws) {
  const MixChoice& choice = choose(choices, draws.next());
  return with_ranges_drawn(choice.text, draws);
}

// The id of the sensor with this number.
std::string id_of(const Mix& mix, const std::string& type, const std::string& number) {
  constexpr std::string_view number_mark = "{n}";
  constexpr std::string_view type_mark = "{type}";
  std::string id = mix.id;
  const auto at = id.find(number_mark);
  at == std::string::npos ? id += number : id.replace(at, number_mark.size(), number);
  if (const auto of_type = id.find(type_mark); of_type != std::string::npos)
    id.replace(of_type, type_mark.size(), in_capitals(type));
  return id;
}

// A sensor of another type than the built-in one is no TempVibe: of the default models, it keeps the number.
std::string model_of(const Mix& mix, const std::string& type, const std::string& drawn) {
  if (mix.names_models || type == types::built_in_type().schema.type()) return drawn;
  const auto number = drawn.find('-');
  std::string name = type;
  name.front() = in_capitals(name.substr(0, 1)).front();
  return number == drawn.npos ? name : name + drawn.substr(number);
}

// The id, in letters that every file system takes; the number where it is too long for a name.
std::string file_name_of(const std::string& id, const std::string& number) {
  constexpr std::size_t longest = 200;
  if (id.size() > longest) return "sensor_" + number + ".json";
  std::string name = id;
  for (char& c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_' || c == '.';
    if (!plain) c = '_';
  }
  if (name.starts_with('.')) name.front() = '_';
  return name + ".json";
}

struct DemoSensor {
  std::string file_name;
  identity::IdentityRecord record;
};

std::vector<DemoSensor> demo_sensors() {
  std::vector<DemoSensor> sensors;
  const auto add = [&](const std::string& file, const std::string& id, const std::string& location,
                       const std::string& manufacturer, const std::string& model,
                       const std::string& firmware) {
    sensors.push_back(
        {file + ".json",
         {id, types::built_in_type().schema.type(), location, manufacturer, model, firmware, {}}});
  };
  for (const std::string n : {"1", "2", "3", "4", "5"}) {
    add("factory_old_" + n, "FACTORY_" + n + "_OLD", "Factory A - Line " + n, "SensorTech", "TempVibe-2000",
        "1.3");
  }
  for (const std::string n : {"1", "2", "3", "4", "5"}) {
    add("factory_new_" + n, "FACTORY_" + n + "_NEW", "Factory A - Line " + n, "SensorTech", "TempVibe-2000",
        "1.4");
  }
  for (const std::string n : {"1", "2", "3"}) {
    add("warehouse_" + n, "WAREHOUSE_" + n, "Warehouse B - Section " + n, "DataSense",
        "TempVibe-" + n + "000", "1.3");
  }
  for (const std::string n : {"1", "2"}) {
    add("outdoor_" + n, "OUTDOOR_" + n, "Outdoor - Area " + n, "VibrationPlus", "TempVibe-3000", "1.4");
  }
  return sensors;
}

}  // namespace

identity::IdentityRecord generated_identity(const Mix& mix, std::uint64_t seed, std::uint64_t number,
                                            std::uint64_t count) {
  // The order of the properties is part of the result: a new one goes to the end.
  const auto draws = [&](std::uint64_t property) { return Draws(seed, number, property); };
  identity::IdentityRecord record;
  if (!mix.type.empty()) record.type = choose(mix.type, draws(5).next()).text;
  record.id = id_of(mix, record.type, padded(number, count));
  record.location = draw_text(mix.location, draws(0));
  record.manufacturer = draw_text(mix.manufacturer, draws(1));
  record.model = model_of(mix, record.type, draw_text(mix.model, draws(2)));
  record.firmware_version = draw_text(mix.firmware_version, draws(3));
  if (!mix.readings_per_second.empty()) {
    record.overrides.rate = choose(mix.readings_per_second, draws(4).next()).readings_per_second;
  }
  return record;
}

PlannedFleet demo_fleet() {
  const auto sensors = std::make_shared<const std::vector<DemoSensor>>(demo_sensors());
  return {sensors->size(), [sensors](std::uint64_t index) { return (*sensors)[index].record; },
          [sensors](std::uint64_t index) { return (*sensors)[index].file_name; }};
}

PlannedFleet drawn_fleet(const Mix& mix, std::uint64_t seed, std::uint64_t count) {
  const auto kept = std::make_shared<const Mix>(mix);
  return {count, [=](std::uint64_t index) { return generated_identity(*kept, seed, index + 1, count); },
          [=](std::uint64_t index) {
            const std::string number = padded(index + 1, count);
            return file_name_of(generated_identity(*kept, seed, index + 1, count).id, number);
          }};
}

}  // namespace fleet_sim::generate
