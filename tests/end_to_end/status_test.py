#!/usr/bin/env python3
"""The status API of a running fleet, over real sockets: every route, and what is refused."""

from serving import *

PROMTOOL = shutil.which("promtool")
ROUTES = ["/", "/healthz", "/health", "/readyz", "/status", "/metrics", "/api/history", "/api/shards", "/api/sensors", "/api/events",
          "/api/sensors/FACTORY_1_NEW"]
CHANGES = ["/api/stop", "/api/reload", "/api/anomalies"]


class Routes(Served):
    def test_what_a_run_says_of_itself(self):
        self.serve()
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > 300)
        status = self.json("/status")
        self.assertEqual(status["run"]["seed"], "5")
        self.assertEqual(status["run"]["shard_by"], "location")
        self.assertEqual((status["state"], status["healthy"], status["reasons"]), ("running", True, []))
        self.assertEqual(status["fleet"]["sensors"], 15)
        self.assertAlmostEqual(status["fleet"]["readings_per_second"], 300)
        self.assertIsNone(status["progress"]["simulated_total_seconds"])
        readings = status["readings"]
        self.assertEqual(readings["due"], readings["generated"] + readings["skipped"])
        self.assertEqual(readings["generated"], readings["written"] + readings["missing"] + readings["pending"])
        self.assertEqual(status["anomalies"]["total"], sum(status["anomalies"]["by_type"].values()))
        self.assertGreater(status["lag_seconds"]["count"], 0)
        self.assertLessEqual(status["lag_seconds"]["p50"], status["lag_seconds"]["max"])
        self.assertGreater(status["commit_seconds"]["count"], 0)
        self.assertEqual(status["shards"]["total"], len(shards(self.dir / "data")))
        self.assertEqual(status["shards"]["healthy"], status["shards"]["total"])
        self.assertGreater(status["memory_bytes"], 1_000_000)
        self.assertGreater(status["storage_bytes"], 0)
        rate = self.wait_for(lambda: abs(self.json("/status")["readings"]["written_per_second"] - 280) < 100)
        self.assertTrue(rate)

        page = self.json("/api/shards?limit=3")
        names = []
        while True:
            for shard in page["shards"]:
                names.append(shard["name"])
                self.assertEqual(shard["state"], "healthy")
                self.assertGreater(shard["bytes"], 0)
                self.assertRegex(shard["last_commit"], TIMESTAMP)
            if page["next"] is None:
                break
            page = self.json(f"/api/shards?limit=3&after={page['next']}")
        self.assertEqual(names, [path.name for path in shards(self.dir / "data")])
        summary = self.stop(self.process)
        written = summary.written
        self.assertGreaterEqual(written, readings["written"])

    def test_sensors_are_found_paged_and_looked_at(self):
        self.serve()
        demo = demo_identities()
        everybody = self.json("/api/sensors")
        self.assertEqual({one["id"] for one in everybody["sensors"]}, set(demo))
        self.assertEqual((everybody["total"], everybody["next"]), (15, None))
        wanted = next(iter(demo.values()))["manufacturer"]
        found = self.json("/api/sensors?limit=1000&query=" + quote(wanted.upper()))
        self.assertEqual({one["id"] for one in found["sensors"]},
                         {one["id"] for one in demo.values() if wanted in one["manufacturer"]})
        paged, after = [], "0"
        while after is not None:
            page = self.json(f"/api/sensors?limit=4&after={after}")
            paged += [one["id"] for one in page["sensors"]]
            after = page["next"]
        self.assertEqual(sorted(paged), sorted(demo))
        self.assertEqual(self.json("/api/sensors?query=no-such-thing")["total"], 0)
        self.assertEqual(self.json("/api/sensors/nobody", 404)["error"], "no sensor has this id")

    def test_last_readings_are_those_in_the_file(self):
        self.serve(env={"FLEET_SIM_ANOMALIES_PROBABILITY": "0.4",
                        "FLEET_SIM_ANOMALIES_TYPES_MISSING_DATA_DURATION_SECONDS": "0.2"})
        sensors = [one["id"] for one in self.json("/api/sensors")["sensors"]]
        self.wait_for(lambda: len(self.json(f"/api/sensors/{sensors[0]}")["readings"]) > 60)
        looks = [self.json(f"/api/sensors/{quote(one)}") for one in sensors]
        looks += [self.json(f"/api/sensors/{quote(one)}") for one in sensors[:5]]
        self.stop(self.process)
        rows = {(sensor, at): (values, anomaly) for sensor, at, *values, anomaly in query_all(
            self.dir / "data", "SELECT sensor_id, timestamp, temperature, vibration, voltage, anomaly_type "
                               "FROM sensor_readings")}
        missing = 0
        for look in looks:
            sensor = look["sensor"]["id"]
            self.assertEqual(look["effective"]["id"], sensor)
            self.assertGreater(len(look["readings"]), 30)
            self.assertLessEqual(len(look["readings"]), 300)
            self.assertFalse(look["continues"])
            for reading in look["readings"]:
                values = [reading[name] for name in ("temperature", "vibration", "voltage")]
                if reading["anomaly_type"] == "missing_data":
                    missing += 1
                    self.assertEqual(values, [None] * 3)
                    self.assertNotIn((sensor, reading["timestamp"]), rows)
                else:
                    self.assertEqual(rows[sensor, reading["timestamp"]], (values, reading["anomaly_type"]))
        self.assertGreater(missing, 0)

    def test_a_look_continues_from_the_one_before(self):
        self.serve()
        look = "/api/sensors/FACTORY_1_NEW"
        readings = self.wait_for(lambda: len(found := self.json(look)["readings"]) > 20 and found)
        for _ in range(5):
            last = readings[-1]["timestamp"]
            self.wait_for(lambda: self.json(f"{look}?since={last}")["readings"])
            answer = self.json(f"{look}?since={last}")
            self.assertTrue(answer["continues"])
            self.assertNotIn("effective", answer)
            self.assertGreater(answer["readings"][0]["timestamp"], last)
            readings += answer["readings"]
        self.assertEqual(readings, [one for one in self.json(look)["readings"]
                                    if one["timestamp"] <= readings[-1]["timestamp"]])
        unknown = self.json(f"{look}?since={last[:-2]}{(int(last[-2]) + 1) % 10}Z")
        self.assertFalse(unknown["continues"])
        self.assertIn("effective", unknown)
        self.json(f"{look}?since=now", 400)

    def test_each_reading_names_the_channel_of_its_anomaly(self):
        self.serve(env={"FLEET_SIM_ANOMALIES_PROBABILITY": "0.4"})
        sensors = [one["id"] for one in self.json("/api/sensors")["sensors"]]
        self.wait_for(lambda: len(self.json(f"/api/sensors/{sensors[0]}")["readings"]) > 60)
        looks = {one: self.json(f"/api/sensors/{quote(one)}")["readings"] for one in sensors}
        self.stop(self.process)
        events = query_all(self.dir / "data", "SELECT sensor_id, anomaly_type, channel, started_at, "
                                              "coalesce(ended_at, '9999') FROM anomaly_events")
        seen = set()
        for sensor, readings in looks.items():
            for one in readings:
                happened = [(kind, channel) for whose, kind, channel, since, until in events
                            if whose == sensor and since <= one["timestamp"] <= until]
                self.assertEqual((one["anomaly_type"], one["channel"]), *(happened or [(None, None)]))
                seen.add(one["channel"])
        self.assertEqual(seen, {"temperature", "vibration", "voltage", None})

    def test_recent_events_are_those_in_the_files(self):
        self.serve(env={"FLEET_SIM_ANOMALIES_PROBABILITY": "0.4"})
        events = self.wait_for(lambda: len(found := self.json("/api/events?limit=1000")["events"]) > 30 and found)
        self.assertEqual(len(self.json("/api/events?limit=7")["events"]), 7)
        self.assertEqual([one["started_at"] for one in events], sorted((one["started_at"] for one in events),
                                                                       reverse=True))
        self.stop(self.process)
        recorded = query_all(self.dir / "data", "SELECT sensor_id, anomaly_type, channel, direction, magnitude, "
                                                "started_at FROM anomaly_events")
        for one in events:
            self.assertIn((one["sensor_id"], one["anomaly_type"], one["channel"], one["direction"], one["magnitude"],
                           one["started_at"]), recorded)
            self.assertFalse(one["injected"])

    def test_wrong_requests(self):
        self.serve()
        for path in ROUTES:
            self.assertEqual(self.ask(path)[0], 200, path)
            code, body, headers = self.ask(path, "HEAD")
            self.assertEqual((code, body), (200, b""), path)
            code, body, headers = self.ask(path, "POST", Authorization=f"Bearer {TOKEN}")
            self.assertEqual((code, headers["Allow"]), (405, "GET, HEAD"), path)
            self.assertIn("error", json.loads(body))
            self.assertNotIn("Access-Control-Allow-Origin", headers)
        for path in CHANGES:
            code, _, headers = self.ask(path)
            self.assertEqual((code, headers["Allow"]), (405, "POST"), path)
        for path in ("/nothing", "/api", "/api/sensors/", "/status/", "/%2e%2e/etc/passwd", "/api/shards/x"):
            self.assertIn("error", self.json(path, 404), path)
        for path in ("/%", "/%zz", "/api/shards?limit=0", "/api/shards?limit=1001", "/api/shards?after=-1",
                     "/api/sensors?limit=x", "/api/sensors?query=%f", "/api/events?limit=1e3", "*"):
            self.assertIn("error", self.json(path, 400), path)
        self.assertIn("must start with /", self.json("http://127.0.0.1/status", 400)["remedy"])
        self.assertEqual(self.json("/status", 403, Host="evil.example")["error"],
                         "this address answers only to localhost and 127.0.0.1")
        self.json("/status", Host="localhost:1234")
        self.assertEqual(self.ask("/metrics")[2]["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertIn("frame-ancestors 'none'", self.ask("/")[2]["Content-Security-Policy"])


class Changes(Served):
    def test_only_who_has_the_token_changes_something(self):
        self.serve()
        for path in CHANGES:
            for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Bearer {TOKEN}x"},
                            {"Authorization": f"Bearer {TOKEN[:-1]}"}, {"Authorization": f"Basic {TOKEN}"}):
                self.assertEqual(self.ask(path, "POST", **headers)[0], 401, (path, headers))
        self.assertIsNone(self.process.poll())
        for body in ("", "{", "[]", '{"type": "spike"}', '{"type": "flood", "sensors": ["a"]}',
                     '{"type": "spike", "sensors": []}', '{"type": "spike", "sensors": [1]}', "[" * 60_000,
                     '{"type": "spike", "sensors": ["a"], "more": 1}',
                     json.dumps({"type": "spike", "sensors": ["a"] * 1001})):
            self.change("/api/anomalies", body, status=400)
        self.change("/api/anomalies", '{"type": "spike", "sensors": ["nobody"]}', status=404)
        self.wait_for_rows(self.dir / "data", files=6, process=self.process)
        config = "".join(query(shards(self.dir / "data")[0], "SELECT config FROM run_info")[0])
        self.assertNotIn(TOKEN, config + self.printed() + (self.dir / "log/fleet-sim.log").read_text())

        self.assertEqual(self.change("/api/stop", status=202), {"accepted": "stop"})
        self.assertEqual(self.process.wait(timeout=30), 0, self.printed())
        self.assert_balanced(Summary((self.dir / "stdout").read_text()), self.dir / "data")

    def test_a_reload_that_is_asked_for_shows_in_the_status(self):
        identities = self.dir / "identities"
        shutil.copytree(IDENTITIES, identities)
        self.serve(identities=identities)
        before = self.json("/status")
        self.assertEqual(before["reload"]["accepted"], 0)
        shards_before = before["shards"]["total"]
        identity = json.loads((identities / "outdoor_1.json").read_text())
        (identities / "new.json").write_text(json.dumps({**identity, "id": "NEW_1", "location": "Nowhere - Yet"}))
        said = self.change("/api/reload", status=200)
        self.assertEqual(said["reload"], "changed")
        ((what, outcome),) = [(one["what"], one["outcome"]) for one in said["outcome"]]
        self.assertEqual((what, outcome), ("identities", "accepted"))
        self.assertEqual(self.change("/api/reload", status=200), {"reload": "nothing changed", "outcome": []})
        reload = self.wait_for(lambda: (one := self.json("/status")["reload"])["accepted"] and one)
        self.assertEqual((reload["history"][0]["what"], reload["history"][0]["outcome"]), ("identities", "accepted"))
        self.assertEqual(self.json("/status")["fleet"]["readings_per_second"], 16 * 20)
        look = self.wait_for(lambda: (one := self.json("/api/sensors/NEW_1"))["readings"] and one)
        self.assertEqual(look["sensor"]["shard"], "location=Nowhere_-_Yet.db")
        names = [one["name"] for one in self.json("/api/shards")["shards"]]
        self.assertIn("location=Nowhere_-_Yet.db", names)
        self.assertEqual(len(names), shards_before + 1)

        (identities / "new.json").write_text("{")
        for _ in range(2):  # asked once more, it is refused once more, and counted once
            refused = self.change("/api/reload", status=409)
            self.assertRegex(refused["error"], r"^identities not reloaded: .*new\.json")
            self.assertEqual(refused["outcome"][0]["outcome"], "rejected")
        reload = self.wait_for(lambda: (one := self.json("/status")["reload"])["rejected"] and one)
        self.assertEqual(reload["history"][1]["outcome"], "rejected")
        self.assertEqual(self.json("/status")["errors"]["identity"], 1)

    def test_the_hash_is_that_of_the_config_that_runs(self):
        config = self.write("config.yaml", "anomalies: {probability: 0.1}\n")
        self.serve("--config", config)

        def told():
            return self.json("/status")["run"]["config_hash"]
        self.wait_for_rows(self.dir / "data", files=6, process=self.process)
        # Others are just being made.
        made = [path for path in shards(self.dir / "data") if query(path, "SELECT 1 FROM sqlite_schema WHERE name = 'run_info'")]
        ((began_under,),) = {row for path in made for row in query(path, "SELECT config_hash FROM run_info")}
        self.assertEqual(told(), began_under)
        config.write_text("anomalies: {probability: 0.2}\n", encoding="utf-8")
        self.change("/api/reload", status=200)
        self.wait_for(lambda: self.json("/status")["reload"]["accepted"])
        self.assertNotEqual(told(), began_under)
        self.wait_for(lambda: total(self.dir / "data", "SELECT count(*) FROM sqlite_schema WHERE name = 'run_reloads'"))
        reloaded = {row for path in shards(self.dir / "data")
                    if query(path, "SELECT 1 FROM sqlite_schema WHERE name = 'run_reloads'")
                    for row in query(path, "SELECT config_hash FROM run_reloads")}
        self.assertEqual(reloaded, {(told(),)})

    def test_without_a_token_nobody_does(self):
        self.serve(token="")
        for path in CHANGES:
            self.assertEqual(self.ask(path, "POST", Authorization="Bearer ")[0], 403, path)

    def test_a_declared_type_takes_the_anomalies_that_it_has_a_channel_for(self):
        gas = self.write("gas.yaml", "types: {gas: {channels: {methane: {base: 2}, ethane: {base: 1}}}}\n")
        fleet = self.write_identities([{"id": "GAS_1", "type": "gas"}, {"id": "GAS_2", "type": "gas"}])
        self.serve("--config", gas, identities=fleet, env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
        refused = self.change("/api/anomalies", json.dumps({"type": "intermittent", "sensors": ["GAS_1"]}), status=400)
        self.assertEqual(refused["passed_over"][0]["reason"], "it has no gauge with rails, which intermittent anomalies need")
        self.change("/api/anomalies", json.dumps({"type": "missing_data", "sensors": ["GAS_1"]}), status=202)
        self.wait_for(lambda: self.json("/status")["readings"]["missing"])
        self.stop(self.process)
        data = self.dir / "data"
        self.assertEqual(query_all(data, "SELECT DISTINCT sensor_id, anomaly_type FROM anomaly_events"), [("GAS_1", "missing_data")])
        self.assertEqual(query_all(data, "SELECT DISTINCT methane, ethane, status_code FROM sensor_readings"), [(2, 1, 0)])

    def test_an_injected_anomaly_is_recorded_as_one(self):
        self.serve(env={"FLEET_SIM_ANOMALIES_ENABLED": "false"})
        chosen = [one["id"] for one in self.json("/api/sensors")["sensors"]][:3]
        answer = self.change("/api/anomalies", json.dumps({"type": "trend", "sensors": chosen}), status=202)
        self.assertEqual((answer["accepted"]["type"], answer["accepted"]["sensors"], answer["passed_over"]), ("trend", chosen, []))
        look = self.wait_for(lambda: (one := self.json(f"/api/sensors/{chosen[0]}"))["anomaly"] and one)
        self.assertEqual((look["anomaly"]["type"], look["anomaly"]["injected"]), ("trend", True))
        # A sensor has one anomaly at a time: the second is not begun, and the answer says so.
        held = [{"sensor": chosen[0], "reason": "it is in an anomaly"}]
        refused = self.change("/api/anomalies", json.dumps({"type": "noise", "sensors": chosen[:1]}), status=409)
        self.assertIn("nothing was injected", refused["error"])
        self.assertEqual(refused["passed_over"], held)
        unknown = self.change("/api/anomalies", json.dumps({"type": "spike", "sensors": [chosen[0], "nobody"]}), status=404)
        self.assertEqual(unknown["passed_over"], [{"sensor": "nobody", "reason": "no sensor has this id"}])
        events = self.wait_for(lambda: len(found := self.json("/api/events")["events"]) >= 3 and found)
        self.assertTrue(all(one["injected"] and one["cause"] == "injected" for one in events))
        begun = {one["sensor_id"]: one for one in answer["accepted"]["events"]}
        self.assertEqual({one["sensor_id"]: {**one, "ended_at": None} for one in events}, {sensor: {**one, "ended_at": None} for sensor, one in begun.items()})
        count = self.wait_for(lambda: len(self.json(f"/api/sensors/{chosen[0]}")["readings"]) > 20 and
                              self.json(f"/api/sensors/{chosen[0]}")["readings"])
        # A run goes on from its last second by what the seed says, which knows of no injection.
        written = self.json("/status")["readings"]["written"]
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > written + 900)
        self.stop(self.process)
        data = self.dir / "data"
        recorded = query_all(data, "SELECT sensor_id, anomaly_type FROM anomaly_events")
        self.assertEqual(sorted(recorded), sorted((one, "trend") for one in chosen))
        injected = [row for path in shards(data)
                    if query(path, "SELECT 1 FROM sqlite_schema WHERE name = 'injected_anomalies'")
                    for row in query(path, "SELECT e.sensor_id FROM injected_anomalies JOIN anomaly_events e "
                                           "ON e.id = event_id")]
        self.assertEqual(sorted(injected), sorted((one,) for one in chosen))
        anomalous = query_all(data, "SELECT DISTINCT sensor_id, anomaly_type FROM sensor_readings WHERE anomaly_flag = 1")
        self.assertEqual(sorted(anomalous), sorted((one, "trend") for one in chosen))
        rows = {at: anomaly for at, anomaly in query_all(
            data, "SELECT timestamp, anomaly_type FROM sensor_readings WHERE sensor_id = ?", chosen[0])}
        for reading in count:
            self.assertEqual(rows[reading["timestamp"]], reading["anomaly_type"])
        # What was injected is data like any other: the digest has it, and a run goes on from it.
        went_on = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--resume", "--speed", "max",
                                 "--duration", "20m")
        self.assertEqual(went_on.summary.lost, 0)
        self.assertEqual(total(data, "SELECT count(*) FROM anomaly_events WHERE ended_at IS NOT NULL"), 3)


class Addresses(Served):
    def test_an_address_that_was_asked_for_and_is_taken_ends_the_run(self):
        self.serve()
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "other", "--duration", 1, "--status-address",
                             f"127.0.0.1:{self.port}", code=2, env={"FLEET_SIM_MONITORING_ENABLED": "false"})
        self.assertIn("--status-address", ran.stderr)
        self.assertFalse((self.dir / "other").exists())

    def test_the_usual_one_taken_is_a_warning(self):
        with socket.socket() as taken:
            try:
                taken.bind(("127.0.0.1", 8080))
                taken.listen()
            except OSError:
                pass  # somebody else has it, which does as well
            ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1,
                                 env={"FLEET_SIM_MONITORING_ENABLED": "true"})
        self.assertIn("no status page", ran.stderr)

    def test_no_status(self):
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1, "--no-status",
                             env={"FLEET_SIM_MONITORING_ENABLED": "true"})
        self.assertNotIn("status", ran.stderr)
        self.fleet_sim("--identities", IDENTITIES, "--no-status", "--status-address", "127.0.0.1:0", code=2)
        for address in ("nowhere", "127.0.0.1:70000", ":80"):
            self.fleet_sim("--identities", IDENTITIES, "--duration", 1, "--status-address", address, code=2)


class Metrics(Served):
    def names(self, text):
        return set(re.findall(r"fleet_sim_[a-z_]+", text))

    def test_metrics(self):
        self.serve()
        self.wait_for(lambda: self.json("/status")["readings"]["written"] > 300)
        text = self.ask("/metrics")[1].decode()
        values = dict(re.findall(r"^(fleet_sim_\S+) (\S+)$", text, re.MULTILINE))
        self.assertLess(len(values), 150)
        self.assertGreater(float(values["fleet_sim_readings_written_total"]), 300)
        self.assertEqual(values['fleet_sim_shards{state="healthy"}'], str(len(shards(self.dir / "data"))))
        self.assertEqual(values['fleet_sim_lag_seconds_bucket{le="+Inf"}'], values["fleet_sim_lag_seconds_count"])
        buckets = [int(value) for name, value in values.items() if name.startswith("fleet_sim_lag_seconds_bucket")]
        self.assertEqual(buckets, sorted(buckets))
        if PROMTOOL:
            checked = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True)
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_log_lines_use_the_same_words(self):
        self.serve(env={"FLEET_SIM_LOGGING_FORMAT": "json", "FLEET_SIM_LOGGING_SUMMARY_INTERVAL_SECONDS": "1"})
        log = self.dir / "log/fleet-sim.log"
        self.wait_for(lambda: '"run_summary"' in log.read_text())
        lines = {one["event"]: one for one in map(json.loads, log.read_text().splitlines())}
        metrics, said = self.names(self.ask("/metrics")[1].decode()), self.json("/status")

        def words(tree):
            return {word for key, value in tree.items() for word in (key, *(words(value) if isinstance(value, dict) else ()))}

        known = words(said) | {re.sub(r"^fleet_sim_|_total$", "", name) for name in metrics}
        common = {"ts", "level", "event", "msg"}
        for event in ("run_started", "run_summary"):
            used = {re.sub(r"_(p50|p99|max)(?=_seconds$)", "", word) for word in set(lines[event]) - common}
            self.assertGreater(len(used), 7)
            self.assertEqual(used - known, set(), event)
        for word in ("due", "skipped", "generated", "missing", "written", "found", "pending"):
            self.assertIn(word, lines["run_summary"])
            self.assertTrue({f"fleet_sim_readings_{word}", f"fleet_sim_readings_{word}_total"} & metrics, word)

    def test_what_configs_name_is_served(self):
        self.serve()
        served = self.names(self.ask("/metrics")[1].decode())
        for name in ("prometheus/alerts.yaml", "prometheus/alerts_test.yaml", "grafana/fleet-sim.json"):
            used = self.names((SOURCE / "configs" / name).read_text())
            self.assertGreater(len(used), 3)
            self.assertEqual(used - served, set(), name)

    @unittest.skipUnless(PROMTOOL, "promtool is in Debian's package prometheus")
    def test_promtool_accepts_the_configs(self):
        folder = SOURCE / "configs/prometheus"
        for arguments in (["check", "config", "prometheus.yaml"], ["test", "rules", "alerts_test.yaml"]):
            ran = subprocess.run([PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)


if __name__ == "__main__":
    main()
