"""Identity files that change while the fleet runs, each for itself: what is broken runs on as it was, the rest is taken."""

import json
import os
import time
import urllib.request

import fleet
from fleet import identity, query_all
from reloading import FLUSH_OFTEN, PACE, Reloading


class ReloadFilesTest(Reloading):
    def run_fleet(self, *arguments, interval=0.1, env=FLUSH_OFTEN):
        port = fleet.free_port()
        self.status = f"http://127.0.0.1:{port}"
        served = {**env, "FLEET_SIM_MONITORING_ENABLED": "true", "FLEET_SIM_MONITORING_ADDRESS": f"127.0.0.1:{port}"}
        return super().run_fleet(*arguments, interval=interval, env=served)

    def reload_state(self):
        with urllib.request.urlopen(self.status + "/status", timeout=10) as answer:
            return json.load(answer)["reload"]

    def metric(self, name):
        with urllib.request.urlopen(self.status + "/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"fleet_sim_{name}")]

    def firmwares(self, sensor):
        return {firmware for (firmware,) in self.rows(sensor, "firmware_version")}

    def until_more_rows(self, sensor, more=30):
        count = len(self.rows(sensor))
        self.until(lambda: len(self.rows(sensor)) > count + more, f"rows of {sensor} still")

    def test_a_broken_file_runs_on_and_the_others_are_taken(self):
        process = self.run_fleet()
        (self.folder / "B.json").write_text("{")
        self.put("A", firmware_version="7.7")
        (self.folder / "C.json").unlink()
        self.put("D")
        self.until(lambda: "7.7" in self.firmwares("A") and "D" in self.ids(), "what the whole files say")
        self.until_logged("1 identity file not reloaded, keeping the current version: identities/B.json:1: not valid JSON")
        self.until_logged("1 removed (C)")
        self.until_more_rows("B")
        state = self.reload_state()
        self.assertEqual(state["refused_files"], 1)
        self.assertIn("identities/B.json:1: not valid JSON", state["refused"][0])
        self.assertGreaterEqual(state["accepted"], 1)
        self.assertEqual(state["rejected"], 1)
        self.assertEqual(self.metric("refused_identity_files"), [1])

        self.put("B", firmware_version="8.8")  # mended
        self.until(lambda: "8.8" in self.firmwares("B"), "what the mended file says")
        self.until(lambda: self.reload_state()["refused_files"] == 0, "no file refused")
        self.assertEqual(self.metric("refused_identity_files"), [0])
        self.finish(process)
        for sensor in ("A", "B", "D"):
            self.assert_evenly_due(sensor, 20_000)

    def test_a_newcomer_cannot_take_an_id_that_runs_from_another_file(self):
        process = self.run_fleet()
        self.put("B", name="0", firmware_version="6.6")  # comes before B.json
        self.until_logged("identities/0.json:1: id 'B' already runs from identities/B.json")
        self.put("B", firmware_version="1.5")  # its own file still counts
        self.until(lambda: "1.5" in self.firmwares("B"), "what its own file says")
        self.assertNotIn("6.6", self.firmwares("B"))
        (self.folder / "B.json").unlink()  # lets go of it
        self.until(lambda: "6.6" in self.firmwares("B"), "what the other file says now")
        self.finish(process)
        self.assert_evenly_due("B", 20_000)
        self.assertNotIn("removed (", self.printed())

    def test_a_sensor_that_moves_to_another_file_neither_leaves_nor_joins(self):
        process = self.run_fleet()
        self.folder.joinpath("site").mkdir()
        os.rename(self.folder / "A.json", self.folder / "site" / "moved.JSON")
        self.put("D")  # proof that what came before has been seen
        self.until_logged("1 added (D)")
        self.finish(process)
        self.assertNotIn("removed (", self.printed())
        self.assert_evenly_due("A", 20_000)

    def test_a_sensor_whose_new_file_is_refused_stays_where_it_was(self):
        process = self.run_fleet()
        (self.folder / "A.json").write_text("{")
        self.write_lines("B.json", "A", "B")
        self.until_logged("2 identity files not reloaded")
        self.until_more_rows("A")
        self.assertEqual(self.reload_state()["refused_files"], 2)
        self.finish(process)
        self.assert_evenly_due("A", 20_000)

    def write_lines(self, name, *sensors):
        (self.folder / name).write_text(json.dumps([identity(sensor) for sensor in sensors]))

    def test_files_in_subfolders_are_watched(self):
        process = self.run_fleet()
        deep = self.folder / "Halle 1" / "line 2"
        deep.mkdir(parents=True)
        self.put("E", name="Halle 1/line 2/E")
        self.until(lambda: "E" in self.ids(), "rows of the sensor in the new subfolder")
        self.put("E", name="Halle 1/line 2/E", firmware_version="5.5")
        self.until(lambda: "5.5" in self.firmwares("E"), "rows with the new firmware")
        (deep / "E.json").write_text("{")
        self.until_logged("not reloaded, keeping the current version: identities/Halle 1/line 2/E.json:1: ")
        self.finish(process)

    def test_what_a_changed_config_makes_impossible_is_refused_until_it_fits(self):
        process = self.run_fleet()
        self.put("B", normal_parameters={"voltage": {"min": 100}})  # above the config's max
        self.until_logged("identities/B.json: sensor 'B': normal_parameters.voltage.min 100 must not be above max")
        self.put("A", firmware_version="7.7")
        self.until(lambda: "7.7" in self.firmwares("A"), "what the other file says")
        self.config("normal_parameters: {voltage: {mean: 110, max: 200}}\n")
        self.until_logged("1 changed (B: its numbers)")
        self.finish(process)

    def test_a_start_wants_all_files_whole(self):
        (self.folder / "B.json").write_text("{")
        refused = self.fleet_sim("--identities", "identities", "--data-dir", "data", code=2)
        self.assertIn("identities/B.json:1: not valid JSON", refused.stderr)

    def test_a_run_with_refused_files_is_resumed_once_they_are_mended(self):
        process = self.run_fleet()
        (self.folder / "B.json").write_text("{")
        self.put("D")
        self.until(lambda: "D" in self.ids(), "rows of the sensor that was added")
        self.finish(process)
        again = ("--resume", "--identities", "identities", "--data-dir", "data", "--duration", "1m", "--speed", "max")
        self.fleet_sim(*again, code=2)
        self.put("B", firmware_version="9.9")
        self.fleet_sim(*again)
        self.assertIn("9.9", self.firmwares("B"))
        taken = query_all(self.dir / "data", "SELECT sensor_id, timestamp FROM sensor_readings")
        self.assertEqual(len(taken), len(set(taken)), "a reading is there twice")


if __name__ == "__main__":
    fleet.main()
