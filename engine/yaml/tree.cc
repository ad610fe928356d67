#include "yaml/tree.h"

#include <fmt/format.h>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "base/plain_text.h"

namespace fleet_sim::yaml {
namespace {

constexpr std::string_view merge_key = "<<";

// Ends the parse from inside yaml-cpp's callbacks.
struct Refused {
  std::size_t line;
  std::string why;
};

std::size_t line_at(const YAML::Mark& mark) {
  return static_cast<std::size_t>(mark.line) + 1;
}

std::size_t count_nodes(const Node& node) {
  std::size_t nodes = 1;
  for (const Node& child : node.children) nodes += count_nodes(child);
  return nodes;
}

// Levels of collections; a single value has none.
std::size_t height(const Node& node) {
  if (!node.is(Node::Kind::sequence) && !node.is(Node::Kind::map)) return 0;
  std::size_t highest = 0;
  for (const Node& child : node.children) highest = std::max(highest, height(child));
  return highest + 1;
}

// yaml-cpp blames something else when a tab indents the line.
std::string_view tab_hint(std::string_view content, const YAML::Mark& mark) {
  if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) > content.size()) return {};
  const std::string_view before = content.substr(0, static_cast<std::size_t>(mark.pos));
  const std::string_view line = before.substr(before.rfind('\n') + 1);
  const std::string_view indent = line.substr(0, line.find_first_not_of(" \t"));
  return indent.find('\t') == indent.npos ? "" : " (tabs cannot indent; use spaces)";
}

// Turns yaml-cpp's events into a tree. Collections that are still open form a stack, innermost last.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view content, const FileProblems& problems)
      : content_(content), problems_(problems) {}

  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1)
      throw Refused{line_at(mark), "a config must be one YAML document; a second one starts here"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(leaf(Node::Kind::null, mark, is_word_null(mark) ? "null" : ""), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                const std::string& text) override {
    add(leaf(Node::Kind::scalar, mark, text), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) throw Refused{line_at(mark), "an alias must not refer to itself"};
    spend(count_nodes(found->second), line_at(mark));
    if (open_.size() + height(found->second) > deepest_nesting) refuse_depth(mark);
    attach(found->second, line_at(mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::sequence, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::map, mark, anchor);
  }
  void OnMapEnd() override {
    drop_repeated_keys(open_.back().node);
    resolve_merges(open_.back().node);
    close();
  }

 private:
  struct Key {
    std::string text;
    std::size_t line = 1;
  };
  struct Open {
    Node node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::optional<Key> key;  // of a map: read, and waiting for its value
  };

  [[noreturn]] static void refuse_depth(const YAML::Mark& mark) {
    throw Refused{line_at(mark), fmt::format("is nested more than {} levels deep", deepest_nesting)};
  }

  void spend(std::size_t nodes, std::size_t line) {
    nodes_ += nodes;
    if (nodes_ <= most_nodes) return;
    throw Refused{line,
                  fmt::format("has more than {} values (an alias counts each time it is used)", most_nodes)};
  }

  [[nodiscard]] bool is_word_null(const YAML::Mark& mark) const {
    if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) > content_.size()) return false;
    const std::string_view word = content_.substr(static_cast<std::size_t>(mark.pos), 4);
    return word == "null" || word == "Null" || word == "NULL";
  }

  Node leaf(Node::Kind kind, const YAML::Mark& mark, std::string text) {
    spend(1, line_at(mark));
    Node node;
    node.kind = kind;
    node.line = line_at(mark);
    node.text = std::move(text);
    return node;
  }

  void open(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() == deepest_nesting) refuse_depth(mark);
    open_.push_back({leaf(kind, mark, ""), anchor, std::nullopt});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(Node node, YAML::anchor_t anchor) {
    const std::size_t line = node.line;
    if (anchor != YAML::NullAnchor) {
      spend(count_nodes(node), line);  // the copy kept for aliases
      anchored_[anchor] = node;
    }
    attach(std::move(node), line);
  }

  // Hangs a finished node into the innermost open collection: in a map, keys and values take turns.
  void attach(Node node, std::size_t line) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is(Node::Kind::map) && !parent.key) {
      if (!node.is(Node::Kind::scalar)) throw Refused{line, "a key must be a single value"};
      parent.key = Key{std::move(node.text), line};
      return;
    }
    if (parent.key) {
      node.key = std::move(parent.key->text);
      node.key_line = parent.key->line;
      parent.key.reset();
    }
    parent.node.children.push_back(std::move(node));
  }

  void drop_repeated_keys(Node& map) {
    std::unordered_map<std::string, std::size_t> first_line;
    std::erase_if(map.children, [&](const Node& child) {
      const auto [first, is_new] = first_line.try_emplace(child.key, child.key_line);
      if (!is_new) {
        problems_.at(child.key_line,
                     fmt::format("repeated key {} (first on line {})", in_quotes(child.key), first->second));
      }
      return !is_new;
    });
  }

  // `<<` names a map, or several of which the first that has a key wins; what the map says itself wins over
  // all of them. What is merged has been counted already, and takes no level of its own.
  void resolve_merges(Node& map) {
    const auto merge = std::ranges::find(map.children, merge_key, &Node::key);
    if (merge == map.children.end()) return;
    Node merged = std::move(*merge);
    map.children.erase(merge);
    std::unordered_set<std::string> taken;
    for (const Node& child : map.children) taken.insert(child.key);
    const auto take = [&](Node& source) {
      if (!source.is(Node::Kind::map)) return refuse_merge(merged.key_line);
      for (Node& child : source.children) {
        if (taken.insert(child.key).second) map.children.push_back(std::move(child));
      }
    };
    if (merged.is(Node::Kind::sequence)) {
      std::ranges::for_each(merged.children, take);
    } else {
      take(merged);
    }
  }

  void refuse_merge(std::size_t line) {
    problems_.at(line, "'<<' must name a map or a list of maps, such as *common");
  }

  std::string_view content_;
  const FileProblems& problems_;
  Node root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Node> anchored_;
  std::size_t nodes_ = 0;
  std::size_t documents_ = 0;
};

// yaml-cpp 0.8 adds an anchor's name to what 0.7 says.
std::string_view stable(std::string_view message) {
  constexpr std::string_view unknown_anchor = "the referenced anchor is not defined";
  return message.starts_with(unknown_anchor) ? unknown_anchor : message;
}

}  // namespace

const Node* find_value(const Node& map, std::string_view key) {
  const auto child = std::ranges::find(map.children, key, &Node::key);
  return child == map.children.end() || child->is(Node::Kind::null) ? nullptr : &*child;
}

std::optional<Node> parse(std::string_view content, const FileProblems& problems) {
  std::istringstream stream{std::string(content)};
  TreeBuilder builder(content, problems);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take_root();
  } catch (const Refused& refused) {
    problems.at(refused.line, refused.why);
  } catch (const YAML::Exception& error) {
    problems.at(line_at(error.mark), static_cast<std::size_t>(error.mark.column) + 1,
                fmt::format("not valid YAML: {}{}", stable(error.msg), tab_hint(content, error.mark)));
  }
  return std::nullopt;
}

}  // namespace fleet_sim::yaml
