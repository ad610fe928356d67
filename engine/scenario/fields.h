// The tables of what an entry of a scenario says: its keys, the verbs, and the keys of what these hold. The
// section `scenario`, its page and the messages about it follow from them. Built when first used; read-only
// afterwards, any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scenario/entry.h"
#include "yaml/file_problems.h"
#include "yaml/tree.h"

namespace fleet_sim::scenario {

// Where a value stands, for problems with it: "scenario.rollout.waves", in a file. Borrows both.
class Place {
 public:
  Place(const yaml::FileProblems& problems, std::string path, bool& failed)
      : problems_(&problems), failed_(&failed), path_(std::move(path)) {}

  [[nodiscard]] Place below(std::string_view key) const;
  // The same place, whose problems are told to another.
  [[nodiscard]] Place noting(bool& failed) const { return {*problems_, path_, failed}; }

  // "scenario.rollout.waves must rise"
  void add(std::size_t line, const std::string& text) const;
  void fail() const { *failed_ = true; }
  void add_unknown(const yaml::Node& node, std::span<const std::string_view> known) const;

 private:
  const yaml::FileProblems* problems_;
  bool* failed_;
  std::string path_;
};

template <class Of>
struct Field {
  std::string_view name;
  std::string values;  // which there are, as the page says it
  std::string_view help;
  bool required = false;
  std::vector<std::string_view> verbs = {};  // of an entry: those that take it; none: all do

  // Assigns the value, or says what is wrong with it.
  std::function<void(const yaml::Node& node, Of& value, const Place& place)> read = {};
  // Text that `read` reads back to the same value.
  std::function<std::string(const Of& value)> text = {};
  // Whether it has the value that it has without being named.
  std::function<bool(const Of& value)> is_usual = {};
};

template <class Of>
const std::vector<Field<Of>>& fields();

template <>
const std::vector<Field<Entry>>& fields();  // but the verb
template <>
const std::vector<Field<Where>>& fields();
template <>
const std::vector<Field<Set>>& fields();
template <>
const std::vector<Field<Fault>>& fields();
template <>
const std::vector<Field<Late>>& fields();
template <>
const std::vector<Field<Deliver>>& fields();

struct VerbRow {
  std::string_view name;
  std::string values;
  std::string_view help;
  std::function<void(const yaml::Node& node, Verb& verb, const Place& place)> read;
  std::function<std::string(const Verb& verb)> text;
};

// In the order of the alternatives of Verb.
const std::vector<VerbRow>& verbs();

inline const VerbRow& verb_of(const Entry& entry) {
  return verbs()[entry.verb.index()];
}

// A map's fields: unknown and missing ones are problems, and it returns false. `others` are keys that the
// caller reads.
template <class Of>
bool read_fields(const yaml::Node& node, Of& value, const Place& place,
                 std::span<const std::string_view> others = {});

// "{name: rollout, at: +2h}": the fields that have to be named.
template <class Of>
std::string fields_text(const Of& value);

}  // namespace fleet_sim::scenario
