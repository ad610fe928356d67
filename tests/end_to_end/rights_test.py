#!/usr/bin/env python3
"""A data directory that this user may not write: refused at once, with the reason. What passes by itself is no such thing."""

from fleet import *

NOBODY = 65534
WHY_NOT = None if os.geteuid() == 0 and shutil.which("setpriv") else "needs root and setpriv"


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Rights(FleetTest):
    def setUp(self):
        super().setUp()
        self.dir.chmod(0o777)
        self.program = self.dir / "fleet-sim"
        shutil.copy(EXECUTABLE, self.program)  # where a user without rights can reach it
        self.fleet = self.write_identities([identity("A"), identity("B", location="Site 2")])
        self.data = self.dir / "data"

    def as_nobody(self, *arguments, code):
        """Runs the program without any of root's rights."""
        began = time.monotonic()
        ran = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", self.program,
                              *map(str, arguments)], cwd=self.dir, env=environment(FLEET_SIM_LOGGING_FILE=""),
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        self.assertLess(time.monotonic() - began, 20, "at once")
        return ran

    def assert_refused(self, path, reason="Permission denied", data="data", check=True):
        """By the run, which would last an hour, and by `check`."""
        for command in (["run"], ["check"])[:2 if check else 1]:
            ran = self.as_nobody(*command, "--identities", self.fleet, "--data-dir", data, "--shard-by", "location", code=3)
            self.assertIn(f"fleet-sim: {path}: cannot be written: {reason}\n", ran.stderr)

    def test_a_folder_of_somebody_else(self):
        self.data.mkdir(mode=0o755)
        self.assert_refused("data")
        self.assertEqual(list(self.data.iterdir()), [])

    def test_a_folder_that_cannot_be_made(self):
        (self.dir / "theirs").mkdir(mode=0o755)
        self.assert_refused("theirs", data="theirs/deep/data")
        (self.dir / "theirs").chmod(0o700)
        self.assert_refused("theirs/deep/data", data="theirs/deep/data")

    def test_a_file_in_the_way(self):
        self.write("data", "no folder").chmod(0o666)
        self.assert_refused("data", "Not a directory")
        self.assert_refused("data/below", "Not a directory", data="data/below")

    def test_a_file_of_somebody_else(self):
        self.data.mkdir()
        self.data.chmod(0o777)
        self.fill("data", "--duration", 5, "--shard-by", "location", identities=self.fleet)
        before = fingerprint(self.data)
        self.assert_refused("data/location=Factory_A_-_Line_1.db", check=False)
        self.assertEqual(fingerprint(self.data), before)

    def test_one_own_folder(self):
        self.data.mkdir()
        os.chown(self.data, NOBODY, NOBODY)
        how = ("--identities", self.fleet, "--data-dir", "data")
        self.as_nobody("check", *how, code=0)
        self.as_nobody(*how, "--duration", 1, code=0)

    def test_the_null_sink_needs_no_folder(self):
        self.data.mkdir(mode=0o755)
        how = ("--identities", self.fleet, "--data-dir", "data", "--sink", "null")
        self.as_nobody("check", *how, code=0)
        self.as_nobody(*how, "--duration", 1, code=0)


if __name__ == "__main__":
    main()
