#include "benchmark/target.h"

#include <fmt/format.h>

#include <filesystem>
#include <random>
#include <string_view>
#include <system_error>

#include "base/problems.h"
#include "line_server/http_address.h"
#include "postgresql/address.h"
#include "postgresql/connection.h"
#include "text/text_address.h"

namespace fleet_sim::benchmark {
namespace {

using config::Sink;

// ---- files ----

std::filesystem::file_type type_of(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::status(path, ignored).type();
}

// Of a file that will be ours; empty for pipes, devices, descriptors and servers.
std::string new_file_of(const config::SinkAddress& address) {
  const std::string path = text::read_text_address(address).place.path;
  return path.empty() || type_of(path) != std::filesystem::file_type::not_found ? "" : path;
}

void refuse_existing_file(const config::SinkAddress& address) {
  const std::string path = text::read_text_address(address).place.path;
  if (path.empty() || type_of(path) != std::filesystem::file_type::regular) return;
  throw InvalidInput(
      fmt::format("--sink: {} already exists and was left alone. Move it away or choose another name", path));
}

// ---- schemas ----
// A build without the sink has none of what is called here, and no such address either.

std::string new_schema_name() {
  std::random_device random;
  return fmt::format("fleet_sim_bench_{:08x}", random());
}

// The address with this schema in place of the one that it names.
std::string with_schema(const std::string& target, std::string_view schema) {
  const std::size_t query = std::min(target.find('?'), target.size());
  std::string changed = target.substr(0, query);
  char separator = '?';
  for (std::size_t at = query + 1; at < target.size();) {
    const std::size_t end = std::min(target.find('&', at), target.size());
    const std::string_view parameter = std::string_view(target).substr(at, end - at);
    if (!parameter.starts_with("schema=")) changed.append(1, separator).append(parameter), separator = '&';
    at = end + 1;
  }
  return fmt::format("{}{}schema={}", changed, separator, schema);
}

std::string server_version(const config::SinkSettings& sink) {
  if constexpr (FLEET_SIM_POSTGRESQL) {
    postgresql::Connection connection;
    const postgresql::SqlError error = connection.open(postgresql::address_of(sink));
    if (!error.ok()) throw NoStorage(fmt::format("{}: {}", sink.address.text(), error.message));
    const int version = connection.server_version();
    return fmt::format("PostgreSQL {}.{}", version / 10'000, version % 10'000);
  }
  return {};
}

std::uint64_t schema_bytes(const config::SinkSettings& sink, const std::string& schema) {
  std::uint64_t bytes = 0;
  if constexpr (FLEET_SIM_POSTGRESQL) {
    constexpr const char* sql =
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'";
    postgresql::Connection connection;
    if (!connection.open(postgresql::address_of(sink)).ok()) return 0;
    (void)connection.run(sql, postgresql::Parameters().text(schema), [&](const postgresql::AnswerRow& row) {
      bytes = static_cast<std::uint64_t>(row.integer(0));
    });
  }
  return bytes;
}

std::string drop_schema(const config::SinkSettings& sink, const std::string& schema) {
  std::string problem;
  if constexpr (FLEET_SIM_POSTGRESQL) {
    postgresql::Connection connection;
    postgresql::SqlError error = connection.open(postgresql::address_of(sink));
    if (error.ok()) {
      error = connection.execute(
          fmt::format("SET client_min_messages = warning; DROP SCHEMA IF EXISTS {} CASCADE",
                      postgresql::quoted_name(schema)));
    }
    problem = error.message;
  }
  return problem;
}

}  // namespace

std::string look_at_target(const config::SinkSettings& sink) {
  switch (sink.address.sink) {
    case Sink::text:
      refuse_existing_file(sink.address);
      return {};
    case Sink::postgresql:
      return server_version(sink);
    case Sink::line_server:
      (void)line_server::http_address_of(sink);
      return {};
    default:
      return {};
  }
}

BenchTarget::BenchTarget(const config::SinkSettings& sink) : sink_(sink) {
  if (sink.address.sink == Sink::text) {
    file_ = new_file_of(sink.address);
    takes_space_ = !file_.empty();
  } else if (sink.address.sink == Sink::postgresql) {
    schema_ = new_schema_name();
    sink_.address.target = with_schema(sink.address.target, schema_);
  } else if (sink.address.sink == Sink::null) {
    takes_space_ = false;
  }
}

std::uint64_t BenchTarget::bytes() const {
  if (!schema_.empty()) return schema_bytes(sink_, schema_);
  std::error_code error;
  const std::uint64_t bytes = file_.empty() ? 0 : std::filesystem::file_size(file_, error);
  return error ? 0 : bytes;
}

std::string BenchTarget::remove() {
  std::string problem;
  if (!schema_.empty()) {
    problem = drop_schema(sink_, schema_);
    if (!problem.empty()) problem = fmt::format("the schema {} could not be dropped: {}", schema_, problem);
  } else if (!file_.empty()) {
    std::error_code error;
    std::filesystem::remove(file_, error);
    if (error) problem = fmt::format("{} could not be removed: {}", file_, error.message());
  }
  schema_.clear();
  file_.clear();
  return problem;
}

}  // namespace fleet_sim::benchmark
