#!/usr/bin/env python3
"""`fleet-sim bench` keeps within its disk, and leaves nothing behind however it ends."""

import resource
import threading

from benching import *


class BenchEnd(BenchTest):
    def folders(self):
        return list(self.dir.glob("fleet-sim-bench-*"))

    def wait_for_folder(self, process):
        until = time.monotonic() + 30
        while time.monotonic() < until and process.poll() is None:
            if any(shards(folder) for folder in self.folders()):
                return
            time.sleep(0.02)
        self.fail(f"measured nothing:\n{self.printed()}")

    def test_stopped_by_a_signal(self):
        for how, options in ((signal.SIGINT, ()), (signal.SIGTERM, ("--rate", 1000)), (signal.SIGINT, ("--find-rate",))):
            with self.subTest(options=options):
                process = self.start("bench", *options, "--seconds", 60)
                self.wait_for_folder(process)
                process.send_signal(how)
                self.assertEqual(process.wait(timeout=60), 130, self.printed())
                self.assertEqual(self.folders(), [])
                self.assertIn("INTERRUPTED", (self.dir / "stdout").read_text())

    def test_what_was_measured_before_a_signal_is_reported(self):
        process = self.start("bench", *ONE_CELL[:-2], "--rounds", 100, "--seconds", 0.3, "--warm-up", 0, "--json", "-")
        until = time.monotonic() + 60
        while "round 3/100" not in self.printed() and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130, self.printed())
        result = json.loads((self.dir / "stdout").read_text())
        self.assertFalse(result["complete"])
        self.assertGreaterEqual(len(result["cells"][0]["rounds"]), 2)
        self.assert_plausible(result, 0.3)

    def test_the_disk_bound(self):
        bound, most, done = 200_000_000, 0, threading.Event()

        def watch():
            nonlocal most
            while not done.wait(0.005):
                used = 0
                for path in self.dir.rglob("fleet-sim-bench-*/*"):
                    try:
                        used += path.stat().st_size
                    except FileNotFoundError:
                        pass
                most = max(most, used)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            result = self.json_of(*ONE_CELL, "--max-disk", "200M", "--seconds", 600, "--warm-up", 0)
        finally:
            done.set()
            watcher.join()
        self.assertTrue(result["cells"][0]["rounds"][0]["disk_bound_reached"])
        self.assertLess(result["cells"][0]["rounds"][0]["bytes"], bound)
        self.assertLessEqual(most, bound)
        self.assertGreater(most, bound / 10, "watched nothing")
        self.assertIn("cut short", " ".join(result["notes"]))

    def test_files_that_must_not_grow(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
        ran = self.bench(*ONE_CELL, "--seconds", 20, "--warm-up", 0, code=1, preexec_fn=limit, restore_signals=False)
        self.assertIn("FAILED", ran.stdout)
        self.assertIn("failed", ran.stdout)
        self.assert_nothing_written()

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_a_disk_that_fills_up(self):
        # Enough room when the bench looks, while it makes its folder; then somebody else takes most of it, long before rows are written.
        script = """
            mount -t tmpfs -o size=400M tmpfs small || exit 77
            "$@" & bench=$!
            for i in $(seq 2000); do compgen -G 'small/fleet-sim-bench-*' > /dev/null && break; sleep 0.01; done
            fallocate -l 330M small/filler
            wait $bench; code=$?
            rm small/filler; ls -A small
            exit $code"""
        (self.dir / "small").mkdir()
        ran = subprocess.run(["unshare", "-m", "bash", "-c", script, "bash", EXECUTABLE, "bench", *map(str, ONE_CELL), "--seconds",
                              "60", "--warm-up", "0", "--dir", "small"], cwd=self.dir, env=environment(), capture_output=True, text=True, timeout=150)
        if ran.returncode == 77 or ran.stderr.startswith("unshare:"):
            self.skipTest(f"nothing can be mounted here: {ran.stderr}")
        self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout, "FAILED .*full")
        self.assertNotIn("fleet-sim-bench-", ran.stdout.splitlines()[-1])

if __name__ == "__main__":
    main()
