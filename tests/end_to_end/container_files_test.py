#!/usr/bin/env python3
"""What can be said of the container's files without a container engine. `scripts/check container` runs the image itself."""

import shlex

import yaml

from fleet import *

CONTAINER = SOURCE / "configs" / "container"
DOCKERFILE = (SOURCE / "Dockerfile").read_text(encoding="utf-8")
COLLECTOR = (CONTAINER / "collector.Dockerfile").read_text(encoding="utf-8")
# What every Debian image has, because apt itself is linked to it.
IN_EVERY_IMAGE = {"libc6", "libgcc-s1", "libstdc++6"}


def instructions(dockerfile):
    """Each instruction with its words, in order."""
    whole = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", dockerfile))
    return [line.split(None, 1) for line in whole.splitlines() if line.strip()]


def packages(stage):
    """What a stage has apt-get install, for each RUN that does."""
    found = re.findall(r"apt-get install -y --no-install-recommends ([^&]*)", stage.replace("\\\n", " "))
    return [set(names.split()) for names in found]


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def package_of(library):
    """As the package manager knows it, which may still call /usr/lib /lib."""
    path = str(Path(library).resolve())
    for name in (path, path.removeprefix("/usr")):
        found = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    raise AssertionError(f"{library} belongs to no package")


def packages_linked():
    """Those whose libraries the executable itself names, but for what a sanitizer adds."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", EXECUTABLE))
    paths = dict(re.findall(r"(\S+) => (/\S+)", output("ldd", EXECUTABLE)))
    return {package_of(paths[name]) for name in needed if name in paths and not re.match(r"lib(a|t|ub)san", name)}


def release():
    """The code name of the Debian that this runs on."""
    return dict(re.findall(r"(?m)^(\w+)=(\S+)$", Path("/etc/os-release").read_text())).get("VERSION_CODENAME")


class ContainerFiles(FleetTest):
    @unittest.skipUnless(f"debian:{release()}-slim" in DOCKERFILE, "here libraries are those of another Debian than the image's")
    def test_the_image_has_the_packages_that_are_linked(self):
        _, runtime = packages(DOCKERFILE)
        self.assertEqual(runtime, packages_linked() - IN_EVERY_IMAGE |
                         {"tzdata", "ca-certificates"})  # which are read, not linked

    def test_the_image_is_built_with_the_packages_that_building_needs(self):
        build, _ = packages(DOCKERFILE)
        script = (SOURCE / "scripts" / "install_packages").read_text(encoding="utf-8")
        needed = set(re.search(r"^packages=\(([^)]*)\)", script, re.MULTILINE)[1].split())
        self.assertEqual(build, needed - {"sqlite3", "tzdata"})  # for looking at data, and for running

    def test_what_is_copied_is_there_and_let_in(self):
        ignored = (SOURCE / ".dockerignore").read_text(encoding="utf-8").split("\n")
        self.assertIn("*", ignored)
        let_in = [line[1:] for line in ignored if line.startswith("!")]
        copied = [word for dockerfile in (DOCKERFILE, COLLECTOR) for name, words in instructions(dockerfile)
                  if name == "COPY" and not words.startswith("--from") for word in words.split()[:-1]]
        self.assertGreaterEqual(len(copied), 6)
        for name in copied:
            with self.subTest(name):
                self.assertTrue((SOURCE / name).exists())
                self.assertTrue(any(name == open_ or name.startswith(f"{open_}/") for open_ in let_in))
        for name in let_in:
            self.assertTrue(any(name == source or source.startswith(f"{name}/") for source in copied), f"{name}: for nothing")

    def test_the_entry_is_a_script(self):
        self.assertTrue(os.access(CONTAINER / "entry", os.X_OK))
        subprocess.run(["sh", "-n", CONTAINER / "entry"], check=True)

    def image_folder(self):
        """/app as the image has it, in our own folder, and the variables that the image sets."""
        for name in ("config.yaml", "node_identity.json"):
            shutil.copy(CONTAINER / name, self.dir)
        (self.dir / "identities").mkdir()
        link = re.search(r"ln -s (\S+) /app/(\S+)", DOCKERFILE)
        (self.dir / link[2]).symlink_to(link[1])
        (self.dir / "demo").symlink_to(IDENTITIES)
        variables = dict(words.split("=", 1) for name, line in instructions(DOCKERFILE) if name == "ENV"
                         for words in line.split())
        return {name: value.replace("/app", str(self.dir)) for name, value in variables.items()}

    def test_the_inputs_of_the_image(self):
        variables = self.image_folder()
        self.assertEqual(sorted(variables), ["CONFIG_FILE", "DEFAULT_IDENTITIES"])
        self.fleet_sim("--speed", "max", "--start", "2026-01-01", "--seed", 1, "--duration", 2, "--data-dir", "own", env={
            **variables, "SENSOR_ID": "CUSTOM001", "SENSOR_LOCATION": "Custom Location"})
        self.assertEqual(query_all(self.dir / "own", "SELECT DISTINCT sensor_id, location FROM sensor_readings"),
                         [("CUSTOM001", "Custom Location")])
        (self.dir / "config.yaml").write_text("simulation: {readings_per_second: -1}\n")
        self.fleet_sim("check", code=2, env=variables)

    def compose(self, name):
        return yaml.safe_load((CONTAINER / name).read_text(encoding="utf-8"))

    def test_compose(self):
        for file, names in (("compose.yaml", ["collector", "fleet"]), ("compose.postgresql.yaml", ["fleet", "grafana", "postgresql"]),
                            ("compose.influxdb.yaml", ["fleet", "influxdb"])):
            compose = self.compose(file)
            services = compose["services"]
            self.assertEqual(sorted(services), names)
            for name, service in services.items():
                with self.subTest(file, service=name):
                    self.check_service(compose, service)
            for name, service in services.items():
                ports = service.get("ports", [])
                self.assertTrue(all(port.startswith("127.0.0.1:") for port in ports), "nobody else is let in unless asked for")
                self.assertTrue(name == "grafana" or not ports)

    def check_service(self, compose, service):
        if "build" in service:
            build = service["build"] if isinstance(service["build"], dict) else {"context": service["build"]}
            context = (CONTAINER / build["context"]).resolve()
            self.assertEqual(context, SOURCE)
            self.assertTrue((context / build.get("dockerfile", "Dockerfile")).is_file())
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            self.assertTrue((CONTAINER / source).is_file() if source.startswith(".") else source in compose["volumes"], volume)
        self.assertTrue(all(isinstance(word, str) for word in service.get("command", [])))
        for other, when in service.get("depends_on", {}).items():
            self.assertEqual(when, {"condition": "service_healthy"})
            self.assertTrue("healthcheck" in compose["services"][other] or other == "fleet")

    def test_what_the_fleets_of_compose_are_told(self):
        variables = self.image_folder()
        for file in ("compose.yaml", "compose.postgresql.yaml", "compose.influxdb.yaml"):
            self.fleet_sim("check", *self.compose(file)["services"]["fleet"]["command"], env=variables)

    def test_a_server_of_compose_is_the_one_that_the_others_ask(self):
        services = self.compose("compose.postgresql.yaml")["services"]
        server = services["postgresql"]["environment"]
        (address,) = [word for word in services["fleet"]["command"] if "://" in word]
        self.assertEqual(address.split("?")[0], f"postgresql://{server['POSTGRES_USER']}@postgresql/{server['POSTGRES_USER']}")
        mounted = {target: CONTAINER / source for source, target, _ in (volume.split(":") for volume in services["grafana"]["volumes"])}
        (source,) = yaml.safe_load(mounted["/etc/grafana/provisioning/datasources/fleet-sim.yaml"].read_text())["datasources"]
        self.assertEqual((source["url"], source["user"], source["jsonData"]["database"]), ("postgresql:5432", "fleet", "fleet"))
        self.assertEqual(source["secureJsonData"]["password"], "$FLEET_PASSWORD")
        self.assertEqual(services["grafana"]["environment"]["FLEET_PASSWORD"], server["POSTGRES_PASSWORD"])
        (provider,) = yaml.safe_load(mounted["/etc/grafana/provisioning/dashboards/fleet-sim.yaml"].read_text())["providers"]
        shown = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        self.assertEqual(os.path.dirname(shown), provider["options"]["path"])
        dashboard = json.loads(mounted[shown].read_text())
        self.assertEqual(dashboard["templating"]["list"][0]["current"]["value"], source["uid"])
        (lines,) = [word for word in self.compose("compose.influxdb.yaml")["services"]["fleet"]["command"] if "://" in word]
        self.assertEqual(lines, "lines+http://influxdb:8086/write?db=fleet")

    def test_one_user_owns_both_images_files(self):
        (uid,) = re.findall(r"useradd --uid (\d+)", DOCKERFILE)
        self.assertEqual(dict(instructions(COLLECTOR))["USER"], f"{uid}:{uid}")


class WithoutAnEngine(FleetTest):
    def test_container_says_so_and_touches_nothing(self):
        """No engine of that name, and one that has no service."""
        self.write("silent-engine", "#!/bin/sh\nexit 1\n").chmod(0o755)
        for engine, reported in ((str(self.dir / "no-engine"), "is not installed"),
                             (str(self.dir / "silent-engine"), "does not respond")):
            ran = subprocess.run([SOURCE / "scripts" / "test_container.sh"], capture_output=True, text=True,
                                 env={**os.environ, "CONTAINER_ENGINE": engine})
            self.assertEqual((ran.returncode, ran.stdout), (1, ""))
            self.assertRegex(ran.stderr, rf"^test_container: {re.escape(engine)} .*{reported}")


if __name__ == "__main__":
    main()
