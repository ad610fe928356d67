#!/usr/bin/env python3
"""Identities are untrusted: whatever a location or an id says, rows stay inside the data directory, in a file of
their own."""

from fleet import *

LONG = "L" * 299
NASTY = ["../../etc", "../../../../../../../../tmp/escaped", "/etc/passwd", "A/B", "A B", "A+B", "A%2FB", "A\\B", "A%B", "A%20B",
         "a b", LONG + "1", LONG + "2", "Ü" * 100, "Ü" * 99 + "Ö", "it's", 'say "hi"', "'; DROP TABLE sensor_readings; --",
         "Würzburg", "東京", "🏭 floor", "e\u0301", "\u00e9", "..", ".", " ", "  ", "-rf", "~", "*", "$HOME", "`id`", "a=b", "a~b", "CON", "x.db",
         "abc", "ABC", "Abc", "aBC", "a_b", "A_B",
         "file:x?mode=memory", ":memory:", "?", "#", "sensor_data.db", "\u202e"]


SAFE = re.compile(r"[a-z]+=[A-Za-z0-9._-]*\.db")


class ShardNames(FleetTest):
    def tree(self):
        return {path.relative_to(self.dir).as_posix() for path in self.dir.rglob("*") if path.is_file()}

    def check(self, kind, keys, fleet, key_column):
        """Runs twice into a/b/data and looks at every file."""
        data = self.dir / "a" / "b" / "data"
        password_file = os.stat("/etc/passwd")
        before = self.tree()
        for day in (1, 2):
            ran = self.fleet_sim("--identities", fleet, "--shard-by", kind, "--data-dir", data, "--speed", "max",
                                 "--start", f"2026-01-0{day}", "--duration", "20", "--seed", day,
                                 env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
            self.assertEqual(ran.summary.written, 20 * len(keys))
            new = self.tree() - before - {"log/fleet-sim.log", *(f"a/b/data/{name}" for name in BESIDE_SHARDS)}
            self.assertTrue(all(name.startswith("a/b/data/") and name.count("/") == 3 for name in new), new)
            self.assertEqual(len(new), len(keys), "one file per key, the same in both runs")
        self.assertEqual(os.stat("/etc/passwd").st_mtime_ns, password_file.st_mtime_ns)
        self.assertFalse(os.path.exists("/tmp/escaped") or os.path.exists("/tmp/escaped.db"))

        found = {}
        for path in shards(data):
            ((key, count),) = query(path, f"SELECT {key_column}, count(*) FROM sensor_readings GROUP BY 1")
            self.assertEqual(count, 40, path.name)
            found[key] = path.name
            self.assertLess(len(path.name), 250)
            self.assertFalse(path.name.startswith("."))
        self.assertEqual(set(found), set(keys), "rows hold the text as it is")
        for name in found.values():
            self.assertRegex(name, SAFE)
            self.assertTrue(name.startswith(f"{kind}="))
        self.assertEqual(len({name.lower() for name in found.values()}), len(keys), "also without regard to case")

    def test_locations(self):
        keys = NASTY + [""]
        fleet = self.write_identities([identity(f"S{i}", location=key) for i, key in enumerate(keys)])
        self.check("location", keys, fleet, "location")

    def test_sensors(self):
        fleet = self.write_identities([identity(key) for key in NASTY])
        self.check("sensor", NASTY, fleet, "sensor_id")

    def test_other_kinds(self):
        for kind, key, column in (("manufacturer", "A/B", "manufacturer"), ("model", "../m", "model"),
                                  ("firmware", "../1.3", "firmware_version"), ("site", "../x", "location")):
            with self.subTest(kind=kind):
                fleet = self.write_identities([identity("S", **{column: key})], f"{kind}.jsonl")
                self.fill(f"data-{kind}", "--shard-by", kind, "--duration", 5, identities=fleet)
                (path,) = shards(self.dir / f"data-{kind}")
                self.assertRegex(path.name, SAFE)

    def test_site_is_what_stands_before_the_dash(self):
        locations = {"North - Line 1": "North", "North - Line 2 - East": "North", "North": "North", "North-West": "North-West",
                     " - ": ""}
        fleet = self.write_identities([identity(f"S{i}", location=one) for i, one in enumerate(locations)])
        self.fill("data", "--shard-by", "site", "--duration", 30, identities=fleet)
        self.assertEqual({path.name for path in shards(self.dir / "data")}, {"site=North.db", "site=North-West.db", "site=.db"})

    def test_firmware_has_one_name(self):
        fleet = self.write_identities([identity(f"S{version}", firmware_version=version)
                                       for version in ("1.3", "1.3.0", "1.3.0.0", "1.30")])
        self.fill("data", "--shard-by", "firmware", "--duration", 30, identities=fleet)
        self.assertEqual({path.name for path in shards(self.dir / "data")}, {"firmware=1.3.db", "firmware=1.30.db"})
        # The column keeps what the identity says.
        versions = {version for (version,) in query_all(self.dir / "data", "SELECT firmware_version FROM sensor_readings")}
        self.assertEqual(versions, {"1.3", "1.3.0", "1.3.0.0", "1.30"})

    def test_control_characters_are_refused(self):
        for text in ("a\nb", "a\x00b", "a\x7fb", "\t"):
            with self.subTest(text=text):
                fleet = self.write_identities([identity("S", location=text)])
                ran = self.fleet_sim("--identities", fleet, "--data-dir", "data", "--duration", 1, code=2)
                self.assertIn("fleet.jsonl:1", ran.stderr)
                self.assertNotIn(text, ran.stderr.rstrip("\n"))
                self.assertFalse((self.dir / "data").exists())


if __name__ == "__main__":
    main()
