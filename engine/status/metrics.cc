#include "status/metrics.h"

#include <fmt/compile.h>

#include <iterator>
#include <string_view>
#include <utility>

namespace fleet_sim::status {
namespace {

// A label's value, quoted: \, " and line breaks need a backslash.
std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? "\\n" : std::string(1, c);
  }
  return text + '"';
}

class Exposition {
 public:
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_),
                   FMT_COMPILE("# HELP fleet_sim_{0} {2}\n# TYPE fleet_sim_{0} {1}\n"), name, type, help);
  }

  template <class Value>
  void sample(Value value, std::string_view labels = "", std::string_view suffix = "") {
    fmt::format_to(std::back_inserter(text_), FMT_COMPILE("fleet_sim_{}{}"), name_, suffix);
    if (!labels.empty()) fmt::format_to(std::back_inserter(text_), FMT_COMPILE("{{{}}}"), labels);
    fmt::format_to(std::back_inserter(text_), FMT_COMPILE(" {}\n"), value);
  }

  template <class Value>
  void one(std::string_view name, std::string_view type, std::string_view help, Value value) {
    begin(name, type, help);
    sample(value);
  }

  template <class Names, class Values>
  void each(std::string_view label, const Names& names, const Values& values) {
    for (std::size_t i = 0; i < names.size(); ++i)
      sample(values[i], fmt::format(FMT_COMPILE("{}=\"{}\""), label, names[i]));
  }

  void histogram(std::string_view name, std::string_view help, const Distribution& distribution) {
    begin(name, "histogram", help);
    for (std::size_t i = 0; i < Distribution::bounds_seconds.size(); ++i) {
      sample(distribution.up_to[i], fmt::format(FMT_COMPILE("le=\"{}\""), Distribution::bounds_seconds[i]),
             "_bucket");
    }
    sample(distribution.count, "le=\"+Inf\"", "_bucket");
    sample(distribution.sum_seconds, "", "_sum");
    sample(distribution.count, "", "_count");
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string_view name_;
};

void add_run(Exposition& out, const Status& status) {
  out.begin("run_info", "gauge", "What is running; always 1.");
  out.sample(1,
             fmt::format("version={},run_id={},partition={},shard_by={},config_hash={}",
                         quoted(status.run.version), quoted(status.run.run_id), quoted(status.run.partition),
                         quoted(status.run.shard_by), quoted(status.run.config_hash)));
  out.one("healthy", "gauge", "1 when every shard can be written, 0 otherwise.", status.healthy() ? 1 : 0);
  out.one("draining", "gauge", "1 from the end of the readings to the end of the process.",
          status.draining ? 1 : 0);
  out.one("sensors", "gauge", "Sensors that this process simulates.", status.now.sensors);
  out.one("nominal_readings_per_second", "gauge", "Readings due per simulated second.",
          status.run.readings_per_second);
  out.one("elapsed_seconds", "gauge", "Real time since the run began in this process.",
          status.now.elapsed_seconds);
  out.one("simulated_seconds_total", "counter", "Simulated time that has been covered by this process.",
          status.now.simulated_seconds.value_or(0));
}

void add_readings(Exposition& out, const Status& status) {
  const Books& books = status.now.books;
  out.one("readings_due_total", "counter", "Readings that were due.", books.due);
  out.one("readings_skipped_total", "counter", "Readings that were due and not taken.", books.skipped);
  out.one("readings_generated_total", "counter", "Readings that were taken.", books.generated);
  out.one("readings_missing_total", "counter", "Readings left out by missing_data anomalies.", books.missing);
  out.one("readings_written_total", "counter", "Readings that were committed.", books.written);
  out.one("readings_found_total", "counter", "Readings that the files held already when the run went on.",
          books.found);
  out.begin("readings_lost_total", "counter", "Readings that no file has, by reason.");
  out.each("reason", loss_reason_names, books.lost_by_reason);
  out.one("events_lost_total", "counter", "Records of anomalies that no file has.", books.events_lost);
  out.one("readings_pending", "gauge", "Readings on their way to the files.", books.pending());
  out.begin("anomalies_total", "counter", "Anomalies that began, by type.");
  out.each("type", anomaly_type_names, books.anomalies_by_type);
}

void add_storage(Exposition& out, const Status& status) {
  out.histogram("lag_seconds", "From when a reading was due until it was committed; nothing at speed max.",
                status.lag);
  out.histogram("commit_seconds", "How long the transactions took that write to the shards.", status.commit);
  out.one("queue_batches", "gauge", "Batches in use.", status.batches_in_use);
  out.one("queue_batches_limit", "gauge", "Batches there are.", status.run.batches_limit);
  out.one("queue_rows", "gauge", "Rows in the writers' memory.", status.rows_waiting);
  out.one("queue_rows_limit", "gauge", "Rows that the writers' memory may hold.", status.run.rows_limit);
  out.begin("shards", "gauge", "Shards, by state.");
  const std::size_t sick = status.shards_retrying + status.shards_degraded;
  out.sample(status.now.shards - sick, "state=\"healthy\"");
  out.sample(status.shards_retrying, "state=\"retrying\"");
  out.sample(status.shards_degraded, "state=\"degraded\"");
  out.one("files_written", "gauge", "Files that this process has written to.", status.now.files_written);
  out.one("readings_deleted_total", "counter", "Readings that database.retention has deleted from the files.",
          status.now.readings_deleted);
  out.one("events_deleted_total", "counter",
          "Records of anomalies that database.retention has deleted from the files.",
          status.now.events_deleted);
  out.one("storage_bytes", "gauge", "Size of the shard files and their logs.", status.storage_bytes);
  out.one("writer_busy_ratio", "gauge", "Share of its time that the busiest writer worked.",
          status.now.writer_busy_share);
  out.begin("errors_total", "counter", "What went wrong, by class.");
  out.each("class", error_class_names, status.now.errors);
}

void add_process(Exposition& out, const Status& status) {
  out.one("reloads_accepted_total", "counter", "Changes of config or identities that took effect.",
          status.now.reloads.accepted);
  out.one("reloads_rejected_total", "counter", "Changes of config or identities that were refused.",
          status.now.reloads.rejected);
  out.one("resident_memory_bytes", "gauge", "Memory that is resident.", status.memory_bytes);
  out.one("peak_resident_memory_bytes", "gauge", "The most memory that was resident.",
          status.peak_memory_bytes);
  out.one("cpu_seconds_total", "counter", "Processor time of all threads, user and system.",
          status.cpu_seconds);
}

}  // namespace

std::string metrics_text(const Status& status) {
  Exposition out;
  add_run(out, status);
  add_readings(out, status);
  add_storage(out, status);
  add_process(out, status);
  return out.take();
}

}  // namespace fleet_sim::status
