#!/usr/bin/env python3
"""What runs a fleet elsewhere than in Kubernetes: the jobs of configs/bacalhau, their commands run as processes of this
machine, and the unit of configs/systemd, whose limits the program has to live with."""

from urllib.request import urlopen

import yaml

from fleet import *
from manifests import ANY, documents, unknown_fields

BACALHAU = SOURCE / "configs" / "bacalhau"
CALLS_OF_ROOT = {"fchown"}  # SQLite's, for its log's owner; the unit's user never makes them
UNIT = SOURCE / "configs" / "systemd" / "fleet-sim.service"

TASK = {"Name": ANY, "Resources": {"CPU": ANY, "Memory": ANY}, "Network": {"Type": ANY}, "Timeouts": {"ExecutionTimeout": ANY},
        "Engine": {"Type": ANY, "Params": {"Image": ANY, "Entrypoint": ANY, "Parameters": ANY, "WorkingDirectory": ANY}},
        "InputSources": [{"Target": ANY, "Source": {"Type": ANY, "Params": {"SourcePath": ANY, "ReadWrite": ANY}}}]}
JOB = {"Name": ANY, "Type": ANY, "Count": ANY, "Constraints": [{"Key": ANY, "Operator": ANY, "Values": ANY}], "Tasks": [TASK]}


class Bacalhau(FleetTest):
    def setUp(self):
        super().setUp()
        (self.dir / "bin").mkdir()
        (self.dir / "bin" / "fleet-sim").symlink_to(EXECUTABLE)
        self.node = self.dir / "node"  # /srv/fleet-sim of the one node
        self.node.mkdir()
        shutil.copy(SOURCE / "configs" / "kubernetes" / "base" / "fleet.jsonl", self.node)

    def job(self, name):
        (job,) = documents(BACALHAU / name)
        return job

    def start(self, job, **more):
        """The job's command in the node's folder, which is where the container has it."""
        (task,) = job["Tasks"]
        (source,), params = task["InputSources"], task["Engine"]["Params"]
        self.assertEqual(source["Target"], params["WorkingDirectory"])
        return subprocess.Popen([*params["Entrypoint"], *params["Parameters"]], cwd=self.node, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True,
                                env={"PATH": f"{self.dir / 'bin'}:{os.environ['PATH']}", **more})

    def end(self, process):
        output = process.communicate(timeout=120)[0]
        self.assertEqual(process.returncode, 0, output)
        return output

    def fill_history(self):
        job = self.job("history.yaml")
        started = [self.start(job, BACALHAU_PARTITION_INDEX=str(index), BACALHAU_PARTITION_COUNT=str(job["Count"]))
                   for index in range(job["Count"])]
        return [self.end(process) for process in started]

    def test_the_jobs_say_what_bacalhau_knows(self):
        for name, kind in (("history.yaml", "batch"), ("collect.yaml", "ops")):
            job = self.job(name)
            self.assertEqual(unknown_fields(job, JOB, name), [])
            self.assertEqual(job["Type"], kind)
            self.assertEqual("Count" in job, kind == "batch")  # the others run wherever the constraints hold
            (source,) = job["Tasks"][0]["InputSources"]
            self.assertEqual(source["Source"], {"Type": "localDirectory",
                                                "Params": {"SourcePath": "/srv/fleet-sim", "ReadWrite": True}})
        job["Tasks"][0]["Engine"]["Params"]["Environment"] = []
        self.assertEqual(unknown_fields(job, JOB, "job"), ["job.Tasks[0].Engine.Params has no field 'Environment'"])

    def test_the_partitions_are_the_fleet_of_one_process(self):
        self.fill_history()
        union = self.dir / "union"
        union.mkdir()
        for path in self.node.glob("data/*/*.db"):
            os.link(path, union / f"{path.parent.name}-{path.name}")
        self.fleet_sim("--identities", self.node / "fleet.jsonl", "--data-dir", "whole", "--speed", "max", "--start",
                       "2026-01-01", "--duration", "1d", "--seed", 42)
        self.assertEqual(self.counted(union), self.counted("whole"))

    def test_the_collector_takes_every_row_once(self):
        for index in (0, 1):
            self.fill(self.node / "data" / str(index), "--partition", f"{index + 1}/2", "--duration", "5m")
        shutil.copy(SOURCE / "scripts" / "collect", self.node / "collect")
        for _ in range(2):  # the second time there is nothing left
            self.end(self.start(self.job("collect.yaml")))
            ((rows, sensors),) = query(self.node / "central.db", "SELECT count(*), count(DISTINCT sensor_id) FROM sensor_readings")
            left = sum(total(self.node / "data" / str(index), "SELECT count(*) FROM sensor_readings WHERE synced = 0")
                       for index in (0, 1))
            there = sum(total(self.node / "data" / str(index), "SELECT count(*) FROM sensor_readings") for index in (0, 1))
            self.assertEqual((rows, sensors, left), (there, 15, 0))

    def test_a_partition_that_cannot_be_collected_keeps_no_other_waiting(self):
        for index in (0, 1):
            self.fill(self.node / "data" / str(index), "--partition", f"{index + 1}/2", "--duration", "10s")
        (self.node / "data" / "0" / "sensor_data.db").write_text("no database" * 1000)
        shutil.copy(SOURCE / "scripts" / "collect", self.node / "collect")
        process = self.start(self.job("collect.yaml"))
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 1, output)
        self.assertEqual(total(self.node / "data" / "1", "SELECT count(*) FROM sensor_readings WHERE synced = 0"), 0, output)


class Unit(FleetTest):
    def setting(self, name):
        return [line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(f"{name}=")]

    def test_systemd_finds_nothing_wrong(self):
        unit = self.write("fleet-sim.service", UNIT.read_text().replace("/usr/bin/fleet-sim", EXECUTABLE))
        ran = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "", ""))
        bad = self.write("bad.service", unit.read_text().replace("ProtectHome=true", "ProtectHomes=true"))
        self.assertIn("ProtectHomes", subprocess.run(["systemd-analyze", "verify", "--man=no", bad], capture_output=True,
                                                     text=True).stderr)

    def test_it_is_exposed_to_little(self):
        """At most 1.5 of 10, by systemd's own reckoning."""
        ran = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", UNIT], capture_output=True,
                             text=True)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_exit_codes_that_no_restart_mends(self):
        self.assertEqual(self.setting("RestartPreventExitStatus"), ["2 3"])
        self.fleet_sim("--identities", "nowhere", code=2)
        self.write("data", "no folder")
        self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", code=3,
                       env={"FLEET_SIM_DATABASE_MEMORY_FALLBACK": "false"})

    def allowed_calls(self):
        """What the unit's SystemCallFilter leaves, one set after the other."""
        allowed = set()
        for line in self.setting("SystemCallFilter"):
            named = self.calls_of(line.lstrip("~").split())
            allowed = allowed - named if line.startswith("~") else allowed | named
        return allowed

    def calls_of(self, names):
        calls = set()
        for name in names:
            if name.startswith("@"):
                listed = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True)
                words = [line.strip() for line in listed.stdout.splitlines()[1:]]
                calls |= self.calls_of([word for word in words if word and not word.startswith("#")])
            else:
                calls.add(name)
        return calls

    def test_the_program_makes_no_call_that_the_unit_forbids(self):
        """A run with its status read, a reload and a stop, as the unit starts it."""
        traced = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
        if "PTRACE" in traced.stderr:
            self.skipTest(f"strace may not trace here: {traced.stderr.strip()}")
        (command,) = self.setting("ExecStart")
        self.assertEqual(command, "/usr/bin/fleet-sim --config /etc/fleet-sim/config.yaml")
        config = {"fleet": {"identities": [str(IDENTITIES)]}, "sharding": {"by": "location"}, "database": {"data_dir": "data"},
                  "monitoring": {"address": "127.0.0.1:0"}, "simulation": {"readings_per_second": 1}}
        file = self.write("config.yaml", yaml.safe_dump(config))
        with open(self.dir / "printed", "w") as printed:
            process = subprocess.Popen(["strace", "-f", "-qq", "-o", self.dir / "calls", EXECUTABLE, "--config", file],
                                       cwd=self.dir, env=environment(FLEET_SIM_MONITORING_ENABLED="true", **TRACED),
                                       stdout=printed, stderr=subprocess.STDOUT)
        self.wait_for_rows(self.dir / "data")
        child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        self.addCleanup(lambda: process.poll() is None and os.kill(child, signal.SIGKILL))
        port = self.wait_for_line(r"status at http://127\.0\.0\.1:(\d+)/")
        with urlopen(f"http://127.0.0.1:{port}/status", timeout=10) as answer:
            self.assertEqual(answer.status, 200)
        config["simulation"]["readings_per_second"] = 5
        file.write_text(yaml.safe_dump(config))
        os.kill(child, signal.SIGHUP)
        self.wait_for_line(r"(simulation\.readings_per_second)")
        os.kill(child, signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 4, (self.dir / "printed").read_text())  # before its hour was over
        made = set(re.findall(r"^\d+ +(\w+)\(", (self.dir / "calls").read_text(), re.MULTILINE))
        self.assertIn("pwrite64", made)
        self.assertEqual(made - self.allowed_calls() - CALLS_OF_ROOT, set())

    def wait_for_line(self, pattern):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            found = re.search(pattern, (self.dir / "printed").read_text())
            if found:
                return found[1]
            time.sleep(0.05)
        self.fail(f"no {pattern} in:\n" + (self.dir / "printed").read_text())


if __name__ == "__main__":
    main()
