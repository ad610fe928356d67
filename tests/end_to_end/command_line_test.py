#!/usr/bin/env python3
"""What the program says to right and wrong command lines, variables, configs and identities."""

import tempfile

from fleet import *

QUICK = ("--speed", "max", "--start", "2026-01-01", "--duration", 5)
SEEDED = (*QUICK, "--seed", 7)  # for few sensors, which might by chance miss all of their readings


class CommandLine(FleetTest):
    def assert_invalid(self, *arguments, says=(), kept=(), **options):
        """Exit code 2, a message with each of the words, and no file written beside those in `kept`."""
        ran = self.fleet_sim(*arguments, code=2, **options)
        for word in says:
            self.assertIn(word, ran.stderr)
        self.assertEqual(ran.stdout, "")
        self.assert_nothing_written(*kept)
        return ran

    # ---- the words of the command line ----

    def test_help(self):
        text = self.fleet_sim("--help").stdout
        for flag in ("--config", "--identities", "--identity", "--shard-by", "--data-dir", "--duration", "--rate", "--speed",
                     "--start", "--seed", "--threads", "--writers", "--partition", "--sink", "--skip-invalid", "--log-level",
                     "--quiet", "--version"):
            self.assertRegex(text, rf"(?m)^ *(-\w,)?{flag}\b", flag)
        for command in ("run", "generate", "check", "bench", "explain", "digest", "report", "export", "score", "audit"):
            self.assertRegex(text, rf"(?m)^ *{command} ")
            self.assertTrue(self.fleet_sim(command, "--help").stdout)
        self.assert_nothing_written()

    def test_each_command_ends_with_examples_of_its_own(self):
        for command in ("check", "explain", "generate", "bench", "digest", "report", "export", "score", "audit", "health", "completion",
                        "man"):
            with self.subTest(command):
                text = self.fleet_sim(command, "--help").stdout
                examples = re.findall(r"^  (?:source <\()?fleet-sim (\w+)", text, re.MULTILINE)
                self.assertEqual(set(examples), {command})
                self.assertNotIn("130 forced", text)

    def test_help_of_a_command_by_the_word(self):
        self.assertEqual(self.fleet_sim("help", "report").stdout, self.fleet_sim("report", "--help").stdout)
        self.assertEqual(self.fleet_sim("help").stdout, self.fleet_sim("--help").stdout)

    def test_version_by_its_letter(self):
        self.assertEqual(self.fleet_sim("-V").stdout, self.fleet_sim("--version").stdout)

    def test_a_reader_that_has_seen_enough(self):
        told = subprocess.run(f"{EXECUTABLE} man | head -n 1; echo ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash",
                              env=environment(), capture_output=True, text=True)
        self.assertEqual((told.stdout.splitlines()[-1], told.stderr), ("0", ""))

    def test_words_of_other_tools(self):
        self.assert_invalid("--port", 9, says=["unknown argument '--port' (use --status-address HOST:PORT instead)"])
        self.assert_invalid("--shards=4", says=["unknown argument '--shards' (use --shard-by hash:N instead)"])
        self.assert_invalid("report", "data", "--jsn", says=["did you mean '--json'", "`fleet-sim report --help`"])

    def test_times_that_are_none(self):
        self.assert_invalid("--duration", "5y", says=["--duration", "units: ms, s, m, h, d, w", "'5y'"])
        self.assert_invalid("--start", "2026-02-30", says=["--start", "a calendar date", "'2026-02-30'"])
        self.assert_invalid("export", "data", "--from", "2026-13-01", says=["--from", "a calendar date"])

    def test_run_is_the_default_command(self):
        self.fill("with")
        self.fleet_sim("run", "--identities", IDENTITIES, "--data-dir", "without", "--seed", 7, "--speed", "max", "--start",
                       "2026-01-01")
        self.assertEqual(self.counted("with"), self.counted("without"))

    def test_unknown_words(self):
        self.assert_invalid("--identites", IDENTITIES, says=["--identites", "did you mean '--identities'"])
        self.assert_invalid("--shardby=location", says=["--shardby", "did you mean '--shard-by'"])
        self.assert_invalid("run", "--durration", 5, says=["did you mean '--duration'"])
        self.assert_invalid("chek", says=["did you mean 'check'"])
        self.assert_invalid("--frobnicate", says=["--frobnicate"])
        self.assert_invalid("digest", says=["PATH"])
        self.assert_invalid("--rate", says=["--rate"])

    def test_bad_values(self):
        for flag, value in (("--rate", "0"), ("--rate", "-1"), ("--rate", "abc"), ("--rate", "inf"), ("--rate", "nan"),
                            ("--rate", "1e7"), ("--duration", "-5"), ("--duration", "5 parsecs"), ("--duration", "x"),
                            ("--speed", "0"), ("--speed", "fast"), ("--speed", "-1"), ("--shard-by", "colour"),
                            ("--shard-by", "hash:0"), ("--shard-by", "hash:"), ("--shard-by", "hash:x"),
                            ("--partition", "4/3"), ("--partition", "0/3"), ("--partition", "1"), ("--partition", "1/0"),
                            ("--start", "yesterday"), ("--start", "2026-02-30"), ("--seed", "-1"), ("--seed", "1.5"),
                            ("--seed", "99999999999999999999"), ("--threads", "x"), ("--threads", "100000"),
                            ("--writers", "0"), ("--writers", "65"), ("--sink", "tape"), ("--log-level", "loud")):
            with self.subTest(flag=flag, value=value):
                self.assert_invalid("--identities", IDENTITIES, "--data-dir", "data", f"{flag}={value}", says=[flag])

    def test_several_problems_come_together(self):
        self.assert_invalid("--identities", IDENTITIES, "--rate=0", "--seed=x", "--speed=slow",
                            says=["--rate", "--seed", "--speed"])

    # ---- config, environment, flags ----

    def test_unknown_config_key(self):
        file = self.write("my.yaml", "simulation:\n  readings_per_secnd: 2\n")
        self.assert_invalid("--identities", IDENTITIES, "--config", file, kept=["my.yaml"],
                            says=["my.yaml:2", "readings_per_secnd", "did you mean", "readings_per_second"])

    def test_broken_config(self):
        for text in ("simulation: [", "\t- x", "simulation: 5", "a: b: c", "\x00", "anomalies: {probability: 2}"):
            with self.subTest(text=text):
                file = self.write("my.yaml", text)
                self.assert_invalid("--identities", IDENTITIES, "--config", file, kept=["my.yaml"], says=["my.yaml"])
        self.assert_invalid("--identities", IDENTITIES, "--config", "none.yaml", kept=["my.yaml"], says=["none.yaml"])

    def test_config_error_does_not_hide_behind_flags(self):
        file = self.write("my.yaml", "simulation: {seed: many}\n")
        self.assert_invalid("--identities", IDENTITIES, "--config", file, "--seed", 1, kept=["my.yaml"], says=["my.yaml:1"])

    def seed_of(self, *arguments, **options):
        data = Path(tempfile.mkdtemp(dir=self.dir))
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", data, *QUICK, *arguments, **options)
        return query(shards(data)[0], "SELECT seed FROM run_info")[0][0]

    def test_precedence(self):
        file = self.write("my.yaml", "simulation: {seed: 11}\n")
        variable = {"FLEET_SIM_SIMULATION_SEED": "22"}
        self.assertEqual(self.seed_of("--config", file), 11)
        self.assertEqual(self.seed_of("--config", file, env=variable), 22)
        self.assertEqual(self.seed_of("--config", file, "--seed", 33, env=variable), 33)
        self.assertEqual(self.seed_of("--seed", 33, env=variable), 33)
        self.assertEqual(self.seed_of(env=variable), 22)

    def test_config_file_from_the_environment(self):
        file = self.write("my.yaml", "simulation: {seed: 11}\n")
        other = self.write("other.yaml", "simulation: {seed: 12}\n")
        for name in ("SENSOR_CONFIG", "CONFIG_FILE"):
            self.assertEqual(self.seed_of(env={name: str(file)}), 11)
            self.assertEqual(self.seed_of("--config", other, env={name: str(file)}), 12)

    def test_variables(self):
        self.fleet_sim(env={"FLEET_SIM_FLEET_IDENTITIES": str(IDENTITIES), "FLEET_SIM_SHARDING_BY": "model",
                            "FLEET_SIM_DATABASE_DATA_DIR": "data", "FLEET_SIM_CLOCK_SPEED": "max",
                            "FLEET_SIM_CLOCK_START": "2026-01-01", "FLEET_SIM_SIMULATION_RUN_TIME_SECONDS": "1m",
                            "FLEET_SIM_SIMULATION_READINGS_PER_SECOND": "2"})
        self.assertEqual(len(shards(self.dir / "data")), 3)
        ((config,),) = query(shards(self.dir / "data")[0], "SELECT config FROM run_info")
        self.assertRegex(config, r"readings_per_second: 2\b")
        self.assert_invalid("check", kept=sorted(path.relative_to(self.dir).as_posix() for path in self.dir.rglob("*")),
                            env={"FLEET_SIM_DATABSE_PATH": "x"}, says=["FLEET_SIM_DATABSE_PATH", "FLEET_SIM_DATABASE_PATH"])

    def test_database_path_names_file_and_folder(self):
        file = self.write("my.yaml", "database: {path: deep/down/mine.sqlite}\n")
        self.fleet_sim("--identities", IDENTITIES, "--config", file, *QUICK)
        self.assertEqual({path.name for path in (self.dir / "deep" / "down").iterdir()}, {"mine.sqlite"} | BESIDE_SHARDS)
        self.fleet_sim("--identities", IDENTITIES, "--config", file, "--shard-by", "model", *QUICK)
        self.assertEqual(len(shards(self.dir / "deep" / "down")), 3)
        self.fleet_sim("--identities", IDENTITIES, "--config", file, "--data-dir", "elsewhere", *QUICK)
        self.assertEqual({path.name for path in (self.dir / "elsewhere").iterdir()}, {"mine.sqlite"} | BESIDE_SHARDS)

    # ---- identities ----

    def test_no_identities(self):
        self.assert_invalid(says=["--identities"])
        self.assert_invalid("--identities", "nowhere", says=["nowhere"])
        (self.dir / "empty").mkdir()
        self.assert_invalid("--identities", "empty", says=["empty"], kept=["empty"])

    def test_duplicate_ids(self):
        self.write_identities([identity("TWIN")], "a.jsonl")
        self.write_identities([identity("OTHER"), identity("TWIN")], "b.jsonl")
        self.assert_invalid("--identities", "a.jsonl", "--identities", "b.jsonl", says=["TWIN", "a.jsonl", "b.jsonl:2"],
                            kept=["a.jsonl", "b.jsonl"])

    def test_bad_identities(self):
        for text in ("{", "[]", "5", '{"id": 5}', '{"id": ""}', '{"location": "x"}', "", '{"id": "A"} x',
                     '{"id": "A", "readings_per_second": 0}', '{"id": "A", "normal_parameters": 5}', "[" * 100_000):
            with self.subTest(text=text[:50]):
                self.write("one.json", text)
                self.assert_invalid("--identity", "one.json", says=["one.json"], kept=["one.json"])

    def test_defaults_of_an_identity(self):
        self.write("one.json", '{"id": "BARE", "pressure": 3}')
        ran = self.fleet_sim("--identity", "one.json", "--data-dir", "data", *SEEDED)
        self.assertIn("pressure", ran.stderr)
        texts = query_all(self.dir / "data", "SELECT DISTINCT sensor_id, location, manufacturer, model, firmware_version "
                                             "FROM sensor_readings")
        self.assertEqual(texts, [("BARE", "Factory A - Line 1", "SensorTech", "TempVibe-2000", "1.3")])

    def test_a_sensors_own_rate_and_parameters(self):
        fleet = self.write_identities([
            identity("FAST", readings_per_second=10), identity("SLOW", readings_per_second=0.5), identity("USUAL"),
            identity("COLD", normal_parameters={"temperature": {"mean": -20, "min": -30, "max": -10}})])
        self.fill("data", "--duration", 40, identities=fleet, env={"FLEET_SIM_ANOMALIES_ENABLED": "no"})
        counts = dict(query_all(self.dir / "data", "SELECT sensor_id, count(*) FROM sensor_readings GROUP BY 1"))
        self.assertEqual(counts, {"FAST": 400, "SLOW": 20, "USUAL": 40, "COLD": 40})
        ((low, high),) = query_all(self.dir / "data", "SELECT min(temperature), max(temperature) FROM sensor_readings "
                                                      "WHERE sensor_id = 'COLD'")
        self.assertTrue(-30 <= low < -20 < high <= -10)

    def test_skip_invalid(self):
        self.write("fleet.jsonl", '{"id": "GOOD"}\n{"id": 7}\nnonsense\n{"id": "GOOD"}\n{"id": "FINE"}\n')
        self.assert_invalid("--identities", "fleet.jsonl", kept=["fleet.jsonl"],
                            says=["fleet.jsonl:2", "fleet.jsonl:3", "fleet.jsonl:4"])
        ran = self.fleet_sim("--identities", "fleet.jsonl", "--skip-invalid", "--data-dir", "data", *SEEDED)
        self.assertIn("3 invalid", ran.stderr)
        self.assertEqual(query_all(self.dir / "data", "SELECT DISTINCT sensor_id FROM sensor_readings ORDER BY 1"),
                         [("FINE",), ("GOOD",)])

    def test_nothing_left_to_skip_to(self):
        self.write("fleet.jsonl", '{"id": 7}\n')
        self.assert_invalid("--identities", "fleet.jsonl", "--skip-invalid", kept=["fleet.jsonl"], says=["fleet.jsonl"])

    def test_a_partition_without_sensors(self):
        self.write("one.json", '{"id": "LONELY"}')
        codes = sorted(subprocess.run([EXECUTABLE, "check", "--identity", "one.json", "--partition", f"{k}/3"], cwd=self.dir,
                                      env=environment(), capture_output=True).returncode for k in (1, 2, 3))
        self.assertEqual(codes, [0, 2, 2])

    # ---- the variables of a single sensor ----

    def test_one_sensor_from_the_environment(self):
        self.fleet_sim("--data-dir", "data", *SEEDED, env={"SENSOR_ID": "CUSTOM001", "SENSOR_LOCATION": "Custom Location"})
        self.assertEqual(query_all(self.dir / "data", "SELECT DISTINCT sensor_id, location FROM sensor_readings"),
                         [("CUSTOM001", "Custom Location")])

    def test_one_sensor_renamed(self):
        file = IDENTITIES / "outdoor_1.json"
        self.fleet_sim("--identity", file, "--data-dir", "a", *SEEDED, env={"SENSOR_LOCATION": "Roof"})
        self.fleet_sim("--data-dir", "b", *SEEDED, env={"SENSOR_ID": "NEW", "IDENTITY_FILE": str(file)})
        self.fleet_sim("--data-dir", "c", *SEEDED, env={"SENSOR_IDENTITY_FILE": str(file)})
        found = [query_all(self.dir / data, "SELECT DISTINCT sensor_id, location, model FROM sensor_readings")
                 for data in ("a", "b", "c")]
        self.assertEqual(found, [[("OUTDOOR_1", "Roof", "TempVibe-3000")], [("NEW", "Outdoor - Area 1", "TempVibe-3000")],
                                 [("OUTDOOR_1", "Outdoor - Area 1", "TempVibe-3000")]])

    def test_one_sensors_variables_with_many_sensors(self):
        for name in ("SENSOR_ID", "SENSOR_LOCATION"):
            self.assert_invalid("--identities", IDENTITIES, "--data-dir", "data", env={name: "x"}, says=[name, "15"])

    # ---- check ----

    def test_check_says_ok(self):
        ran = self.fleet_sim("check", "--identities", IDENTITIES)
        self.assertRegex(ran.stdout, r"ok.*\b15\b")
        self.assert_nothing_written()

    def test_check_lists_every_problem_up_to_twenty(self):
        self.write("few.jsonl", '{"id": 1}\n' * 7)
        ran = self.assert_invalid("check", "--identities", "few.jsonl", kept=["few.jsonl"], says=["few.jsonl:7"])
        self.assertEqual(len(re.findall(r"few\.jsonl:\d+", ran.stderr)), 7)
        self.assertNotIn("more", ran.stderr)
        self.write("many.jsonl", '{"id": 1}\n' * 1234)
        ran = self.assert_invalid("check", "--identities", "many.jsonl", kept=["few.jsonl", "many.jsonl"],
                                  says=["and 1214 more"])
        self.assertEqual(len(re.findall(r"many\.jsonl:\d+", ran.stderr)), 20)

    # ---- where the data go ----

    def test_a_data_directory_that_cannot_be_made(self):
        self.write("file.txt", "mine")
        for where in ("file.txt", "file.txt/data", "/proc/fleet-sim/data"):
            with self.subTest(where=where):
                ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", where, *QUICK, code=3)
                self.assertIn(where, ran.stderr)
                self.assertEqual((self.dir / "file.txt").read_text(), "mine")

    def test_the_null_sink_writes_nothing(self):
        ran = self.fleet_sim("--identities", IDENTITIES, "--sink", "null", "--data-dir", "data", *QUICK)
        self.assertEqual(ran.summary.due, 75)
        self.assertEqual(ran.summary.written + ran.summary.missing, 75)
        self.assertFalse((self.dir / "data").exists())

    def test_summary_in_a_file(self):
        with open(self.dir / "summary.txt", "w") as out:
            ran = subprocess.run([EXECUTABLE, "--identities", IDENTITIES, "--data-dir", "data", *map(str, QUICK)],
                                 cwd=self.dir, env=environment(), stdout=out, stderr=subprocess.PIPE, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        summary = Summary((self.dir / "summary.txt").read_text())
        self.assertEqual(summary.due, 75)
        self.assert_balanced(summary, self.dir / "data")

    def test_memory_is_that_of_this_process(self):
        ballast = bytearray(os.urandom(1)) * 400_000_000  # a program takes over its parent's peak when it is started
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", *QUICK)
        del ballast
        value, unit = re.match(r"([\d.]+) ([kMG]B)", ran.summary.lines["memory"]).groups()
        self.assertLess(float(value) * {"kB": 1e3, "MB": 1e6, "GB": 1e9}[unit], 300e6)

    # ---- generate and digest ----

    def test_generated_identities_run(self):
        self.fleet_sim("generate", "--preset", "demo", "--out", "demo")
        self.assertEqual({path.name: json.loads(path.read_text()) for path in (self.dir / "demo").iterdir()},
                         {path.name: json.loads(path.read_text()) for path in IDENTITIES.iterdir()})
        self.fleet_sim("generate", "--count", 500, "--out", "many.jsonl", "--seed", 4)
        ran = self.fill("data", "--duration", 3, identities=self.dir / "many.jsonl")
        self.assertEqual(ran.summary.due, 1500)

    def test_generate_replaces_nothing(self):
        self.write("out.jsonl", "mine\n")
        self.fleet_sim("generate", "--count", 5, "--out", "out.jsonl", code=2)
        self.assertEqual((self.dir / "out.jsonl").read_text(), "mine\n")

    def test_digest_of_nothing(self):
        self.assert_invalid("digest", "nowhere", says=["nowhere"])
        (self.dir / "empty").mkdir()
        self.assert_invalid("digest", "empty", says=["empty"], kept=["empty"])

    def test_digest_of_something_else(self):
        self.write("other/text.db", "this is no database, however you look at it\n")
        ran = subprocess.run([EXECUTABLE, "digest", "other"], cwd=self.dir, env=environment(), capture_output=True, text=True)
        self.assertIn(ran.returncode, (1, 2), ran.stderr)
        self.assertIn("text.db", ran.stderr)
        self.assert_nothing_written("other", "other/text.db")
        self.write("foreign/notes.db", "")
        sqlite3.connect(self.dir / "foreign" / "notes.db").execute("CREATE TABLE notes (text)").connection.close()
        error = self.fleet_sim("digest", "foreign", code=1).stderr
        self.assertIn("notes.db: cannot be read: has tables, but no sensor_readings", error)

    def test_digest_of_files_without_tables(self):
        """A run that was killed while it made its files has left such ones; they are no shards."""
        self.fill("data", "--duration", "1m")
        before = self.digest("data")
        self.write("data/empty.db", "")
        after = self.digest("data")
        self.assertEqual([after[key] for key in ("digest", "readings", "events")],
                         [before[key] for key in ("digest", "readings", "events")])
        self.assertEqual([shard["readings"] for shard in after["shards"]], [before["readings"]])

    def test_digest_of_hostile_text(self):
        self.fill("data", "--duration", "1m")
        connection = connect(self.dir / "data" / "sensor_data.db")
        connection.execute("UPDATE run_info SET run_id = char(27) || '[31mred', version = CAST(x'ff' AS TEXT)")
        connection.close()
        self.assertIn("run ?[31mred  seed ", self.fleet_sim("digest", "data").stdout)
        self.assertEqual(self.digest("data")["runs"][0]["run_id"], "\x1b[31mred")

    def test_digest_changes_nothing(self):
        self.fill("data", "--shard-by", "location", "--duration", "1m")
        before = fingerprint(self.dir / "data")
        self.fleet_sim("digest", "data")
        after = fingerprint(self.dir / "data")
        self.assertEqual(sorted(after), sorted(before), "files appeared or went")
        self.assertEqual(after, before)


if __name__ == "__main__":
    main()
