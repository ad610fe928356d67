#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/nearest.h"
#include "base/plain_text.h"
#include "scenario/fields.h"
#include "scenario/scenario.h"
#include "yaml/forms.h"
#include "yaml/text.h"

namespace fleet_sim::scenario {
namespace {

using NodeKind = yaml::Node::Kind;

std::vector<std::string_view> verb_names() {
  std::vector<std::string_view> names;
  for (const VerbRow& verb : verbs()) names.push_back(verb.name);
  return names;
}

// The one verb that the entry has.
const VerbRow* read_verb(const yaml::Node& node, Entry& entry, const Place& place) {
  const VerbRow* found = nullptr;
  for (const VerbRow& verb : verbs()) {
    const yaml::Node* const value = yaml::find_value(node, verb.name);
    if (value == nullptr) continue;
    if (found != nullptr) {
      place.add(value->key_line, fmt::format("must have one verb, not both {} and {}; make two entries of it",
                                             found->name, verb.name));
      return nullptr;
    }
    found = &verb;
  }
  if (found == nullptr) {
    place.add(node.line, fmt::format("must have a verb: {}", fmt::join(verb_names(), ", ")));
  } else {
    found->read(*yaml::find_value(node, found->name), entry.verb, place.below(found->name));
  }
  return found;
}

void check_fields_of(const VerbRow& verb, const yaml::Node& node, const Place& place) {
  for (const Field<Entry>& field : fields<Entry>()) {
    const bool fits = field.verbs.empty() || std::ranges::find(field.verbs, verb.name) != field.verbs.end();
    if (const yaml::Node* value = yaml::find_value(node, field.name); value != nullptr && !fits)
      place.below(field.name)
          .add(value->key_line, fmt::format("goes with {} only, not with {}; remove it",
                                            fmt::join(field.verbs, ", "), verb.name));
  }
}

// What only several keys together can tell, each with the key that it is about.
std::optional<std::pair<std::string_view, std::string>> contradiction(const Entry& entry) {
  if (entry.ramp == Ramp::linear && entry.waves.size() < 2)
    return std::pair("ramp", std::string("needs two waves or more, such as {0d: 0%, 30d: 100%}"));
  if (entry.duration > 0 && 2 * entry.fade > entry.duration)
    return std::pair("fade",
                     fmt::format("must be at most half of 'for', {}", yaml::span_text(entry.duration)));
  if (entry.every == 0) return std::nullopt;
  if (std::holds_alternative<Join>(entry.verb) || std::holds_alternative<Leave>(entry.verb))
    return std::pair("every", fmt::format("cannot go with {}, which happens once", verb_of(entry).name));
  const Microseconds busy = std::max(reach_of(entry), entry.duration);
  if (entry.every < busy)
    return std::pair("every",
                     fmt::format("must be at least {}, which is how long it takes: waves, spread and "
                                 "'for'",
                                 yaml::span_text(busy)));
  return std::nullopt;
}

std::string too_many(std::size_t count) {
  return fmt::format(
      "must not have more than {} entries, not {}; one can meet many sensors, and begin again with every",
      most_entries, count);
}

// Of them all; empty if they fit into a config.
std::string size_problem(const Entries& entries) {
  if (entries.size() > most_entries) return too_many(entries.size());
  const std::size_t bytes = scenario_text(entries).size();
  if (bytes <= most_scenario_bytes) return {};
  return fmt::format("must not need more than {} bytes, not {}", most_scenario_bytes, bytes);
}

class ScenarioReader {
 public:
  ScenarioReader(Entries& entries, const yaml::FileProblems& problems)
      : entries_(entries), problems_(problems) {
    for (const Entry& entry : entries) known_.emplace(entry.name, 0);
  }

  std::vector<EntryPlace> read(const yaml::Node& section) {
    for (const yaml::Node& node : section.children) name_of(node, line_of_later_);
    std::vector<EntryPlace> places;
    for (const yaml::Node& node : section.children) {
      ++number_;
      bool failed = false;
      std::optional<Entry> entry = read_entry(node, failed);
      if (!entry || failed) continue;
      places.push_back({entry->name, node.line});
      entries_.push_back(std::move(*entry));
    }
    return places;
  }

 private:
  using Lines = std::unordered_map<std::string, std::size_t>;

  static void name_of(const yaml::Node& node, Lines& lines) {
    const yaml::Node* const name = node.is(NodeKind::map) ? yaml::find_value(node, "name") : nullptr;
    if (name != nullptr) lines.emplace(name->text, node.line);
  }

  std::optional<Entry> read_entry(const yaml::Node& node, bool& failed) {
    const yaml::Node* const name = node.is(NodeKind::map) ? yaml::find_value(node, "name") : nullptr;
    const Place place(
        problems_, name == nullptr ? fmt::format("scenario entry {}", number_) : path_of(name->text), failed);
    if (!node.is(NodeKind::map)) {
      place.add(node.line, "must be a map such as {name: outage, at: +1h, for: 10m, silence: true}");
      return std::nullopt;
    }
    Entry entry;
    read_fields(node, entry, place, verb_names());
    if (const VerbRow* verb = read_verb(node, entry, place)) check_fields_of(*verb, node, place);
    if (!failed) check_whole(node, entry, place);
    if (name != nullptr) check_name(node, name->text, place);
    return entry;
  }

  void check_whole(const yaml::Node& node, const Entry& entry, const Place& place) {
    if (const auto wrong = contradiction(entry))
      place.below(wrong->first).add(yaml::find_value(node, wrong->first)->line, wrong->second);
    const std::string& event = entry.where.event;
    if (event.empty() || known_.contains(event)) return;
    const yaml::Node& value = *yaml::find_value(*yaml::find_value(node, "where"), "event");
    place.below("where").below("event").add(value.line, missing_event_text(entry));
  }

  // There is none of that name before it.
  [[nodiscard]] std::string missing_event_text(const Entry& entry) const {
    const std::string& event = entry.where.event;
    if (event == entry.name) return "names the entry itself; name one before it";
    const auto later = line_of_later_.find(event);
    if (later == line_of_later_.end())
      return fmt::format("names {}, but there is no entry of that name before it{}", in_quotes(event),
                         did_you_mean(event, names_before()));
    return fmt::format("names {}, which comes later, on line {}; put it before this entry", in_quotes(event),
                       later->second);
  }

  // At the end, so that an entry cannot name itself.
  void check_name(const yaml::Node& node, const std::string& name, const Place& place) {
    const auto [first, is_new] = known_.emplace(name, node.line);
    if (is_new) return;
    if (first->second == 0)
      return place.add(node.line, "has the name of an entry that is there already; give it another");
    if (first->second == node.line)
      return place.add(node.line, "stands there twice, perhaps with an alias; give each a name of its own");
    place.add(node.line, fmt::format("has the name of the entry on line {}; give it another", first->second));
  }

  // Bounded, because thousands of entries may each name one that there is not.
  [[nodiscard]] std::vector<std::string_view> names_before() const {
    constexpr std::size_t most_compared = 100;
    std::vector<std::string_view> names;
    for (const Entry& entry : entries_) {
      if (names.size() < most_compared) names.push_back(entry.name);
    }
    return names;
  }

  Entries& entries_;
  const yaml::FileProblems& problems_;
  Lines known_;             // names so far; 0: of an earlier file
  Lines line_of_later_;     // all names of this one
  std::size_t number_ = 0;  // of the entry, in its file
};

}  // namespace

std::string path_of(std::string_view entry_name) {
  return yaml::below("scenario", entry_name);
}

std::vector<EntryPlace> read_scenario(const yaml::Node& section, Entries& entries,
                                      const yaml::FileProblems& problems) {
  if (section.is(NodeKind::null)) return {};
  if (!section.is(NodeKind::sequence)) {
    problems.at(
        section.line,
        "scenario must be a list of entries such as - {name: outage, at: +1h, for: 10m, silence: true}");
    return {};
  }
  const std::size_t count = entries.size() + section.children.size();
  if (count > most_entries) {
    problems.at(section.key_line, "scenario " + too_many(count));
    return {};
  }
  std::vector<EntryPlace> places = ScenarioReader(entries, problems).read(section);
  if (const std::string wrong = size_problem(entries); !wrong.empty())
    problems.at(section.key_line, "scenario " + wrong);
  return places;
}

std::string problem_of(const Entries& entries) {
  if (std::string wrong = size_problem(entries); !wrong.empty()) return "scenario " + wrong;
  std::unordered_set<std::string_view> known;
  for (const Entry& entry : entries) {
    const std::string& event = entry.where.event;
    if (!event.empty() && !known.contains(event))
      return fmt::format(
          "{}.where.event names {}, but there is no entry of that name anymore; put it back, or "
          "give the config an entry {} that does without it",
          path_of(entry.name), in_quotes(event), in_quotes(entry.name));
    known.insert(entry.name);
  }
  return {};
}

// JSON that is written on one line is YAML.
void read_entry(const std::string& json, Entries& entries, const yaml::FileProblems& problems) {
  std::optional<yaml::Node> node = yaml::parse(json, problems);
  if (!node) return;
  yaml::Node section;
  section.kind = NodeKind::sequence;
  section.children.push_back(std::move(*node));
  const std::size_t before = entries.size();
  read_scenario(section, entries, problems);
  if (scenario_text(entries).size() > most_scenario_bytes) entries.resize(before);
}

std::string verb_text(const Entry& entry) {
  const VerbRow& verb = verb_of(entry);
  return fmt::format("{}: {}", verb.name, verb.text(entry.verb));
}

std::string entry_text(const Entry& entry) {
  std::string text = fields_text(entry);
  text.pop_back();
  return fmt::format("{}, {}}}", text, verb_text(entry));
}

std::string scenario_text(const Entries& entries) {
  std::string text = entries.empty() ? "" : "scenario:\n";
  for (const Entry& entry : entries) text += fmt::format("  - {}\n", entry_text(entry));
  return text;
}

}  // namespace fleet_sim::scenario
