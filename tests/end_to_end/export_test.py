#!/usr/bin/env python3
"""Readings and labels for other tools: all of them, exactly once, with the same bits, in order, and nothing harmed."""

import csv
import io
import math
import re
import resource
import gzip
import stat
from datetime import datetime

from fleet import *

EXPORTED = [name for name, _ in COLUMNS if name not in ("id", "synced")]
TAGS = ["firmware_version", "location", "manufacturer", "model", "sensor_id"]
ODD = ["a, b", 'say "hi"', "x=y", " led and trailed ", "back\\slash", "'quoted'", "Würzburg", "東京 🏭", "tab less", "#", "a\\,b",
       "-", "\u202e", "=1+1", "null"]


def from_csv(text):
    """Rows as SQLite would give them. An unquoted empty field is NULL, which Python's csv cannot tell from an empty text;
    the columns that may be NULL here are never empty texts."""
    numbers = {"temperature": float, "vibration": float, "voltage": float, "status_code": int, "anomaly_flag": int}
    lines = list(csv.reader(io.StringIO(text, newline="")))
    assert lines[0] == EXPORTED, lines[0]
    return [tuple(numbers[name](field) if name in numbers and field else
                  None if not field and name in (*numbers, "anomaly_type") else field
                  for name, field in zip(EXPORTED, line, strict=True)) for line in lines[1:]]


def from_ndjson(text):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")
    rows = []
    for line in text.splitlines():
        row = json.loads(line, parse_constant=refuse)
        assert list(row) == EXPORTED, row
        rows.append(tuple(row.values()))
    return rows


def split_unescaped(text, separator):
    """At separators that no backslash stands before."""
    return re.split(rf"(?<!\\){re.escape(separator)}", text)


@functools.lru_cache(maxsize=None)
def tags_of(head):
    """The tags before the fields of a line, which are the same for every reading of a sensor."""
    measurement, *tags = split_unescaped(head, ",")
    assert measurement == "sensor_readings", head
    found = {}
    for tag in tags:
        name, value = split_unescaped(tag, "=")
        assert value and name in TAGS and name not in found, head
        found[name] = re.sub(r"\\([, =])", r"\1", value)
    return found


def from_line_protocol(text):
    """Rows by the rules of the InfluxDB line protocol reference; what is not there is None."""
    rows = []
    for line in text.split("\n")[:-1]:
        head, fields, nanoseconds = re.fullmatch(r'((?:[^ \\]|\\.)+) ((?:[^" ]|"(?:[^"\\]|\\.)*")+) (-?\d+)', line).groups()
        row = {**dict.fromkeys(EXPORTED), **tags_of(head)}
        for field in re.findall(r'\w+=(?:"(?:[^"\\]|\\.)*"|[^,]+)', fields):
            name, value = field.split("=", 1)
            if value.startswith('"'):
                row[name] = re.sub(r'\\(["\\])', r"\1", value[1:-1])
            else:
                row[name] = int(value[:-1]) if value.endswith("i") else float(value)
        assert int(nanoseconds) % 1000 == 0
        row["timestamp"] = int(nanoseconds) // 1000
        rows.append(tuple(row.values()))
    return rows


READERS = {"csv": from_csv, "ndjson": from_ndjson, "line-protocol": from_line_protocol}


def by_time(rows):
    """Every row with the number of its shard, as an export orders them."""
    return [row[2:] for row in sorted(rows, key=lambda row: (row[2], row[0], row[1]))]


class Export(FleetTest):
    def export(self, *arguments, **options):
        return self.fleet_sim("export", *arguments, **options)

    def stored(self, data, where="1"):
        """The rows of all shards in the order of an export."""
        rows = [(number, *row) for number, path in enumerate(shards(self.dir / data)) for row in
                query(path, f"SELECT id, {', '.join(EXPORTED)} FROM sensor_readings WHERE {where}")]
        return by_time(rows)

    def assert_exports(self, data, *arguments, where="1"):
        """Each format gives exactly the rows, in order, with the same bits (floats compare by value, and none is NaN)."""
        stored = self.stored(data, where)
        for name, read in READERS.items():
            with self.subTest(format=name):
                ran = self.export(data, "--format", name, *arguments)
                rows = read(ran.stdout)
                expected = [(micros(row[0]), *row[1:]) for row in stored] if name == "line-protocol" else stored
                self.assertEqual(len(rows), len(expected))
                for number, (row, should) in enumerate(zip(rows, expected)):
                    if row != should:
                        self.assertEqual(row, should, f"row {number}")
                self.assertRegex(ran.stderr, rf"^exported {len(stored):,} rows? of (1 shard|[\d,]+ shards) in [^\n]+\n$")
        return stored

    # ---- every reading ----

    def test_all_formats(self):
        for shard_by in ("none", "location", "hash:3"):
            with self.subTest(shard_by=shard_by):
                data = f"by-{shard_by[:4]}"
                self.fill(data, "--duration", "20m", "--shard-by", shard_by, "--rate", 2)
                before = fingerprint(self.dir / data)
                stored = self.assert_exports(data)
                self.assertGreater(len(stored), 30_000)
                self.assertEqual(fingerprint(self.dir / data), before, "nothing in the folder changes")

    def test_runs_appended_out_of_order(self):
        for start, seed in (("2026-01-03", 1), ("2026-01-01", 2), ("2026-01-02", 3), ("2026-01-03T00:01", 4)):
            self.fill("data", "--duration", "3m", "--shard-by", "hash:2", "--start", start, "--seed", seed,
                      "--append")
        stored = self.assert_exports("data")
        self.assertEqual([row[0] for row in stored], sorted(row[0] for row in stored))

    def test_odd_identities(self):
        fleet = self.write_identities([identity(f"{odd}{i}", location=odd, manufacturer=ODD[-i], model=odd + "m")
                                       for i, odd in enumerate(ODD)])
        self.fill("data", "--duration", "1m", "--shard-by", "sensor", identities=fleet)
        self.assert_exports("data")
        for i, odd in enumerate(ODD):
            text = self.export("data", "--sensor", f"{odd}{i}", "--location", odd).stdout
            self.assertEqual({row[1] for row in from_csv(text)}, {f"{odd}{i}"})

    def test_a_trailing_backslash_breaks_no_line(self):
        fleet = self.write_identities([identity("S1\\", location="L\\\\", model="\\")])
        self.fill("data", "--duration", "10", identities=fleet)
        for row in from_line_protocol(self.export("data", "--format", "line-protocol").stdout):
            self.assertEqual((row[1], row[11], row[9]), ("S1", "L", None))
        self.assertEqual({row[1] for row in from_csv(self.export("data").stdout)}, {"S1\\"})

    def test_values_nobody_expects(self):
        self.fill("data", "--duration", "10")
        path = shards(self.dir / "data")[0]
        connection = connect(path)
        connection.execute("UPDATE sensor_readings SET temperature = 9e999, vibration = NULL, voltage = -9e999 WHERE id = 1")
        connection.execute("UPDATE sensor_readings SET location = CAST(x'61ff62' AS TEXT), status_code = NULL WHERE id = 2")
        connection.execute("UPDATE sensor_readings SET temperature = 'hot', location = NULL, model = '' WHERE id = 3")
        connection.execute("UPDATE sensor_readings SET location = 'two' || char(10) || 'lines', voltage = 5e-324 WHERE id = 4")
        connection.execute("UPDATE sensor_readings SET manufacturer = x'00ff', location = 'nul' || char(0) WHERE id = 5")
        ids = [row[0] for row in connection.execute("SELECT id FROM sensor_readings ORDER BY timestamp, id")]
        connection.close()
        at = [ids.index(i) for i in (1, 2, 3, 4, 5)]
        rows = from_ndjson(self.export("data", "--format", "ndjson").stdout)
        self.assertEqual(rows[at[0]][2:5], (None, None, None))
        self.assertEqual((rows[at[1]][11], rows[at[1]][5]), ("a\ufffdb", None))
        self.assertEqual((rows[at[2]][2], rows[at[2]][11], rows[at[2]][9]), ("hot", None, ""))
        self.assertEqual((rows[at[3]][11], rows[at[3]][4]), ("two\nlines", 5e-324))
        self.assertEqual((rows[at[4]][10], rows[at[4]][11]), ("\0\ufffd", "nul\0"))
        lines = from_line_protocol(self.export("data", "--format", "line-protocol").stdout)
        self.assertEqual(len(lines), len(ids))
        self.assertEqual(lines[at[0]][2:5], (None, None, None))
        self.assertEqual((lines[at[2]][2], lines[at[2]][11], lines[at[2]][9]), (None, None, None))
        self.assertEqual(lines[at[3]][11], "two lines")
        text = self.export("data").stdout
        table = list(csv.reader(io.StringIO(text, newline="")))[1:]
        self.assertEqual(table[at[0]][2:5], ["inf", "", "-inf"])
        self.assertEqual(table[at[3]][11], "two\nlines")
        self.assertIn(',""', text.splitlines()[at[2] + 1], "an empty text is not NULL")

    def test_an_empty_shard_and_an_empty_result(self):
        self.fill("data", "--duration", "30")
        stored = self.stored("data")
        (self.dir / "data" / "new.db").touch()
        self.assertEqual(from_csv(self.export("data").stdout), stored)
        self.assertEqual((self.dir / "data" / "new.db").stat().st_size, 0)
        ran = self.export("data", "--from", "2027-01-01")
        self.assertEqual(ran.stdout, ",".join(EXPORTED) + "\n")
        self.assertIn("exported 0 rows", ran.stderr)
        self.assertEqual(self.export("data", "--from", "2027-01-01", "--format", "ndjson").stdout, "")

    # ---- a part of them ----

    def test_filters(self):
        self.fill("data", "--duration", "10m", "--shard-by", "model")
        start, end = "2026-01-01T00:02:00.000000Z", "2026-01-01T00:03:30.250000Z"
        after, before = f"timestamp >= '{start}'", f"timestamp < '{end}'"
        self.assert_exports("data", "--from", start, where=after)
        self.assert_exports("data", "--to", "2026-01-01 01:03:30.25+01:00", where=before)
        self.assert_exports("data", "--from", "2026-01-01T00:02", "--to", end, where=f"{after} AND {before}")
        first = self.stored("data")[0][0]
        self.assertEqual(from_csv(self.export("data", "--from", first).stdout)[0][0], first, "--from belongs to it")
        self.assertEqual(from_csv(self.export("data", "--to", first).stdout), [], "--to does not")
        two = "sensor_id IN ('OUTDOOR_1', 'WAREHOUSE_2')"
        self.assert_exports("data", "--sensor", "OUTDOOR_1", "--sensor", "WAREHOUSE_2", where=two)
        place = "location IN ('Factory A - Line 3', 'Outdoor - Area 1')"
        self.assert_exports("data", "--location", "Factory A - Line 3", "--location=Outdoor - Area 1", where=place)
        self.assert_exports("data", "--sensor", "OUTDOOR_1", "--location", "Outdoor - Area 1", "--to", end,
                            where=f"sensor_id = 'OUTDOOR_1' AND {before}")
        ran = self.export("data", "--sensor", "OUTDOOR_1", "--location", "Factory A - Line 3")
        self.assertEqual(from_csv(ran.stdout), [], "both are there, but not together")

    # ---- labels ----

    def test_labels(self):
        self.fill("data", "--duration", "2h", "--shard-by", "location")
        windows = json.loads(self.export("data", "--labels", "windows").stdout)
        events = json.loads(self.export("data", "--labels", "events").stdout)
        self.assertEqual(set(windows), set(demo_identities()))
        last = max(row[0] for row in self.stored("data"))
        rows = query_all(self.dir / "data", "SELECT sensor_id, started_at, ended_at, anomaly_type, channel, direction, "
                         "magnitude FROM anomaly_events ORDER BY sensor_id, started_at")
        self.assertGreater(sum(row[2] is None for row in rows), 0, "some are open")
        begun_earlier = 0
        for sensor in windows:
            mine = [row for row in rows if row[0] == sensor]
            firsts = query_all(self.dir / "data", "SELECT min(timestamp) FROM sensor_readings WHERE sensor_id = ? "
                               "HAVING min(timestamp) NOTNULL", sensor)
            start, ((first,),) = "2026-01-01T00:00:00.000000Z", firsts
            self.assertEqual([window[0] for window in windows[sensor]],
                             [row[1] if row[1] > start else first if row[3] != "missing_data" else start for row in mine])
            begun_earlier += sum(row[1] < start for row in mine)
            self.assertEqual([[event["start"], event["end"]] for event in events[sensor]], windows[sensor])
            for (start, end), event, row in zip(windows[sensor], events[sensor], mine):
                self.assertEqual(tuple(event[key] for key in ("type", "channel", "direction", "magnitude")), row[3:])
                if row[2] is not None:
                    self.assertEqual(end, row[2])
                elif row[3] != "missing_data":
                    self.assertEqual([(end,)], query_all(self.dir / "data", "SELECT max(timestamp) FROM sensor_readings "
                                                         "WHERE sensor_id = ? HAVING max(timestamp) NOTNULL", sensor))
                else:
                    self.assertTrue(start <= end <= last)
        self.assertGreater(begun_earlier, 0, "some had begun when the run did")

    def test_a_compressed_file(self):
        self.fill("data", "--duration", "10m")
        plain = self.export("data").stdout.encode()
        self.export("data", "--out", "all.csv.gz")
        packed = (self.dir / "all.csv.gz").read_bytes()
        self.assertEqual(gzip.decompress(packed), plain)
        self.assertLess(len(packed), len(plain) / 2)
        self.export("data", "--labels", "windows", "--out", "labels.json.gz")
        self.assertEqual(json.loads(gzip.decompress((self.dir / "labels.json.gz").read_bytes())),
                         json.loads(self.export("data", "--labels", "windows").stdout))

    def test_what_is_not_compressed_here_is_refused(self):
        self.fill("data", "--duration", "1m")
        for ending in ("zst", "xz", "bz2", "zip"):
            refused = self.export("data", "--out", f"all.csv.{ending}", code=2).stderr
            self.assertIn(f"--out all.csv.{ending}: export can compress only to .gz; write all.csv and compress", refused)
            self.assertFalse((self.dir / f"all.csv.{ending}").exists())

    def test_windows_as_the_benchmark_reads_them(self):
        """Each reading is in a window of its sensor exactly when it is anomalous, by the benchmark's own comparison."""
        self.fill("data", "--duration", "30m", "--shard-by", "hash:2")
        self.fleet_sim("export", "data", "--labels", "windows", "--out", "combined_windows.json")
        raw = json.loads((self.dir / "combined_windows.json").read_text())
        windows = {sensor: [[datetime.fromisoformat(moment.replace("Z", "+00:00")) for moment in window] for window in one]
                   for sensor, one in raw.items()}
        anomalous = 0
        for row in from_csv(self.export("data").stdout):
            at = datetime.fromisoformat(row[0].replace("Z", "+00:00"))
            inside = any(first <= at <= last for first, last in windows[row[1]])
            self.assertEqual(inside, row[6] == 1, row)
            anomalous += inside
        self.assertGreater(anomalous, 500)

    def test_labels_without_a_form_are_windows(self):
        self.fill("data", "--duration", "5m")
        windows = self.export("data", "--labels", "windows").stdout
        for arguments in (("data", "--labels"), ("--labels", "data"), ("--labels", "data", "--to", "2027-01-01"),
                          ("data", "--labels", "--to", "2027-01-01"), ("--labels", "windows", "data")):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.export(*arguments).stdout, windows)
        events = self.export("data", "--labels", "events").stdout
        self.assertEqual(self.export("--labels", "events", "data").stdout, events)
        self.assertEqual(self.export("--labels=events", "data").stdout, events)
        self.assertIn("PATH is required", self.export("--labels", "windows", code=2).stderr)

    def test_labels_of_a_part(self):
        place = "Factory A - Line 3"
        fleet = [identity(f"S{i:02}", firmware_version="1.3", location=place if i % 7 == 0 else "elsewhere") for i in range(60)]
        self.fill("data", "--duration", "30m", "--shard-by", "hash:3", identities=self.write_identities(fleet))
        start, end = "2026-01-01T00:10:00.000000Z", "2026-01-01T00:20:00.000000Z"
        whole = json.loads(self.export("data", "--labels", "windows").stdout)
        part = json.loads(self.export("data", "--labels", "windows", "--from", start, "--to", end).stdout)
        self.assertEqual(set(part), set(whole))
        cut = 0
        for sensor in whole:
            expected = [[max(first, start), min(last, "2026-01-01T00:19:59.999999Z")] for first, last in whole[sensor]
                        if last >= start and first < end]
            self.assertEqual(part[sensor], expected)
            cut += sum(window not in whole[sensor] for window in expected)
        self.assertGreater(cut, 0, "some reach beyond the range")
        one = json.loads(self.export("data", "--labels", "windows", "--sensor", "S05").stdout)
        self.assertEqual(one, {"S05": whole["S05"]})
        there = {one["id"] for one in fleet if one["location"] == place}
        some = json.loads(self.export("data", "--labels", "windows", "--location", place).stdout)
        self.assertEqual(some, {sensor: whole[sensor] for sensor in there})

    def test_labels_after_a_kill(self):
        fleet = self.write_identities([identity(f"S{i:02}", firmware_version="1.3") for i in range(100)])
        process = self.start("--identities", fleet, "--data-dir", "data", "--rate", 20)
        self.wait_for_rows(self.dir / "data", 10_000, process)
        process.kill()
        process.wait()
        before = fingerprint(self.dir / "data")
        windows = json.loads(self.export("data", "--labels", "windows").stdout)
        rows = from_csv(self.export("data").stdout)
        after = fingerprint(self.dir / "data")
        self.assertEqual({name for name in after}, {name for name in before}, "the log that the kill left stays")
        self.assertGreater(query(shards(self.dir / "data")[0], "SELECT count(*) FROM anomaly_events WHERE ended_at IS NULL")[0][0], 0)
        for row in rows:
            self.assertEqual(any(first <= row[0] <= last for first, last in windows[row[1]]), row[6] == 1, row)

    # ---- many shards, few descriptors; other users of the files ----

    def test_many_shards_few_descriptors(self):
        fleet = self.write_identities([identity(f"S{i:04}") for i in range(400)])
        data = self.many_files()
        self.fill(data, "--shard-by", "sensor", "--duration", 40, identities=fleet,
                  env={"FLEET_SIM_DATABASE_PAGE_SIZE": "4096"})
        self.assertEqual(len(shards(data)), 400)
        before = sorted(path.name for path in (data).iterdir())
        limit = dict(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        rows = from_csv(self.export(data, **limit).stdout)
        self.assertEqual(rows, self.stored(data))
        self.assertEqual(len(json.loads(self.export(data, "--labels", "windows", **limit).stdout)), 400)
        self.assertEqual(sorted(path.name for path in (data).iterdir()), before)

    def test_memory_does_not_grow_with_the_data(self):
        self.fill("data", "--duration", 800, "--rate", 100)

        def peak_bytes(*arguments):
            process = subprocess.Popen([EXECUTABLE, "export", "data", "--format", "ndjson", *arguments], cwd=self.dir,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
            self.assertEqual(status, 0)
            return usage.ru_maxrss * 1024
        third, whole = peak_bytes("--to", "2026-01-01T00:04:26"), peak_bytes()
        print(f"{third / 1e6:.0f} MB for a third, {whole / 1e6:.0f} MB for all")
        self.assertLess(whole - third, 100e6, "the text of the other two thirds takes 250 MB")

    def test_while_the_simulator_writes(self):
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--rate", 500, "--shard-by",
                             "hash:4", env={"FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"})
        data = self.dir / "data"
        self.wait_for_rows(data, 5_000, process, files=4)
        for name, read in READERS.items():
            least = total(data, "SELECT count(*) FROM sensor_readings")
            rows = read(self.export("data", "--format", name).stdout)
            self.assertGreaterEqual(len(rows), least, "what was committed before is exported")
            self.assertLessEqual(len(rows), total(data, "SELECT count(*) FROM sensor_readings"))
            self.assertEqual([row[0] for row in rows], sorted(row[0] for row in rows))
            self.assertEqual(len({(row[0], row[1]) for row in rows}), len(rows), "none twice")
        summary = self.stop(process)
        self.assertEqual((summary.lost, summary.errors), (0, 0))
        self.assert_sound(data)

    def test_a_folder_that_cannot_be_written(self):
        self.fill("data", "--duration", "1m", "--shard-by", "hash:2")
        stored = self.stored("data")
        (self.dir / "data" / "odd %41#? name.db").write_bytes(shards(self.dir / "data")[0].read_bytes())
        self.dir.chmod(0o755)
        for path in (*shards(self.dir / "data"), self.dir / "data"):
            path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        self.addCleanup((self.dir / "data").chmod, 0o755)
        as_nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        # The program itself may lie where nobody else may look.
        ran = subprocess.run([shutil.copy(EXECUTABLE, self.dir), "export", "data"], cwd=self.dir, env=environment(),
                             capture_output=True, text=True, timeout=60, **as_nobody)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        rows = from_csv(ran.stdout)
        self.assertEqual(len(rows), len(stored) + query(shards(self.dir / "data")[0], "SELECT count(*) FROM sensor_readings")[0][0])
        self.assertEqual(set(rows), set(stored))

    # ---- where it goes ----

    def test_out(self):
        self.fill("data", "--duration", "1m")
        printed = self.export("data")
        ran = self.export("data", "--out", "readings.csv")
        self.assertEqual(ran.stdout, "")
        self.assertEqual((self.dir / "readings.csv").read_text(), printed.stdout)
        (self.dir / "readings.csv").write_text("mine")
        for out in ("readings.csv", "data"):
            ran = self.export("data", "--out", out, code=2)
            self.assertIn(f"{out} already exists", ran.stderr)
        self.assertEqual((self.dir / "readings.csv").read_text(), "mine")
        self.assertIn("none/x.csv", self.export("data", "--out", "none/x.csv", code=1).stderr)
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["data", "log", "readings.csv"])
        self.assertEqual(self.export(self.dir / "data" / ".." / "data").stdout, printed.stdout)
        os.mkfifo(self.dir / "pipe")
        reader = subprocess.Popen(["cat", "pipe"], cwd=self.dir, stdout=subprocess.PIPE, text=True)
        self.export("data", "--out", "pipe")
        self.assertEqual(reader.communicate()[0], printed.stdout)

    def test_a_reader_that_goes_away(self):
        self.fill("data", "--duration", "30m", "--rate", 5)
        for arguments in ((), ("--labels", "events")):
            process = subprocess.Popen([EXECUTABLE, "export", "data", *arguments], cwd=self.dir, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=environment())
            process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
            process.stderr.close()
            self.assertEqual(process.wait(timeout=60), 0)

    def test_a_full_disk(self):
        self.fill("data", "--duration", "1m")
        ran = self.export("data", "--out", "/dev/full", code=1)
        self.assertEqual(ran.stderr, "fleet-sim: /dev/full: cannot be written: No space left on device\n")
        with open("/dev/full", "w") as full:
            ran = subprocess.run([EXECUTABLE, "export", "data", "--labels", "windows"], cwd=self.dir, stdout=full,
                                 stderr=subprocess.PIPE, text=True, env=environment())
        self.assertEqual((ran.returncode, ran.stderr),
                         (1, "fleet-sim: standard output: cannot be written: No space left on device\n"))
        # A file that cannot be finished is not there at all.
        limit = lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536)))
        self.assertIn("x.csv: cannot be written", self.export("data", "--out", "x.csv", code=1, preexec_fn=limit).stderr)
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["data", "log"])

    # ---- mistakes ----

    def test_mistakes(self):
        self.fill("data", "--duration", "1m", "--shard-by", "location")
        for arguments, words in (
                (("nowhere",), ["nowhere: no such file or directory"]),
                (("log",), ["log: has no .db files"]),
                ((), ["PATH"]),
                (("data", "--format", "ndjsn"), ["--format", "'ndjsn'", "did you mean 'ndjson'"]),
                (("data", "--labels", "window"), ["--labels", "did you mean 'windows'"]),
                (("data", "--labels", "windows", "--format", "csv"), ["--labels", "--format"]),
                (("data", "--from", "yesterday"), ["--from", "'yesterday'"]),
                (("data", "--to", "2026-02-30"), ["--to", "'2026-02-30'"]),
                (("data", "--from", "2026-01-02", "--to", "2026-01-01"), ["--from", "--to"]),
                (("data", "--from", "2026-01-02", "--to", "2026-01-02"), ["--from", "--to"]),
                (("data", "--sensor", "OUTDOOR_1", "--sensor", "OUTDOR_2"), ["--sensor", "'OUTDOR_2'", "did you mean 'OUTDOOR_2'"]),
                (("data", "--location", "Outdoor - Area 7"), ["--location", "did you mean 'Outdoor - Area"]),
                (("data", "--labels", "windows", "--sensor", "nobody"), ["--sensor", "'nobody'"]),
                (("data", "--sensr", "x"), ["did you mean '--sensor'"])):
            with self.subTest(arguments=arguments):
                ran = self.export(*arguments, "--out", "out", code=2)
                for word in words:
                    self.assertIn(word, ran.stderr)
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["data", "log"])

    def test_files_that_are_no_shards(self):
        self.fill("data", "--duration", "1m")
        for name, content in (("letter.db", b"x" * 5_000), ("other.db", None)):
            path = self.dir / "data" / name
            if content is None:
                connection = sqlite3.connect(path)
                connection.execute("CREATE TABLE people (name)")
                connection.close()
            else:
                path.write_bytes(content)
            for arguments in ((), ("--labels", "events")):
                ran = self.export("data", *arguments, code=1)
                self.assertIn(name, ran.stderr)
                self.assertEqual(ran.stdout, "")
            path.unlink()

    def test_an_older_file_without_synced(self):
        self.fill("data", "--duration", "1m", env={"FLEET_SIM_DATABASE_UNSYNCED_INDEX": "false"})
        connection = connect(shards(self.dir / "data")[0])
        connection.executescript("ALTER TABLE sensor_readings DROP COLUMN synced; DROP TABLE anomaly_events; DROP TABLE run_info")
        connection.close()
        self.assert_exports("data")
        windows = json.loads(self.export("data", "--labels", "windows").stdout)
        self.assertEqual(windows, {sensor: [] for sensor in {row[1] for row in self.stored("data")}})


if __name__ == "__main__":
    main()
