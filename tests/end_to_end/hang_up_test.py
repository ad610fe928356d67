#!/usr/bin/env python3
"""A terminal that is closed under a run: the run drains and stops, unless it was told to outlive its terminal."""

from fleet import *
from pseudo_terminal import PseudoTerminal


class HangUp(FleetTest):
    def on_terminal(self, *before, duration=0):
        """A run that has committed rows, with these words before its name."""
        self.write_identities([identity("A"), identity("B")])
        self.terminal = PseudoTerminal(
            [*before, EXECUTABLE, "--identities", "fleet.jsonl", "--data-dir", "data", "--rate", "50", "--duration",
             str(duration)], cwd=self.dir, env=environment(TERM="xterm", FLEET_SIM_DATABASE_FLUSH_INTERVAL_MS="100"))
        self.addCleanup(self.terminal.close)
        self.wait_for_rows(self.dir / "data", 20)

    def log(self):
        return (self.dir / "log" / "fleet-sim.log").read_text()

    def wait_for_log(self, words, seconds=30):
        until = time.monotonic() + seconds
        while words not in self.log():
            self.assertLess(time.monotonic(), until, self.log())
            time.sleep(0.02)

    def assert_drained(self):
        ended = dict(re.findall(r" (\w+)=(\d+)", next(line for line in self.log().splitlines() if "run ended" in line)))
        self.assertEqual(int(ended["written"]), total(self.dir / "data", "SELECT count(*) FROM sensor_readings"))
        self.assertEqual((ended["lost"], ended["pending"]), ("0", "0"))
        self.assertFalse(list((self.dir / "data").glob("*-wal")), "the files were closed")
        self.assertIn("stopping: the terminal was closed", self.log())

    def test_a_run_without_an_end(self):
        self.on_terminal()
        self.terminal.hang_up()
        self.assertEqual(self.terminal.process.wait(timeout=30), 0)
        self.assert_drained()

    def test_a_run_that_had_an_end_was_cut_short(self):
        self.on_terminal(duration=3600)
        self.terminal.hang_up()
        self.assertEqual(self.terminal.process.wait(timeout=30), 4)
        self.assert_drained()

    def test_below_a_shell(self):
        """Which is told too, and passes it on."""
        self.on_terminal("bash", "-c", '"$@"; echo $? > code', "bash")
        self.terminal.hang_up()
        self.terminal.process.wait(timeout=30)
        self.wait_for_log("run ended")
        self.assert_drained()

    def test_a_hang_up_while_the_terminal_is_there_reloads(self):
        self.on_terminal()
        self.write_identities([identity("A"), identity("B"), identity("C")])
        self.terminal.process.send_signal(signal.SIGHUP)
        self.wait_for_log("reload")
        self.assertIsNone(self.terminal.process.poll())

    def test_nohup_outlives_its_terminal(self):
        self.on_terminal("nohup")
        self.terminal.hang_up()
        self.write_identities([identity("A"), identity("B"), identity("C")])
        self.terminal.process.send_signal(signal.SIGHUP)
        self.wait_for_log("reload")
        self.assertIsNone(self.terminal.process.poll())
        self.terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.terminal.process.wait(timeout=30), 0)

    def test_without_a_terminal_a_hang_up_reloads(self):
        self.write_identities([identity("A")])
        process = self.start("--identities", "fleet.jsonl", "--data-dir", "data", "--rate", 50, "--duration", 0,
                             start_new_session=True)
        self.wait_for_rows(self.dir / "data", 1, process)
        self.write_identities([identity("A"), identity("C")])
        process.send_signal(signal.SIGHUP)
        self.wait_for_log("reload")
        self.stop(process, code=0)


if __name__ == "__main__":
    main()
