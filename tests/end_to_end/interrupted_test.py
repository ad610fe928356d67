#!/usr/bin/env python3
"""What an interrupt leaves of a file that is being written: nothing."""

import stat

from fleet import *


class Interrupted(FleetTest):
    def setUp(self):
        super().setUp()
        (self.dir / "out").mkdir()

    def file_under_way(self, process):
        """The size of a file in the folder `out` that the process has open, with or without a name."""
        for entry in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                if os.readlink(entry).startswith(str(self.dir / "out") + "/") and entry.stat().st_size > 0:
                    return entry.stat().st_size
            except FileNotFoundError:
                pass
        return 0

    def interrupt(self, *arguments):
        """Starts the command and interrupts it while it writes."""
        process = self.start(*arguments)
        until = time.monotonic() + 60
        while not self.file_under_way(process):
            self.assertIsNone(process.poll(), f"ended before it could be interrupted:\n{self.printed()}")
            self.assertLess(time.monotonic(), until)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), -signal.SIGINT, self.printed())
        self.assertEqual(list((self.dir / "out").iterdir()), [])

    def test_export(self):
        self.fill("data", "--duration", "2h", "--rate", 5)
        self.interrupt("export", "data", "--out", "out/x.csv")

    def test_generate(self):
        self.interrupt("generate", "--count", 3_000_000, "--out", "out/fleet.jsonl")


class Published(FleetTest):
    """The same files when nobody interrupts."""

    def test_mode_is_by_umask(self):
        self.fleet_sim("generate", "--count", 3, "--out", "fleet.jsonl", umask=0o027)
        self.assertEqual(stat.S_IMODE((self.dir / "fleet.jsonl").stat().st_mode), 0o640)

    def test_nothing_is_replaced(self):
        self.write("x.jsonl", "mine")
        self.fleet_sim("generate", "--count", 3, "--out", "x.jsonl", code=2)
        self.assertEqual((self.dir / "x.jsonl").read_text(), "mine")

    def test_a_report_takes_the_place_of_an_earlier_one(self):
        self.fill("data", "--duration", "1m")
        for _ in range(2):
            self.fleet_sim("report", "data", "--html", "report.html")
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["data", "log", "report.html"])

    def test_where_files_need_a_name(self):
        """On a file system that refuses O_TMPFILE, which is injected for this one folder."""
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")
        (self.dir / "out").mkdir()
        for at, name in enumerate(("fleet.jsonl", "fleet.jsonl", "folder")):
            command = ["strace", "-f", "-o", "trace", "-P", "out", "-P", "out/folder", "-e", "trace=openat", "-e",
                       "inject=openat:error=EOPNOTSUPP", EXECUTABLE, "generate", "--count", "20", "--out", f"out/{name}"]
            ran = subprocess.run(command, cwd=self.dir, env=environment(**TRACED), capture_output=True, text=True)
            if "ptrace" in ran.stderr:
                self.skipTest(f"strace may not trace here: {ran.stderr}")
            self.assertEqual(ran.returncode, 0, ran.stderr)
            if at != 1:  # the second time the file is there already, and not written
                self.assertRegex((self.dir / "trace").read_text(), r"O_TMPFILE.*\(INJECTED\)")
        self.assertEqual(sorted(path.name for path in (self.dir / "out").iterdir()), ["fleet.jsonl", "folder"])
        self.assertEqual(len(list((self.dir / "out" / "folder").iterdir())), 20)
        self.fleet_sim("check", "--identities", "out/folder")


if __name__ == "__main__":
    main()
