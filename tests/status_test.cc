// What a person reads: exact texts.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/text.h"
#include "status/run_text.h"

namespace fleet_sim::status_test {

namespace {

status::Snapshot snapshot_of_a_run() {
  status::Snapshot snapshot;
  snapshot.elapsed_seconds = 90;
  snapshot.simulated_seconds = 90;
  snapshot.simulated_total = 3'600;
  snapshot.books.due = 1'234'600;
  snapshot.books.generated = 1'234'600;
  snapshot.books.written = 1'230'000;
  snapshot.books.missing = 4'000;
  snapshot.books.anomalies = 1'500;
  snapshot.sensors = 15'000;
  snapshot.shards = 9;
  snapshot.files_written = 9;
  snapshot.lag_p50 = 420;
  snapshot.lag_p99 = 51'300;
  snapshot.lag_max = 1'250'000;
  snapshot.writer_busy_share = 0.424;
  snapshot.peak_memory_bytes = 46'240'000;
  return snapshot;
}

}  // namespace

TEST_CASE("numbers are grouped by thousands") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(7) == "7");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1'000) == "1,000");
  CHECK(grouped(12'345) == "12,345");
  CHECK(grouped(123'456) == "123,456");
  CHECK(grouped(12'345'678) == "12,345,678");
  CHECK(grouped(UINT64_MAX) == "18,446,744,073,709,551,615");
}

TEST_CASE("durations come in the unit that fits") {
  CHECK(duration_text(0) == "0 µs");
  CHECK(duration_text(42e-6) == "42 µs");
  CHECK(duration_text(999e-6) == "999 µs");
  CHECK(duration_text(0.001) == "1.0 ms");
  CHECK(duration_text(0.0008) == "800 µs");
  CHECK(duration_text(0.0513) == "51.3 ms");
  CHECK(duration_text(1) == "1 s");
  CHECK(duration_text(1.25) == "1.25 s");
  CHECK(duration_text(12.5) == "12.5 s");
  CHECK(duration_text(59) == "59 s");
  CHECK(duration_text(60) == "1 min 0 s");
  CHECK(duration_text(200) == "3 min 20 s");
  CHECK(duration_text(3'599.9) == "59 min 59 s");
  CHECK(duration_text(3'600) == "1 h 0 min");
  CHECK(duration_text(86'399) == "23 h 59 min");
  CHECK(duration_text(86'400) == "1 d 0 h");
  CHECK(duration_text(187'200) == "2 d 4 h");
  CHECK(duration_text(30 * 86'400.0) == "30 d 0 h");
}

TEST_CASE("bytes come in decimal units") {
  CHECK(counted(1, "shard") == "1 shard");
  CHECK(counted(0, "shard") == "0 shards");
  CHECK(counted(1'200, "identity", "identities") == "1,200 identities");
  CHECK(bytes_text(0) == "0.0 kB");
  CHECK(bytes_text(1'500) == "1.5 kB");
  CHECK(bytes_text(1'000'000) == "1.0 MB");
  CHECK(bytes_text(1'200'000'000'000) == "1.20 TB");
  CHECK(bytes_text(46'240'000) == "46.2 MB");
  CHECK(bytes_text(1'000'000'000) == "1.00 GB");
  CHECK(bytes_text(12'345'000'000) == "12.35 GB");
}

TEST_CASE("the progress line shows the rate since an earlier moment") {
  status::Snapshot before = snapshot_of_a_run();
  status::Snapshot now = snapshot_of_a_run();
  before.elapsed_seconds = 80;
  before.books.written = 1'105'000;
  CHECK(
      status::progress_text(now, before) ==
      "12,500 rows/s | 1,230,000 rows | lag p99 51.3 ms | 600 waiting | 1,500 anomalies | 58 min 30 s left");
}

TEST_CASE("the progress line of an unpaced, endless or troubled run") {
  status::Snapshot now = snapshot_of_a_run();
  now.speed.reset();
  now.simulated_seconds = 1'800;
  CHECK(status::progress_text(now, status::Snapshot()) ==
        "13,667 rows/s | 1,230,000 rows | 600 waiting | 1,500 anomalies | 1 min 30 s left");
  now.simulated_total.reset();
  now.errors[static_cast<std::size_t>(ErrorClass::full)] = 1'000;
  now.errors[static_cast<std::size_t>(ErrorClass::io)] = 24;
  now.books.lost_by_reason = {100, 200};
  CHECK(status::progress_text(now, now) ==
        "0 rows/s | 1,230,000 rows | 300 waiting | 1,500 anomalies | 300 LOST | 1,024 errors");
  now.simulated_total = 3'600;
  now.simulated_seconds = 3'700;
  CHECK(status::progress_text(now, now).ends_with(" | finishing"));
  now.simulated_seconds = 0;
  CHECK(status::progress_text(now, now).ends_with("errors"));
}

TEST_CASE("the progress line of a run that fills history says for how long, and then goes by the clock") {
  status::Snapshot now = snapshot_of_a_run();
  now.simulated_seconds = 45'000;
  now.simulated_total = 90'000;
  now.history_left = 41'400;
  CHECK(status::progress_text(now, now) ==
        "0 rows/s | 1,230,000 rows | 600 waiting | 1,500 anomalies | filling history, 1 min 23 s left");
  now.simulated_total.reset();
  CHECK(status::progress_text(now, now).ends_with(" | filling history, 1 min 23 s left"));
  now.simulated_seconds = 0;
  CHECK(status::progress_text(now, now).ends_with(" | filling history"));
  now.history_left.reset();
  now.simulated_seconds = 86'400;
  now.simulated_total = 86'700;
  CHECK(status::progress_text(now, now).ends_with(
      " | lag p99 51.3 ms | 600 waiting | 1,500 anomalies | 5 min 0 s left"));
  now.speed = 5;
  CHECK(status::progress_text(now, now).ends_with(" | 1 min 0 s left"));
}

TEST_CASE("the summary says that a count was completed, and nothing of lag when all was history") {
  status::Snapshot now = snapshot_of_a_run();
  now.counted = 2'000'000;
  now.history_left = 0;
  const std::string text = status::summary_text(now, "data");
  CHECK(text.find("  due           1,234,600, which completes --count 2000000\n") != text.npos);
  CHECK(text.find("lag") == text.npos);
}

TEST_CASE("the progress line leaves out what matters least where the terminal is narrow") {
  status::Snapshot now = snapshot_of_a_run();
  now.books.lost_by_reason = {100, 200};
  now.errors[0] = 12;
  const std::vector<std::string> narrower{
      "13,667 rows/s | 1,230,000 rows | lag p99 51.3 ms | 300 waiting | 1,500 anomalies | 300 LOST | 12 "
      "errors | "
      "58 min 30 s left",
      "13,667 rows/s | 1,230,000 rows | lag p99 51.3 ms | 300 waiting | 300 LOST | 12 errors | 58 min 30 s "
      "left",
      "13,667 rows/s | lag p99 51.3 ms | 300 waiting | 300 LOST | 12 errors | 58 min 30 s left",
      "13,667 rows/s | lag p99 51.3 ms | 300 LOST | 12 errors | 58 min 30 s left",
      "13,667 rows/s | 300 LOST | 12 errors | 58 min 30 s left",
      "13,667 rows/s | 300 LOST | 12 errors",
      "13,667 rows/s | 300 LOST",
      "13,667 rows/s"};
  for (std::size_t i = 0; i < narrower.size(); ++i) {
    CHECK(status::progress_text(now, status::Snapshot(), narrower[i].size()) == narrower[i]);
    if (i > 0)
      CHECK(status::progress_text(now, status::Snapshot(), narrower[i - 1].size() - 1) == narrower[i]);
  }
  CHECK(status::progress_text(now, status::Snapshot(), 1) == "13,667 rows/s");
}

TEST_CASE("the width of the progress line is counted in characters") {
  status::Snapshot now = snapshot_of_a_run();
  now.lag_p99 = 420;
  now.simulated_total.reset();
  const std::string line = "13,667 rows/s | 1,230,000 rows | lag p99 420 µs | 600 waiting | 1,500 anomalies";
  CHECK(status::progress_text(now, status::Snapshot(), line.size() - 1) == line);  // µ has two bytes
  CHECK(status::progress_text(now, status::Snapshot(), line.size() - 2) != line);
}

TEST_CASE("a run that the writer held up ends with a hint") {
  status::Snapshot snapshot = snapshot_of_a_run();
  snapshot.writer_busy_share = 0.98;
  snapshot.furthest_behind_seconds = 12;
  snapshot.writers = 1;
  snapshot.cores = 4;
  CHECK(status::writers_hint(snapshot) ==
        "  hint          the writer was the bottleneck (98% busy); --writers 3 would use more cores\n");
  const auto suggested = [&snapshot] {
    const std::string hint = status::writers_hint(snapshot);
    return hint.empty() ? 0 : std::stoi(hint.substr(hint.find("--writers ") + 10));
  };

  SUBCASE("at any speed but one that storage keeps up with") {
    snapshot.furthest_behind_seconds = 0.4;
    CHECK(suggested() == 0);
    snapshot.speed.reset();
    CHECK(suggested() == 3);
  }
  SUBCASE("unless it wrote nothing, as when a run goes on that had come to its end") {
    snapshot.books.written = 0;
    CHECK(suggested() == 0);
  }
  SUBCASE("unless the writer had time to spare") {
    snapshot.writer_busy_share = 0.9;
    CHECK(suggested() == 0);
  }
  SUBCASE("as far as there are shards") {
    snapshot.shards = 2;
    CHECK(suggested() == 2);
    snapshot.shards = 1;
    CHECK(suggested() == 0);
  }
  SUBCASE("as far as there are cores") {
    snapshot.cores = 2;
    CHECK(suggested() == 2);
    snapshot.cores = 1;
    CHECK(suggested() == 0);
  }
  SUBCASE("from more than one writer") {
    snapshot.writers = 3;
    CHECK(suggested() == 4);
    snapshot.writers = 4;
    CHECK(suggested() == 0);
  }
  SUBCASE("up to as many as there may be") {
    snapshot.cores = 500;
    snapshot.shards = 500;
    CHECK(suggested() == 64);
    snapshot.writers = 64;
    CHECK(suggested() == 0);
  }
}

TEST_CASE("the summary of a clean, paced run") {
  status::Snapshot snapshot = snapshot_of_a_run();
  snapshot.books.written = 1'230'600;
  CHECK(status::summary_text(snapshot, "/srv/data") ==
        "  sensors       15,000 in 9 shards\n"
        "  due           1,234,600\n"
        "  written       1,230,600 rows, 13,673 rows/s over 1 min 30 s\n"
        "  missing       4,000 left out by missing_data, dropout, aging anomalies\n"
        "  lost          0\n"
        "  success       100% of readings accounted for\n"
        "  anomalies     1,500\n"
        "  errors        0\n"
        "  lag           p50 420 µs, p99 51.3 ms, max 1.25 s\n"
        "  writer        42% busy\n"
        "  memory        46.2 MB peak\n"
        "  files         9 in /srv/data\n");
}

TEST_CASE("the summary of a run that was cut short says how far it came") {
  status::Snapshot snapshot = snapshot_of_a_run();
  snapshot.simulated_seconds = 63;
  snapshot.simulated_total = 365 * 86'400.0;
  CHECK(status::summary_text(snapshot, "data").find("ended") == std::string::npos);
  snapshot.cut_short = true;
  CHECK(status::summary_text(snapshot, "data")
            .find("  ended         cut short after 1 min 3 s of 365 d 0 h of "
                  "simulated time (0.00%)\n") != std::string::npos);
  snapshot.simulated_seconds = 365 * 86'400.0 - 0.001;  // which is not all of it
  CHECK(status::summary_text(snapshot, "data").find("(99.99%)") != std::string::npos);
}

TEST_CASE("a run that has lost rows says how they are made again") {
  const std::string again =
      "  again         for the lost rows too, run the same command with --seed 7 --start "
      "2026-01-01T00:00:00.000000Z and another ";
  CHECK(status::losses_hint(7, 1'767'225'600'000'000, true) == again + "--data-dir\n");
  CHECK(status::losses_hint(7, 1'767'225'600'000'000, false) == again + "--sink\n");
  CHECK(status::resume_hint() == "  again         with --resume, the same command writes what is missing\n");
}

TEST_CASE("the summary of an unpaced run with losses") {
  status::Snapshot snapshot = snapshot_of_a_run();
  snapshot.speed.reset();
  snapshot.shards = 1;
  snapshot.sensors = 1;
  snapshot.files_written = 1;
  snapshot.errors = {4, 8};
  snapshot.books.due = snapshot.books.generated = 10'000;
  snapshot.books.written = 8'000;
  snapshot.books.missing = 500;
  snapshot.books.lost_by_reason = {1'100, 400};
  CHECK(status::summary_text(snapshot, "the null sink") ==
        "  sensors       1 in 1 shard\n"
        "  due           10,000\n"
        "  written       8,000 rows, 88 rows/s over 1 min 30 s\n"
        "  missing       500 left out by missing_data, dropout, aging anomalies\n"
        "  lost          1,500 (backlog_full 1,100) (storage_failed_at_stop 400)\n"
        "  success       85.00% of readings accounted for\n"
        "  anomalies     1,500\n"
        "  errors        12 (busy 4) (full 8)\n"
        "  writer        42% busy\n"
        "  memory        46.2 MB peak\n"
        "  files         1 in the null sink\n");
}

TEST_CASE("the summary of a run in which nothing was due") {
  const std::string text = status::summary_text(status::Snapshot(), ".");
  CHECK(text.find("  due           0\n") != std::string::npos);
  CHECK(text.find("  success       100%") != std::string::npos);
  CHECK(text.find("  written       0 rows, 0 rows/s over 1 µs\n") != std::string::npos);
}

}  // namespace fleet_sim::status_test
