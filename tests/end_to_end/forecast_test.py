#!/usr/bin/env python3
"""What `check` and a starting run say of the run to come: rows, bytes, time, free space, and names that match nothing."""

from fleet import *


class Forecast(FleetTest):
    def check(self, *arguments, **options):
        return self.fleet_sim("check", *arguments, **options)

    def test_rows_bytes_and_time(self):
        said = self.check("--identities", IDENTITIES, "--duration", "30d", "--speed", "max").stdout
        self.assertIn("config ok; 15 identities in 15 files\n", said)
        self.assertIn("38,880,000 readings: 15 a second for 30 d 0 h\n", said)
        self.assertRegex(said, r"about \d+ bytes a row, \d\.\d\d GB in all; [\d.]+ [MGT]B free\n")
        self.assertIn("takes about 1 min 17 s at 500,000 rows a second", said)
        self.assertIn("takes 15 d 0 h\n", self.check("--identities", IDENTITIES, "--duration", "30d", "--speed", "2").stdout)

    def test_an_endless_run_is_told_by_the_day(self):
        said = self.check("--identities", IDENTITIES, "--duration", "0").stdout
        self.assertRegex(said, r"runs until stopped: 15 readings a second, 1,296,000 a day\nabout \d+ bytes a row, [\d.]+ MB a day")
        self.assertNotIn("takes", said)

    def test_a_history_and_a_count_are_part_of_it(self):
        said = self.check("--identities", IDENTITIES, "--backfill", "1d", "--duration", "1m").stdout
        self.assertIn("1,296,900 readings: 15 a second for 1 d 0 h\n", said)
        self.assertIn("takes about 1 min 0 s at 500,000 rows a second", said)
        said = self.check("--identities", IDENTITIES, "--speed", "max", "--count", 1_000_000).stdout
        self.assertIn("1,000,000 readings: 15 a second for 18 h 31 min\n", said)
        self.assertIn("takes about 2 s at", said)

    def test_one_of_a_thing_is_singular(self):
        self.assertIn("config ok; 1 identity in 1 file\n", self.check("--identity", IDENTITIES / "outdoor_1.json").stdout)

    def test_rates_of_their_own_and_partitions_count(self):
        self.write_identities([identity("A", readings_per_second=0.25), identity("B", readings_per_second=10), identity("C")])
        self.assertIn("11.2 a second", self.check("--identities", "fleet.jsonl", "--rate", 1).stdout)
        parts = [self.check("--identities", "fleet.jsonl", "--rate", 1, "--partition", f"{k}/2", "--duration", "1000").stdout
                 for k in (1, 2)]
        rows = [int(re.search(r"([\d,]+) readings:", text)[1].replace(",", "")) for text in parts]
        self.assertEqual(sum(rows), 11_250)

    def test_bytes_a_row_are_those_of_the_files(self):
        """Short and long texts, with and without the index: within 3% of what lies on the disk at the end."""
        for name, texts in (("short", {"location": "X", "model": "M", "manufacturer": "F"}),
                            ("long", {"location": "Building 17 - Production Hall 3 - Line 12 - Station 4", "model": "M" * 40,
                                      "manufacturer": "Manufacturer Inc." * 2})):
            self.write_identities([identity(f"S{n:03}", **texts) for n in range(20)], name=f"{name}.jsonl")
            for index in ("true", "false"):
                with self.subTest(texts=name, index=index):
                    env = {"FLEET_SIM_DATABASE_UNSYNCED_INDEX": index, "FLEET_SIM_ANOMALIES_ENABLED": "false"}
                    data = f"{name}-{index}"
                    said = self.check("--identities", f"{name}.jsonl", env=env).stdout
                    self.fill(data, "--duration", "3000", identities=self.dir / f"{name}.jsonl", env=env)
                    size = sum(path.stat().st_size for path in (self.dir / data).glob("*.db"))
                    self.assertAlmostEqual(float(re.search(r"about (\d+) bytes a row", said)[1]) / (size / 60_000), 1, delta=0.03)

    def test_a_run_that_the_disk_cannot_hold(self):
        said = self.check("--identities", IDENTITIES, "--duration", "36500d", "--rate", "1000")
        self.assertRegex(said.stderr, r"the disk has [\d.]+ [MGT]B free, but the run needs about [\d.]+ TB: the disk will be full after")
        process = self.start("--identities", IDENTITIES, "--duration", "36500d", "--rate", "1000")
        self.wait_for_rows(self.dir / "data", 1, process)
        self.stop(process)
        self.assertIn("the disk will be full after", self.printed())

    def test_the_log_says_it_at_the_start(self):
        said = self.fill("data", "--duration", "10").stderr
        self.assertRegex(said, r" info expected output readings_per_second=15 readings=150 bytes_per_row=1\d\d bytes=2\d{4} free_bytes=\d+\n")

    def test_a_sink_without_files_has_no_bytes(self):
        said = self.check("--identities", IDENTITIES, "--sink", "null").stdout
        self.assertNotIn("bytes", said)
        self.assertIn("54,000 readings", said)


class Unmatched(FleetTest):
    def test_near_misses_are_named_with_what_they_are_near_to(self):
        self.write_identities([identity("A", firmware_version="v1.3", manufacturer="Sensortech"),
                               identity("B", firmware_version="v1.3"), identity("C", location="Factroy A - Line 1")])
        self.write("my.yaml", "behaviors: {location: {Basement: {daily: 0.1}}, model: {TempVibe-2001: {severity: 2}}}\n")
        said = self.fleet_sim("check", "--identities", "fleet.jsonl", "--config", "my.yaml").stdout
        self.assertIn("firmware 'v1.3' of 2 sensors matches no behavior (did you mean '1.3'?)\n", said)
        self.assertIn("manufacturer 'Sensortech' of 1 sensor matches no behavior (did you mean 'SensorTech'?)\n", said)
        self.assertIn("location 'Factroy A - Line 1' of 1 sensor matches no behavior (did you mean 'Factory'?)\n", said)
        self.assertIn("behaviors.location: 'Basement' matches no sensor\n", said)
        self.assertIn("behaviors.model: 'TempVibe-2001' matches no sensor", said)

    def test_a_run_warns_of_what_looks_like_a_slip_only(self):
        self.write_identities([identity("A", firmware_version="v1.3", location="Elsewhere")])
        log = self.fill("data", "--duration", "1", identities=self.dir / "fleet.jsonl").stderr
        self.assertIn("firmware 'v1.3' of 1 sensor matches no behavior (did you mean '1.3'?)", log)
        self.assertNotIn("Elsewhere' of", log)
        self.assertNotIn("matches no sensor", log)

    def test_a_fleet_that_matches_says_nothing(self):
        said = self.fleet_sim("check", "--identities", IDENTITIES).stdout
        self.assertNotIn("matches no", said)


if __name__ == "__main__":
    main()
