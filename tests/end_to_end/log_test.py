#!/usr/bin/env python3
"""The log: what its lines hold as text and as JSON, how its files rotate, and that neither hostile text nor a full disk does
harm."""

import mounts
from fleet import *

CANNOT_MOUNT = mounts.why_not()

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (debug|info|warning|error|critical) \S.*")
COUNTS = ("due", "skipped", "generated", "missing", "written", "found", "pending", "lost", "anomalies")


class LogTest(FleetTest):
    def log_lines(self, name="fleet-sim.log"):
        return (self.dir / "log" / name).read_text(encoding="utf-8").splitlines()

    def objects(self, text):
        """A JSON object per line, each with what every line has."""
        objects = [json.loads(line) for line in text.splitlines()]
        for one in objects:
            self.assertRegex(one["ts"], TIMESTAMP)
            self.assertIn(one["level"], ("debug", "info", "warning", "error", "critical"))
            self.assertRegex(one["event"], r"^[a-z_]+$")
            self.assertTrue(one["msg"])
        return objects

    def test_text(self):
        ran = self.fill("data", "--duration", 60)
        for line in self.log_lines() + [line for line in ran.stderr.splitlines() if "rows/s" not in line]:
            self.assertRegex(line, LINE)
        (started,) = [line for line in self.log_lines() if "run started" in line]
        for word in (" info run started ", " seed=7 ", " sensors=15 ", " speed=max", " start=2026-01-01T00:00:00.000000Z "):
            self.assertIn(word, started)
        (ended,) = [line for line in self.log_lines() if "run ended" in line]
        self.assertIn(f" written={ran.summary.written} ", ended)

    def test_json(self):
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1, "--rate", 20,
                             env={"FLEET_SIM_LOGGING_FORMAT": "json", "FLEET_SIM_LOGGING_SUMMARY_INTERVAL_SECONDS": "0.2"})
        logged = self.objects("\n".join(self.log_lines()))
        self.assertEqual(self.objects(ran.stderr), logged, "the console has the same, and nothing else")
        events = [one["event"] for one in logged]
        self.assertEqual((events[0], events[-1]), ("run_started", "run_ended"))
        self.assertEqual((events[1], set(events[2:-1])), ("forecast", {"run_summary"}))
        self.assertGreaterEqual(len(events), 4)
        started, ended = logged[0], logged[-1]
        self.assertEqual((started["sensors"], started["shards"], started["writers"]), (15, 1, 1))
        self.assertEqual(started["run_id"], ended["run_id"])
        self.assertEqual(str(started["seed"]), str(query(self.dir / "data" / "sensor_data.db",
                                                         "SELECT seed FROM run_info")[0][0]))
        for one in logged[2:]:
            for name in (*COUNTS, "elapsed_seconds", "simulated_seconds", "written_per_second", "errors", "lag_p50_seconds",
                         "lag_p99_seconds", "lag_max_seconds"):
                self.assertIsInstance(one[name], (int, float), name)
            self.assertEqual(one["generated"], sum(one[name] for name in ("written", "missing", "pending", "lost", "found")))
        self.assertEqual({name: ended[name] for name in ("due", "written", "missing")},
                         {name: ran.summary.number(name) for name in ("due", "written", "missing")})

    def test_summaries_do_not_repeat_the_progress(self):
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1,
                             env={"FLEET_SIM_LOGGING_SUMMARY_INTERVAL_SECONDS": "0.2"})
        self.assertIn(" info summary elapsed_seconds=", "\n".join(self.log_lines()))
        self.assertNotIn(" summary ", ran.stderr)
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1,
                       env={"FLEET_SIM_LOGGING_SUMMARY_INTERVAL_SECONDS": "0", "FLEET_SIM_LOGGING_FILE": "log/none.log"})
        self.assertNotIn(" summary ", "\n".join(self.log_lines("none.log")))

    def test_rotation(self):
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 3,
                       env={"FLEET_SIM_LOGGING_FILE_BYTES": "2000", "FLEET_SIM_LOGGING_KEPT_FILES": "2",
                            "FLEET_SIM_LOGGING_FORMAT": "json", "FLEET_SIM_LOGGING_SUMMARY_INTERVAL_SECONDS": "0.1"})
        names = ["fleet-sim.2.log", "fleet-sim.1.log", "fleet-sim.log"]
        self.assertEqual(sorted(path.name for path in (self.dir / "log").iterdir()), sorted(names))
        for name in names:
            self.assertLessEqual((self.dir / "log" / name).stat().st_size, 2000, name)
        logged = self.objects("\n".join(line for name in names for line in self.log_lines(name)))
        self.assertEqual(logged[-1]["event"], "run_ended")
        times = [one["elapsed_seconds"] for one in logged]
        self.assertEqual(times, sorted(times), "from the oldest file to the latest no line is missing or out of order")
        self.assertLess(max(later - earlier for earlier, later in zip(times, times[1:])), 1.5)

    def test_logrotate(self):
        """As it does by default: rename, create, hang up. The new file has the next line, and the old one no more."""
        process = self.start("--identities", IDENTITIES, "--data-dir", "data", "--duration", 0)
        self.wait_for_rows(self.dir / "data", 1, process)
        log, old = self.dir / "log" / "fleet-sim.log", self.dir / "log" / "fleet-sim.log.1"
        log.rename(old)
        log.touch(mode=0o640)
        before = old.read_bytes()
        process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 30
        while "nothing changed" not in log.read_text():
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.02)
        self.stop(process, code=0)
        self.assertEqual(old.read_bytes(), before)
        self.assertIn("run ended", self.log_lines()[-1])

    def test_levels(self):
        self.write_identities([identity("A", pressure=1)])
        for level, expected in (("warning", {"warning"}), ("info", {"info", "warning"}), ("off", set()),
                                ("debug", {"debug", "info", "warning"}), ("trace", {"debug", "info", "warning"})):
            name = f"{level}.log"
            self.fleet_sim("--identities", "fleet.jsonl", "--data-dir", f"data-{level}", *("--duration", 1, "--speed", "max"),
                           "--log-level", level, env={"FLEET_SIM_LOGGING_FILE": f"log/{name}"})
            path = self.dir / "log" / name
            found = {line.split()[1] for line in path.read_text().splitlines()} if path.exists() else set()
            self.assertEqual(found, expected, level)

    def test_debug(self):
        """Files that are opened and closed, with the file in a field; many at once are counted."""
        self.fill("data", "--shard-by", "sensor", "--duration", 60, "--log-level", "debug",
                  env={"FLEET_SIM_LOGGING_FORMAT": "json", "FLEET_SIM_DATABASE_BULK": "off"})
        details = [one for one in self.objects("\n".join(self.log_lines())) if one["level"] == "debug"]
        for message in ("opened", "closed"):
            said = [one for one in details if one["msg"] == message]
            repeated = sum(one.get("repeated", 0) for one in details if one["msg"].endswith(f" times: {message}"))
            self.assertEqual(len(said) + repeated, 15, message)
            self.assertTrue(all((self.dir / one["file"]).exists() for one in said), said)

    def test_hostile_text(self):
        """A key of an identity, and the name of a folder, that would like to be lines of their own."""
        evil = "x\n2026-01-01T00:00:00.000000Z critical all is lost\x1b[31m\r\u009b"
        (self.dir / "fleet.jsonl").write_text(json.dumps({**identity("A"), evil: 1}) + "\n")
        for form in ("text", "json"):
            with self.subTest(form=form):
                ran = self.fleet_sim("--identities", "fleet.jsonl", "--data-dir", form, "--duration", 1, "--speed", "max",
                                     env={"FLEET_SIM_LOGGING_FORMAT": form, "FLEET_SIM_LOGGING_FILE": f"log/{form}.log"})
                log = (self.dir / "log" / f"{form}.log").read_bytes()
                for text in (log, ran.stderr.encode()):
                    self.assertFalse(re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", text), text)
                    self.assertFalse(re.search(rb"(?m)^2026-01-01", text), text)
                if form == "json":
                    self.assertEqual([one["level"] for one in self.objects(log.decode())][0], "warning")

    @unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
    def test_a_full_disk(self):
        """The log cannot be written: that is told once, and the run is none the worse."""
        disk = mounts.SmallDisk(self.dir / "disk", 64)
        self.addCleanup(disk.close)
        disk.fill()
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1.5,
                             env={"FLEET_SIM_LOGGING_FILE": "disk/full.log", "FLEET_SIM_LOGGING_SUMMARY_INTERVAL_SECONDS": "0.1"})
        self.assertEqual(ran.stderr.count("cannot write the log file"), 1, ran.stderr)
        self.assertIn("No space left on device", ran.stderr)
        self.assert_balanced(ran.summary, self.dir / "data")

    def test_a_file_that_cannot_be_made(self):
        self.write("file", "mine")
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1, "--speed", "max",
                             env={"FLEET_SIM_LOGGING_FILE": "file/fleet-sim.log"})
        self.assertEqual(ran.stderr.count("cannot write the log file"), 1, ran.stderr)
        self.assertEqual((self.dir / "file").read_text(), "mine")

    def test_a_torn_line_is_ended(self):
        """What a power failure has left does not spoil the next line."""
        self.write("log/fleet-sim.log", '{"ts":"2026')
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1, "--speed", "max",
                       env={"FLEET_SIM_LOGGING_FORMAT": "json"})
        self.assertEqual(self.log_lines()[0], '{"ts":"2026')
        self.objects("\n".join(self.log_lines()[1:]))


if __name__ == "__main__":
    main()
