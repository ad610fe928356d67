"""Files and paths as people hand them over: several configs, the home folder, subfolders, other encodings."""

import gzip
import json
import time

import fleet
from fleet import identity, query_all


class ConfigLayersTest(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        self.write_identities([identity("A"), identity("B")])
        self.write("base.yaml", "simulation:\n  readings_per_second: 2\n  run_time_seconds: 10\n"
                   "anomalies: {probability: 0.5}\nfleet: {identities: [nowhere.json]}\n")
        self.write("site.yaml", "anomalies:\n  enabled: false\nfleet: {identities: [fleet.jsonl]}\n")

    def effective(self, data="data"):
        ((config,),) = query_all(self.dir / data, "SELECT config FROM run_info")
        return config

    def test_later_files_override_earlier_ones_and_run_info_keeps_the_whole(self):
        ran = self.fleet_sim("--config", "base.yaml", "--config", "site.yaml", "--data-dir", "data", "--speed", "max")
        self.assertEqual(ran.summary.due, 40)
        for line in ("readings_per_second: 2", "probability: 0.5", "identities: [\"fleet.jsonl\"]"):
            self.assertIn(line, self.effective())
        self.assertRegex(self.effective(), r"anomalies:\n  enabled: false")

    def test_the_environment_names_several(self):
        ran = self.fleet_sim("--data-dir", "data", "--speed", "max", env={"CONFIG_FILE": "base.yaml:site.yaml"})
        self.assertEqual(ran.summary.due, 40)
        self.fleet_sim("check", env={"CONFIG_FILE": "site.yaml:base.yaml"}, code=2)  # nowhere.json

    def test_errors_name_their_file(self):
        self.write("site.yaml", "\nanomalies: {enable: false}\n")
        refused = self.fleet_sim("check", "--config", "base.yaml", "--config", "site.yaml", code=2)
        self.assertIn("site.yaml:2: unknown key 'anomalies.enable'", refused.stderr)

    def test_explain_names_the_file_of_each_key(self):
        text = self.fleet_sim("explain", "A", "--config", "base.yaml", "--config", "site.yaml", "--rate", "3").stdout
        self.assertRegex(text, r"anomalies\.enabled +false \(site\.yaml:2\)")
        self.assertRegex(text, r"anomalies\.probability +0\.5 \(base\.yaml:4\)")
        self.assertRegex(text, r"simulation\.readings_per_second +3 \(--rate\)")
        told = json.loads(self.fleet_sim("explain", "A", "--config", "base.yaml", "--config", "site.yaml", "--json").stdout)
        self.assertEqual(told["config"], {"simulation.readings_per_second": "base.yaml:2", "anomalies.enabled": "site.yaml:2",
                                          "anomalies.probability": "base.yaml:4"})

    def test_every_file_is_watched(self):
        often = "config_reload: {check_interval_seconds: 0.1}\n"
        self.write("site.yaml", (self.dir / "site.yaml").read_text() + often)
        process = self.start("--config", "base.yaml", "--config", "site.yaml", "--data-dir", "data", "--duration", "0",
                             "--rate", "50")
        self.wait_for_rows(self.dir / "data", 10, process)
        self.write("base.yaml", "anomalies: {probability: 0.25}\nsimulation: {readings_per_second: 2}\n"
                   "fleet: {identities: [nowhere.json]}\n")
        self.until_printed("config: anomalies.probability 0.5 -> 0.25")
        self.write("site.yaml", "anomalies: {enabled: false, probability: 0.1}\nfleet: {identities: [fleet.jsonl]}\n" + often)
        self.until_printed("config: anomalies.probability 0.25 -> 0.1")
        self.write("base.yaml", "anomalies: {probability: 7}\n")
        self.until_printed("config not reloaded, keeping the current version: base.yaml:1: anomalies.probability")
        self.stop(process)

    def until_printed(self, text):
        limit = time.monotonic() + 30
        while text not in self.printed():
            self.assertLess(time.monotonic(), limit, f"not printed: {text}\n{self.printed()}")
            time.sleep(0.05)

    def test_merge_keys_and_blocks_of_anchors_run(self):
        self.write("anchors.yaml", "x-common: &common {enabled: false, probability: 0.1}\nanomalies:\n  <<: *common\n"
                   "  probability: 0.2\nfleet: {identities: fleet.jsonl}\n")
        self.fleet_sim("--config", "anchors.yaml", "--data-dir", "data", "--speed", "max", "--duration", "5")
        self.assertRegex(self.effective(), r"anomalies:\n  enabled: false\n  probability: 0.2")


class HomeFolderTest(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        self.home = self.dir / "home"
        self.write("home/fleet/a.json", json.dumps(identity("A")))
        self.write("home/my.yaml", "fleet: {identities: ~/fleet}\nlogging: {file: ~/log/run.log}\n")
        self.env = {"HOME": str(self.home), "FLEET_SIM_LOGGING_FILE": ""}

    def names(self):
        return {path.relative_to(self.home).as_posix() for path in self.home.rglob("*") if path.is_file()}

    def test_flags_and_keys(self):
        run = ("--config=~/my.yaml", "--speed", "max", "--start", "2026-01-01", "--duration", "5")
        self.fleet_sim(*run, "--data-dir=~/data", env=self.env)
        self.assertTrue({"data/sensor_data.db", "log/run.log"} <= self.names(), self.names())
        self.fleet_sim("check", *run, "--data-dir=~/data", env=self.env)
        for command in (("report", "~/data"), ("digest", "~/data"), ("export", "~/data", "--out=~/out.csv"),
                        ("report", "~/data", "--html=~/report.html"),
                        ("generate", "--count", "2", "--out=~/new.jsonl")):
            self.fleet_sim(*command, env=self.env)
        self.assertTrue({"out.csv", "report.html", "new.jsonl"} <= self.names(), self.names())
        self.assertEqual([path for path in self.dir.rglob("~*")], [])

    def test_variables(self):
        env = {**self.env, "CONFIG_FILE": "~/my.yaml", "FLEET_SIM_DATABASE_DATA_DIR": "~/there",
               "IDENTITY_FILE": "~/fleet/a.json"}
        self.fleet_sim("--speed", "max", "--duration", "5", env=env)
        self.assertIn("there/sensor_data.db", self.names())

    def test_what_cannot_be_expanded_is_refused(self):
        for flag in ("--data-dir=~bob/x", "--identities=~bob", "--config=~bob/my.yaml"):
            refused = self.fleet_sim("check", flag, env=self.env, code=2)
            self.assertIn("another user's home folder", refused.stderr)
        homeless = self.fleet_sim("check", "--identities=~/fleet", env={**self.env, "HOME": ""}, code=2)
        self.assertIn("HOME names no folder: set HOME, or write the whole path", homeless.stderr)
        self.assertEqual([path for path in self.dir.rglob("~*")], [])


class IdentityFilesTest(fleet.FleetTest):
    def test_subfolders_and_capitals_are_read_and_the_rest_is_counted(self):
        self.write("fleet/A.JSON", json.dumps(identity("A")))
        self.write("fleet/Halle 1/b.jsonl", json.dumps(identity("B")) + "\n")
        self.write("fleet/Halle 1/notes.txt", "")
        self.write("fleet/.git/c.json", json.dumps(identity("C")))
        (self.dir / "fleet" / "Halle 1" / "up").symlink_to("..")
        checked = self.fleet_sim("check", "--identities", "fleet")
        self.assertIn("2 identities in 2 files", checked.stdout)
        self.assertIn("skipped 3 entries in identity folders: 1 without the ending .json or .jsonl (notes.txt), 1 hidden, "
                      "1 already read under another name", checked.stderr)
        self.fill("data", "--duration", "5", identities="fleet")
        ((sensors,),) = query_all(self.dir / "data", "SELECT count(DISTINCT sensor_id) FROM sensor_readings")
        self.assertEqual(sensors, 2)
        self.write("fleet/Halle 1/d.json", "{")
        self.assertIn("fleet/Halle 1/d.json:1: not valid JSON", self.fleet_sim("check", "--identities", "fleet", code=2).stderr)

    def test_encodings_are_named(self):
        text = json.dumps(identity("Grün"), ensure_ascii=False)
        cases = {"utf-16": "is UTF-16, not UTF-8: convert it with `iconv -f UTF-16 -t UTF-8`",
                 "utf-16-le": "is UTF-16LE without a byte order mark", "utf-16-be": "is UTF-16BE without a byte order mark",
                 "utf-32": "is UTF-32, not UTF-8", "utf-32-le": "is UTF-32LE without a byte order mark",
                 "latin-1": "the byte 0xFC is 'ü' in Latin-1 and Windows-1252", "utf-8-sig": ""}
        for encoding, message in cases.items():
            for name in ("a.json", "a.jsonl", "my.yaml"):
                with self.subTest(encoding=encoding, name=name):
                    (self.dir / name).write_bytes((text + "\n").encode(encoding))
                    if name == "my.yaml":
                        (self.dir / name).write_bytes("# Grün\nsimulation: {seed: 1}\n".encode(encoding))
                        inputs = ("--config", name, "--identities", fleet.IDENTITIES)
                    else:
                        inputs = ("--identities", name)
                    checked = self.fleet_sim("check", *inputs, code=2 if message else 0)
                    self.assertIn(message, checked.stderr)
        (self.dir / "a.json").write_bytes(gzip.compress(text.encode()))
        self.assertIn("a.json: is compressed with gzip: unpack it with `gunzip`",
                      self.fleet_sim("check", "--identities", "a.json", code=2).stderr)


if __name__ == "__main__":
    fleet.main()
