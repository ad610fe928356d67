#!/usr/bin/env python3
"""Every key of configs/reference.yaml is a variable, too: what the variable says is what the run does.

Most keys are changed at once, in one run whose config is read back from run_info. A key that the reference gains is
taken along by itself where another value of it can be guessed.
"""

import yaml

from fleet import *

# Whose other value cannot be guessed from the default. Lists are joined by ':' in a variable.
OTHERS = {"simulation.seed": 11, "simulation.overload": "skip", "simulation.phase": "aligned", "anomalies.basis": "event",
          "anomalies.severity": "graded", "fleet.partition": "1/2",
          "anomalies.types.spike.duration_seconds": 5, "normal_parameters.voltage.mean": 18,
          "sharding.by": "location", "clock.speed": "max",
          "clock.start": "2026-01-31T00:00:00.000000Z", "clock.utc_offset": "+02:00", "database.path": "other/sensors.db",
          "database.data_dir": "elsewhere", "database.synchronous": "full", "database.page_size": 8192,
          "logging.level": "DEBUG", "logging.file": "log/other.log", "logging.format": "json",
          "simulation.run_time_seconds": 5, "delivery.drop": "1%", "delivery.late.share": "20%",
          "delivery.late.median": "2s", "delivery.duplicate": "1%", "delivery.jitter": "20ms", "database.layout": "compact",
          "database.bulk": "off", "monitoring.address": "127.0.0.1:0"}
# Which cannot be changed in the one run, because there would be no rows to read the config from, or two fleets, or because
# others exclude them.
ALONE = {"fleet.identities", "fleet.identity", "sink.address", "sink.events", "sink.password_file", "monitoring.token",
         "clock.backfill_seconds", "simulation.count", "simulation.interval", "clock.time_zone"}


def flattened(tree, prefix=""):
    for name, value in tree.items():
        if isinstance(value, dict) and not {"median", "min"} <= value.keys():
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def reference():
    """Each key with its default; None where the reference has it in a comment, because it has none."""
    text = (SOURCE / "configs" / "reference.yaml").read_text(encoding="utf-8")
    tree = yaml.safe_load(re.sub(r"(?m)^( +)# (\w+): .*$", r"\1\2:", text))
    del tree["behaviors"]
    return dict(flattened(tree))


def other(key, default):
    if key in OTHERS:
        return OTHERS[key]
    if isinstance(default, bool):
        return not default
    if isinstance(default, list):  # a range
        return [default[0], default[1] * 0.9]
    if isinstance(default, dict):  # how long an anomaly lasts
        return default | {"median": default["median"] + 1}
    return default + 1 if isinstance(default, int) else default * 1.5


def variable(key):
    return "FLEET_SIM_" + key.replace(".", "_").upper()


def as_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


class Environment(FleetTest):
    def recorded(self, folder):
        (config,) = {config for (config,) in query_all(folder, "SELECT config FROM run_info")}
        return dict(flattened(yaml.safe_load(config)))

    def test_every_key(self):
        keys = reference()
        self.assertGreater(len(keys), 70)
        self.assertEqual((OTHERS.keys() | ALONE) - keys.keys(), set(), "keys that are there no more")
        given = {key: other(key, default) for key, default in keys.items() if key not in ALONE}
        for key, value in given.items():
            self.assertNotEqual(value, keys[key], key)
        variables = {variable(key): as_text(value) for key, value in given.items()}
        self.fleet_sim("--identities", IDENTITIES, env=variables)
        recorded = self.recorded(self.dir / given["database.data_dir"])
        wrong = {key: (value, recorded[key]) for key, value in given.items()
                 if as_text(recorded[key]) != as_text(False if value == "off" else value)}  # which YAML 1.1 takes it for
        self.assertEqual(wrong, {}, "(what the variable said, what the run recorded)")

    def test_identities(self):
        two = ":".join(str(IDENTITIES / f"outdoor_{i}.json") for i in (1, 2))
        for variables, sensors in (({"FLEET_SIM_FLEET_IDENTITIES": two}, 2),
                                   ({"FLEET_SIM_FLEET_IDENTITY": str(IDENTITIES / "outdoor_2.json")}, 1)):
            ran = self.fleet_sim("check", env=variables)
            self.assertIn("config ok; 1 identity in 1 file" if sensors == 1 else f"config ok; {sensors} identities in {sensors} files", ran.stdout)

    def test_sink(self):
        self.fleet_sim("--identities", IDENTITIES, "--duration", 1, env={"FLEET_SIM_DATABASE_SINK": "null"})
        self.assertEqual(shards(self.dir / "data"), [])

    def test_sink_by_its_other_name(self):
        self.fleet_sim("--identities", IDENTITIES, "--duration", 1, env={"FLEET_SIM_SINK_ADDRESS": "null"})
        self.assertEqual(shards(self.dir / "data"), [])

    def test_backfill(self):
        ran = self.fleet_sim("--identities", IDENTITIES, "--duration", 1, env={"FLEET_SIM_CLOCK_BACKFILL_SECONDS": "1m"})
        self.assertEqual(ran.summary.due, 15 * 61)
        self.assertEqual(self.recorded(self.dir / "data")["clock.backfill_seconds"], 60)

    def test_count(self):
        ran = self.fleet_sim("--identities", IDENTITIES, "--speed", "max", env={"FLEET_SIM_SIMULATION_COUNT": "1234"})
        self.assertEqual(ran.summary.due, 1_234)
        self.assertEqual(self.recorded(self.dir / "data")["simulation.count"], 1_234)

    def test_other_spellings(self):
        """Of a rate and of a zone, instead of the usual ones."""
        self.fleet_sim("--identities", IDENTITIES, "--speed", "max", "--duration", "10m", env={
            "FLEET_SIM_SIMULATION_INTERVAL": "1m30s", "FLEET_SIM_CLOCK_TIME_ZONE": "Europe/Berlin"})
        recorded = self.recorded(self.dir / "data")
        self.assertEqual((recorded["simulation.interval"], recorded["clock.time_zone"]), ("90s", "Europe/Berlin"))
        self.assertFalse({"simulation.readings_per_second", "clock.utc_offset"} & recorded.keys())

    def test_token(self):
        """A secret that no file and no message tells; status_test has what it is good for."""
        ran = self.fleet_sim("check", "--identities", IDENTITIES, code=2, env={"FLEET_SIM_MONITORING_TOKEN": "too short"})
        self.assertIn("FLEET_SIM_MONITORING_TOKEN", ran.stderr)
        self.assertNotIn("too short", ran.stderr)


class UsualIdentities(FleetTest):
    """DEFAULT_IDENTITIES, as the container image sets it, gives way to whatever else names identities."""

    def setUp(self):
        super().setUp()
        self.usual = {"DEFAULT_IDENTITIES": str(self.dir / "usual")}
        self.write("usual/one.json", json.dumps(identity("USUAL")))

    def ids(self, *arguments, **env):
        shutil.rmtree(self.dir / "data", ignore_errors=True)
        self.fleet_sim("--speed", "max", "--start", "2026-01-01", "--duration", 1, "--seed", 1, *arguments, env={**self.usual, **env})
        return sorted(set(sensor for (sensor,) in query_all(self.dir / "data", "SELECT sensor_id FROM sensor_readings")))

    def test_alone(self):
        self.assertEqual(self.ids(), ["USUAL"])
        self.assertEqual(self.ids(SENSOR_ID="RENAMED"), ["RENAMED"])

    def test_gives_way(self):
        outdoor = str(IDENTITIES / "outdoor_1.json")
        config = self.write("my.yaml", f"fleet: {{identity: {outdoor}}}\n")
        for arguments, env in ((["--identity", outdoor], {}), (["--identities", outdoor], {}), (["--config", config], {}),
                               ([], {"IDENTITY_FILE": outdoor}), ([], {"SENSOR_IDENTITY_FILE": outdoor}),
                               ([], {"FLEET_SIM_FLEET_IDENTITIES": outdoor}), ([], {"FLEET_SIM_FLEET_IDENTITY": outdoor})):
            with self.subTest(arguments=arguments, env=env):
                self.assertEqual(self.ids(*arguments, **env), ["OUTDOOR_1"])

    def test_several_are_not_renamed(self):
        self.write("usual/two.json", json.dumps(identity("SECOND")))
        ran = self.fleet_sim("check", code=2, env={**self.usual, "SENSOR_ID": "RENAMED"})
        self.assertIn("SENSOR_ID: is for a run of one sensor", ran.stderr)

    def test_a_link_is_followed_and_reloaded(self):
        """As in the image: the folder holds a link to a file beside it."""
        shutil.rmtree(self.dir / "usual")
        (self.dir / "usual").mkdir()
        beside = self.write("node_identity.json", json.dumps(identity("BESIDE")))
        (self.dir / "usual" / "node_identity.json").symlink_to(beside)
        process = self.start("--duration", 0, "--rate", 20, env={
            **self.usual, "FLEET_SIM_CONFIG_RELOAD_CHECK_INTERVAL_SECONDS": "0.1",
            "FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS": "50"})
        self.wait_for_rows(self.dir / "data", 5, process)
        beside.write_text(json.dumps(identity("BESIDE", firmware_version="1.5")), encoding="utf-8")
        until = time.monotonic() + 20
        while not total(self.dir / "data", "SELECT count(*) FROM sensor_readings WHERE firmware_version = '1.5'"):
            self.assertLess(time.monotonic(), until, self.printed())
            time.sleep(0.05)
        self.stop(process)


if __name__ == "__main__":
    main()
