#!/usr/bin/env python3
"""Which sinks a build has, and what it says of those that it lacks."""

from fleet import *

PACKAGES = {"postgresql": "libpq-dev", "postgres": "libpq-dev", "lines+https": "libssl-dev"}


class BuiltSinks(FleetTest):
    def built(self):
        """The schemes that --version lists."""
        [line] = [line for line in self.fleet_sim("--version").stdout.splitlines() if line.startswith("sinks")]
        return set(line.removeprefix("sinks: ").split(", "))

    def test_those_that_were_asked_for(self):
        """FLEET_SIM_TEST_LACKS names the packages that a build was made without; by default it may lack any."""
        lacking = {scheme for scheme in PACKAGES if scheme not in self.built()}
        if "FLEET_SIM_TEST_LACKS" in os.environ:
            asked = os.environ["FLEET_SIM_TEST_LACKS"].split()
            self.assertEqual(lacking, {scheme for scheme, package in PACKAGES.items() if package in asked})
        self.assertLessEqual({"sqlite", "null", "ndjson", "csv", "lines", "tcp", "lines+http"}, self.built())

    def test_one_that_is_lacking_is_refused_by_name(self):
        for scheme, package in PACKAGES.items():
            with self.subTest(scheme=scheme):
                secret = "open-sesame"
                lacks = scheme not in self.built()
                ran = self.fleet_sim("run", "--identities", IDENTITIES, "--sink", f"{scheme}://me:{secret}@127.0.0.1:{free_port()}/db",
                                     "--duration", "1m", "--speed", "max", code=2 if lacks else 3)
                if lacks:
                    self.assertIn(f"names the sink {scheme}, which this build of fleet-sim does not have; install {package}", ran.stderr)
                self.assertNotIn(secret, ran.stdout + ran.stderr)


if __name__ == "__main__":
    main()
