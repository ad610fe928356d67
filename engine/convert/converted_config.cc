#include "convert/converted_config.h"

#include <fmt/format.h>

#include "base/plain_text.h"
#include "config/behaviors.h"
#include "config/config_keys.h"
#include "config/load_config.h"
#include "config/units.h"
#include "declare/declarations.h"
#include "foreign/names.h"
#include "identity/identity_rules.h"
#include "identity/load_identities.h"
#include "scenario/scenario.h"
#include "types/built_in_type.h"
#include "yaml/tree.h"

namespace fleet_sim::convert {
namespace {

using Node = yaml::Node;
using Kind = Node::Kind;

constexpr std::string_view no_equivalent = "fleet-sim has no such key";

// The lines that a repeatable key is set from.
std::string value_of(const Node& node) {
  if (!node.is(Kind::sequence)) return node.text;
  std::string lines;
  for (const Node& item : node.children) lines += item.text + "\n";
  return lines;
}

class Converter {
 public:
  Converter(const std::string& place, Problems& problems) : file_(place, problems) {}

  void read(const Node& root) {
    if (root.is(Kind::null)) return;
    if (!root.is(Kind::map)) return file_.at(root.line, "a config file must be a map of keys");
    for (const Node& child : root.children) {
      if (child.key == "types") declare::read_types(child, config_.types, file_);
    }
    for (const Node& child : root.children) {
      if (child.key != "types") visit(child, child.key);
    }
    take_address();
  }

  ConvertedConfig finish(const std::string& place, Problems& problems) {
    found_.settings = comments_.size();
    found_.text = fmt::format("# Converted from {} by fleet-sim convert.\n", printable(place)) +
                  config::commented_config_text(config_, comments_);
    config::read_config(found_.text, "the converted config", problems);
    found_.types = config_.types;
    return std::move(found_);
  }

 private:
  void visit(const Node& node, const std::string& path) {
    if (path == "behaviors") return config::read_behaviors(node, config_.types, config_.behaviors, file_);
    if (path == "scenario") return static_cast<void>(scenario::read_scenario(node, config_.scenario, file_));
    if (path == "sensor" && node.is(Kind::map)) return take_sensor(node);
    if (path == "replicas" && node.is(Kind::map)) return take_replicas(node);
    if (path == "monitoring.host" || path == "monitoring_host") return note_address(node, path, host_);
    if (path == "monitoring.port" || path == "monitoring_port") return note_address(node, path, port_);
    if (const config::ConfigKey* key = config::find_config_key(path)) {
      return take(node, path, *key, value_of(node), "");
    }
    if (node.is(Kind::null)) return;  // says nothing
    const auto equivalent = foreign::equivalent_of_key(path, node.text);
    if (equivalent && equivalent->ours.empty()) {
      leave_out(node, path, equivalent->note);
    } else if (node.is(Kind::map)) {
      for (const Node& child : node.children) visit(child, path + "." + child.key);
    } else if (!equivalent) {
      leave_out(node, path, no_equivalent);
    } else {
      translate(node, path, *equivalent);
    }
  }

  void translate(const Node& node, const std::string& path, const foreign::Equivalent& equivalent) {
    const config::ConfigKey* key = config::find_config_key(equivalent.ours);
    if (key == nullptr) return leave_out(node, path, no_equivalent);
    if (equivalent.value.empty()) {
      return leave_out(node, path, fmt::format("{} is not a value for {}", in_quotes(node.text), key->name));
    }
    std::string comment = fmt::format("{}: {}", path, printable(node.text, 60));
    if (!equivalent.note.empty()) comment += fmt::format("; {}", equivalent.note);
    take(node, path, *key, equivalent.value, comment);
  }

  void take(const Node& node, const std::string& path, const config::ConfigKey& key, const std::string& value,
            const std::string& comment) {
    if (node.is(Kind::null) && !key.null_is_a_word) return;  // says nothing
    if (node.is(Kind::map)) return leave_out(node, path, fmt::format("{} must be a single value", key.name));
    if (comments_.contains(key.name)) {
      return leave_out(node, path, fmt::format("another key in the file already sets {}", key.name));
    }
    const std::string wrong = key.set(config_, value);
    if (!wrong.empty()) return leave_out(node, path, wrong);
    comments_[key.name] = comment.empty() ? "" : "was " + comment;
    if (!comment.empty()) ++found_.translated;
  }

  void note_address(const Node& node, const std::string& path, const Node*& part) {
    if (!node.is(Kind::scalar)) return;
    part = &node;
    address_was_ += fmt::format("{}{}: {}", address_was_.empty() ? "" : ", ", path, printable(node.text, 60));
  }

  void take_address() {
    const Node* given = port_ != nullptr ? port_ : host_;
    if (given == nullptr) return;
    const std::string address = fmt::format("{}:{}", host_ != nullptr ? host_->text : "127.0.0.1",
                                            port_ != nullptr ? port_->text : "8080");
    take(*given, "monitoring.address", *config::find_config_key("monitoring.address"), address, address_was_);
  }

  void take_sensor(const Node& section) {
    identity::IdentityRecord sensor;
    for (const Node& child : section.children) {
      const std::string path = "sensor." + child.key;
      const auto field = identity::text_field(child.key);
      if (child.is(Kind::null)) continue;
      if (!field || !child.is(Kind::scalar)) {
        leave_out(child, path, "an identity has no text of this name");
      } else if (const std::string wrong = identity::text_problem(child.key, child.text); !wrong.empty()) {
        leave_out(child, path, wrong);
      } else if (*field == identity::Field::type && !is_type(child.text)) {
        leave_out(child, path,
                  fmt::format("{} is no type of sensor here; declare it under `types:`, then name it "
                              "in the identities",
                              in_quotes(child.text)));
      } else {
        identity::text_of(sensor, *field) = child.text;
      }
    }
    found_.sensor = sensor;
  }

  [[nodiscard]] bool is_type(const std::string& name) const {
    return config_.types.contains(name) || name == types::built_in_type().schema.type();
  }

  void take_replicas(const Node& section) {
    Replicas replicas;
    const auto number = [this](const Node& node, const std::string& path, std::uint64_t least,
                               std::uint64_t& value) {
      const std::string wrong = config::parse_count(node.text, least, identity::most_identities, value);
      if (!wrong.empty()) leave_out(node, path, wrong);
    };
    for (const Node& child : section.children) {
      const std::string path = "replicas." + child.key;
      if (child.key == "count") {
        number(child, path, 1, replicas.count);
      } else if (child.key == "start_index") {
        number(child, path, 0, replicas.first);
      } else if (child.key == "prefix" && identity::text_problem("id", child.text).empty()) {
        replicas.prefix = child.text;
      } else {
        leave_out(child, path, no_equivalent);
      }
    }
    found_.replicas = replicas;
  }

  void leave_out(const Node& node, const std::string& path, std::string_view why) {
    found_.left_out.push_back(fmt::format("{}: {}: {}", file_.place(node.key_line), printable(path), why));
  }

  yaml::FileProblems file_;
  config::Config config_;
  config::Comments comments_;  // by key that is set
  ConvertedConfig found_;
  const Node* host_ = nullptr;  // of an address that is one key here
  const Node* port_ = nullptr;
  std::string address_was_;
};

}  // namespace

ConvertedConfig convert_config(std::string_view text, const std::string& place, Problems& problems) {
  const auto root = yaml::parse(text, yaml::FileProblems(place, problems));
  if (!root) return {};
  Converter converter(place, problems);
  converter.read(*root);
  return converter.finish(place, problems);
}

}  // namespace fleet_sim::convert
