// What a generated fleet is made of: for each property of a sensor, texts and how often each occurs. Read
// from a small YAML file or the built-in industrial fleet. The file is untrusted; every problem is collected
// with its line. Whether types are declared is not known here. Plain values, immutable once loaded; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"

namespace fleet_sim::generate {

inline constexpr std::uintmax_t largest_mix_file_bytes = 1 << 20;
inline constexpr std::size_t longest_mix_text_bytes = 900;  // leaves room for the numbers that are put in

// A text that may hold ranges like {1-20}, each standing for one of its numbers, and its share of the fleet
// relative to the weights of the other choices.
struct MixChoice {
  std::string text;
  double weight = 1;
};

// The same for a number.
struct MixRate {
  double readings_per_second = 1;
  double weight = 1;
};

// Every list of texts has at least one choice and a sum of weights above 0.
struct Mix {
  std::string id;  // {n} stands for the zero-padded number of the sensor, {type} for its type in capitals
  std::vector<MixChoice> location;
  std::vector<MixChoice> manufacturer;
  std::vector<MixChoice> model;
  std::vector<MixChoice> firmware_version;
  std::vector<MixRate> readings_per_second;  // none: the config's rate for all
  std::vector<MixChoice> type;               // none: the built-in one for all
  bool names_models = false;                 // `model` is not the default
};

// Mostly firmware 1.3 and 1.4, three manufacturers, three models, and locations of every class.
Mix default_mix();

// The default mix with the properties that the file names replaced. With problems the result is not to be
// used.
Mix load_mix(const std::filesystem::path& file, Problems& problems);

// The default mix with types and their weights: "pump=20,meter=5".
Mix mix_of_types(std::string_view types, Problems& problems);

// A range {a-b} at the start of `text`.
struct NumberRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::size_t length = 0;  // of its text, braces included; 0: there is no valid range here
};
NumberRange range_at(std::string_view text);

}  // namespace fleet_sim::generate
