// Addresses of sinks: which there are, what is refused, and that their secrets are not shown.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/load_config.h"
#include "config/sinks.h"

namespace fleet_sim::sink_address_test {
namespace {

struct Loaded {
  config::Config config;
  std::string problems;
};

Loaded load(const std::vector<config::Setting>& flags) {
  Problems problems;
  Loaded loaded{config::load_config({}, {}, flags, problems), {}};
  loaded.problems = problems.text();
  return loaded;
}

}  // namespace

TEST_CASE("what reads as a secret is not shown") {
  CHECK(config::without_secrets("postgresql://user:pa:ss@wo@host:5432/db?schema=a") ==
        "postgresql://user@host:5432/db?schema=a");
  CHECK(config::without_secrets("postgresql://user@host/db") == "postgresql://user@host/db");
  CHECK(config::without_secrets("postgresql://host:5432/db") == "postgresql://host:5432/db");
  CHECK(config::without_secrets("postgresql:///db?host=/run&password=x&user=u") ==
        "postgresql:///db?host=/run&user=u");
  CHECK(config::without_secrets("lines+http://host:8086/write?db=a&u=me&p=x") ==
        "lines+http://host:8086/write?db=a&u=me");
  CHECK(config::without_secrets("lines+http://host/write?token=x") == "lines+http://host/write");
  CHECK(config::without_secrets("csv:a@b:c.csv") == "csv:a@b:c.csv");
  CHECK(config::without_secrets("postgresql://user:pa?ss@host/db?schema=a&password=x") ==
        "postgresql://user@host/db?schema=a");
}

TEST_CASE("secrets do not stay among the arguments of the process") {
  const auto left = [](std::string argument) {
    config::overwrite_secrets(argument);
    return argument;
  };
  CHECK(left("--sink=postgresql://user:pa:ss@wo@host:5432/db?schema=a") ==
        "--sink=postgresql://user:xxxxxxxx@host:5432/db?schema=a");
  CHECK(left("postgresql://user:pa?ss@host/db?password=word") ==
        "postgresql://user:xxxxx@host/db?password=xxxx");
  CHECK(left("lines+http://host:8086/write?db=a&p=open&u=me&token=") ==
        "lines+http://host:8086/write?db=a&p=xxxx&u=me&token=");
  for (const char* plain : {"postgresql://user@host:5432/db?schema=a", "csv:a@b:c.csv", "--seed=7", "a?p=b"})
    CHECK(left(plain) == plain);
}

TEST_CASE("a word or a scheme names a sink, and everything else is refused without its secrets") {
  config::SinkAddress address;
  CHECK(config::parse_sink_address("null", address) == "");
  CHECK(address == config::null_address);
  CHECK(config::parse_sink_address("SQLite", address) == "");
  CHECK(address == config::SinkAddress{});
  for (const std::string_view wrong : {"", "tape", "null:x", "sqlite:a.db", "mysql://user:hidden@host/db"}) {
    CAPTURE(wrong);
    const std::string why = config::parse_sink_address(wrong, address);
    CHECK(why.find("must be sqlite") == 0);
    CHECK(why.find("hidden") == why.npos);
  }
  CHECK(address == config::SinkAddress{});
}

TEST_CASE("what a config records of an address reads back") {
  for (const std::string_view text : {"sqlite", "null"}) {
    CAPTURE(text);
    const Loaded loaded = load({{"sink.address", std::string(text), "--sink"}});
    CHECK(loaded.problems == "");
    Problems problems;
    CHECK(config::read_config(config::config_text(loaded.config), "recorded", problems) == loaded.config);
    CHECK(problems.empty());
  }
}

TEST_CASE("only files are sharded") {
  const std::vector<config::Setting> sharded{{"sharding.by", "location", "--shard-by"}};
  CHECK(load(sharded).problems == "");
  std::vector<config::Setting> both = sharded;
  both.push_back({"database.sink", "null", "--sink"});
  CHECK(load(both).problems ==
        "--shard-by: sharding.by 'location' is about SQLite's files, but sink.address is 'null'; give one of "
        "them");
}

}  // namespace fleet_sim::sink_address_test
