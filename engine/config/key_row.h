// What a row of the table of config keys says, apart from the member that holds the value and how it is
// written. The rows stand below the structs they fill, in *_settings.h, so that a key is defined in one
// place: its member, its default and its row. Constants; any thread.
#pragma once

#include <string_view>

namespace fleet_sim::config {

// What a different value of the key changes in a run.
enum class Decides : unsigned char {
  nothing,   // how fast, how well and where it is kept
  readings,  // what a sensor reads, beside the seed and the start
  place      // which sensors, moments and files are this run's
};

struct KeyRow {
  std::string_view name;       // "simulation.readings_per_second"
  std::string_view also = {};  // another name that files and the environment may use
  std::string_view flag = {};  // "--rate"; empty when only the file and the environment set it
  // What stands for the value in help: "R"; empty for an on/off flag. Words that may be written as they
  // stand are in lower case, between bars: "sqlite|null".
  std::string_view value = {};
  // One line for --help, the man page and the pages. `{}` stands for the range, which the codec knows.
  std::string_view help = {};
  std::string_view flag_help = {};  // instead of `help` where the flag turns the key off
  std::string_view zero = {};       // what 0 means, when it is no amount
  std::string_view more = {};       // for the man page and the reference; `{}` as in `help`
  Decides decides = Decides::nothing;
  bool at_once = false;     // a running process takes on another value; else it has to be restarted
  bool secret = false;      // the value stays out of files, messages and answers
  bool repeatable = false;  // a list: its text has one element per line, repeated flags are joined
  std::string_view other_spelling = {};  // the key that says the same value in another way
  bool null_is_a_word = false;           // YAML's null is a value of the key, not "keep the default"
};

}  // namespace fleet_sim::config
