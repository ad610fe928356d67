#!/usr/bin/env python3
"""The page on audits: its commands run as they stand, and come to what it says."""

import getpass

from pages import *

PAGE = "engine/audit/README.md"
SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
AS_USER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # the server refuses to run as root
USER = "postgres" if AS_USER else getpass.getuser()


class AuditPage(PageTest):
    def test_every_command(self):
        printed, _ = self.run_snippet(["bash", "-euo", "pipefail"], "".join(fences(PAGE, "sh")))
        self.assertEqual(printed.count("every reading once and unchanged"), 3)
        said = fences(PAGE, "text")
        self.assertEqual(len(said), 2)
        for text in said:
            self.assertIn(text, printed)
        self.assertEqual(printed.count("exit code 1"), 2)
        self.assertIn("fleet-sim audit", (self.dir / "consumed.html").read_text())

    @unittest.skipUnless(SERVERS and shutil.which("psql"), "needs Debian's postgresql")
    def test_what_psql_exports(self):
        server = self.dir / "server"
        self.dir.chmod(0o755)
        server.mkdir()
        if AS_USER:
            shutil.chown(server, USER)

        def pg(program, *arguments):
            ran = subprocess.run([*AS_USER, SERVERS[-1].with_name(program), "-D", server / "data", *arguments], cwd=server,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
            self.assertEqual(ran.returncode, 0, ran.stdout)
        pg("initdb", "-U", USER, "-A", "trust", "--no-sync")
        pg("pg_ctl", "start", "-w", "-l", server / "log", "-o", f"-k {server} -h ''")
        self.addCleanup(pg, "pg_ctl", "stop", "-w", "-m", "immediate")
        self.env.update(PGHOST=str(server), PGUSER=USER, PGDATABASE="postgres")
        first = fences(PAGE, "sh")[0]
        printed, _ = self.run_snippet(["bash", "-euo", "pipefail"], first + "".join(fences(PAGE, "psql")))
        self.assertEqual(printed.count("every reading once and unchanged"), 3)


if __name__ == "__main__":
    main()
