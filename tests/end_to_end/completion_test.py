#!/usr/bin/env python3
"""Tab in a real bash that has sourced `fleet-sim completion bash`, and the man page of `fleet-sim man`."""

from fleet import *
from pseudo_terminal import PseudoTerminal

# The shell knows a fleet-sim that says which words it was called with.
SHELL = """PS1='> '
fleet-sim() {{ printf '<%s>' "$@"; echo; }}
source {script}
"""


class Completion(FleetTest):
    def setUp(self):
        super().setUp()
        self.write("script", self.fleet_sim("completion", "bash").stdout)
        self.write("shell", SHELL.format(script=self.dir / "script"))
        self.write("here/my.yaml", "")
        self.write("here/own fleet.jsonl", "")
        self.write("here/data/x.db", "")
        self.write("here/datum", "")
        self.bash = PseudoTerminal(["bash", "--noprofile", "--rcfile", str(self.dir / "shell"), "-i"], 200,
                                   cwd=self.dir / "here", env={**environment(), "INPUTRC": "/dev/null", "TERM": "dumb"})
        self.addCleanup(self.bash.close)
        self.bash.wait_for("> ")

    def called_with(self, keys):
        """Types the keys and Enter; the words that fleet-sim then gets."""
        before = len(self.bash.text)
        self.bash.type(keys + "\n")
        words = self.bash.wait_for(r"((?:<[^<>]*>)+)\r?\n", after=before)[1]
        self.bash.wait_for("> $", after=before)
        return re.findall(r"<([^<>]*)>", words)

    def offered(self, keys):
        """Types the keys, has all candidates shown, and clears the line."""
        before = len(self.bash.text)
        self.bash.type(keys + "\t\t")
        shown = self.bash.wait_for(r"\n([\s\S]*)\n> ", after=before)[1]
        self.bash.type("\x15")
        return shown.split()

    def test_commands(self):
        self.assertEqual(self.called_with("fleet-sim gene\t"), ["generate"])
        self.assertEqual(self.called_with("fleet-sim --rate 2 che\t"), ["--rate", "2", "check"])
        self.assertEqual(self.called_with("fleet-sim --identities run expl\t"), ["--identities", "run", "explain"])
        help_text = self.fleet_sim("--help").stdout
        commands = re.findall(r"(?m)^  (\w+) ", help_text[help_text.index("Subcommands:"):])
        self.assertGreaterEqual(len(commands), 10)
        self.assertEqual(sorted(self.offered("fleet-sim ")), sorted(commands))

    def test_flags(self):
        self.assertEqual(self.called_with("fleet-sim --sha\t none"), ["--shard-by", "none"])
        self.assertEqual(self.called_with("fleet-sim run --sha\t none"), ["run", "--shard-by", "none"])
        self.assertEqual(self.called_with("fleet-sim export --form\t csv"), ["export", "--format", "csv"])
        self.assertEqual(self.called_with("fleet-sim export --sha\t"), ["export", "--sha"], "no flag of export")

    def test_every_flag_of_every_command(self):
        for command in ("", "check", "bench", "generate", "export", "digest"):
            text = self.fleet_sim(*command.split(), "--help").stdout
            flags = {flag for line in re.findall(r"(?m)^  (-\S+)", text) for flag in line.split(",") if flag.startswith("--")}
            self.assertEqual({word for word in self.offered(f"fleet-sim {command} --") if word.startswith("--")}, flags)

    def test_values(self):
        self.assertEqual(self.called_with("fleet-sim --sink nu\t"), ["--sink", "null"])
        self.assertEqual(self.called_with("fleet-sim --sink=sq\t"), ["--sink=sqlite"])
        self.assertEqual(self.called_with("fleet-sim check --log-level warn\t"), ["check", "--log-level", "warning"])
        self.assertEqual(self.called_with("fleet-sim --shard-by ha\t4"), ["--shard-by", "hash:4"])
        self.assertEqual(self.called_with("fleet-sim generate --preset \t"), ["generate", "--preset", "demo"])
        self.assertEqual(self.called_with("fleet-sim export --labels ev\t data"), ["export", "--labels", "events", "data"])
        self.assertEqual(self.called_with("fleet-sim completion \t"), ["completion", "bash"])
        self.assertEqual(self.called_with("fleet-sim --rate ru\t"), ["--rate", "ru"], "a number is no command")

    def test_files_and_folders(self):
        self.assertEqual(self.called_with("fleet-sim --config m\t"), ["--config", "my.yaml"])
        self.assertEqual(self.called_with("fleet-sim --identities=o\t"), ["--identities=own fleet.jsonl"])
        self.assertEqual(self.called_with("fleet-sim run --data-dir da\t"), ["run", "--data-dir", "data/"],
                         "a folder, not the file beside it")
        self.assertEqual(self.called_with("fleet-sim run --data-dir dat\t"), ["run", "--data-dir", "data/"])

    def test_the_script_says_nothing(self):
        ran = subprocess.run(["bash", "--noprofile", "--norc", "-euc", f"source {self.dir / 'script'}; complete -p fleet-sim"],
                             capture_output=True, text=True)
        self.assertEqual((ran.stdout, ran.stderr), ("complete -F _fleet_sim fleet-sim\n", ""))

    def test_an_unknown_shell(self):
        self.fleet_sim("completion", "tcsh", code=2)


class Manual(FleetTest):
    def rendered(self):
        page = self.write("fleet-sim.1", self.fleet_sim("man").stdout)
        ran = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-P-c", "-P-b", "-P-u", "-rLL=120n", page], capture_output=True,
                             text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), "groff has nothing to object to")
        return ran.stdout.replace("\N{HYPHEN}", "-").replace("\N{MINUS SIGN}", "-")

    def test_mandoc_finds_nothing(self):
        page = self.write("fleet-sim.1", self.fleet_sim("man").stdout)
        ran = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
        found = [line for line in ran.stdout.splitlines() if "missing date" not in line]  # the same page from the same source
        self.assertEqual(found, [])

    def test_sections(self):
        sections = re.findall(r"(?m)^([A-Z]+)$", self.rendered())
        self.assertEqual(sections, ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "CONFIGURATION", "NOTES"])

    def test_every_option_of_help_with_its_words(self):
        text = self.rendered()
        parts = dict(re.findall(r"(?ms)^   (\w+)\n(.*?)(?=^   \w+\n|^\S|\Z)", text))
        parts[""] = re.search(r"(?ms)^OPTIONS\n(.*?)^COMMANDS", text)[1]
        top = self.fleet_sim("--help").stdout
        commands = re.findall(r"(?m)^  (\w+) ", top[top.index("Subcommands:"):])
        self.assertLessEqual(set(commands), set(parts))
        for command in ["", *commands]:
            help_text = self.fleet_sim(*command.split(), "--help").stdout
            help_text = help_text[:help_text.find("\nSubcommands:")] if not command else help_text
            # Which releases of CLI11 place differently.
            help_text = re.sub(r" *Excludes: [-\w ]+?(?=  |$)", "", help_text, flags=re.MULTILINE)
            options = re.findall(r"(?m)^  (-\S+)(?: (\S+))?.*?(?:  +|\n +)(\S.*)$", help_text[help_text.index("Options:"):])
            self.assertGreaterEqual(len(options), 1, command)
            part = " ".join(parts[command].split())
            for names, _, help_line in options:
                for name in names.split(","):
                    self.assertRegex(part, rf"(?<![\w-]){re.escape(name)}(?![\w-])", f"{command} {name}")
                self.assertIn(" ".join(help_line.split()), part, f"{command} {names}")

    def test_every_key(self):
        text = self.rendered()
        for key in ("simulation.readings_per_second", "logging.format", "database.flush_interval_ms"):
            self.assertIn(f"{key}, FLEET_SIM_{key.replace('.', '_').upper()}\n", text)
        self.assertIn("mm/s²", text)
        self.assertIn("fleet-sim --identities ./identities --shard-by location\n", text)

    def test_what_roff_takes_for_something_else(self):
        """No line of text begins a request, which it would with a dot or a quote, and options can be copied."""
        source = self.fleet_sim("man").stdout
        self.assertEqual(re.findall(r"(?<!\\)-", source), [], "a bare hyphen is shown as another character")
        requests = set(re.findall(r"(?m)^([.'].\S*)", source))
        self.assertLessEqual(requests, {".TH", ".nh", ".ad", ".SH", ".SS", ".TP", ".PP", ".B", ".nf", ".fi", ".sp"})


class Installed(FleetTest):
    def test_where_the_system_looks(self):
        build = Path(EXECUTABLE).parent
        if not (build / "cmake_install.cmake").exists():
            self.skipTest("the executable lies in no build folder")
        subprocess.run(["cmake", "--install", build, "--prefix", self.dir / "usr"], check=True, stdout=subprocess.DEVNULL)
        share = self.dir / "usr" / "share"
        self.assertEqual((share / "man/man1/fleet-sim.1").read_text(), self.fleet_sim("man").stdout)
        self.assertEqual((share / "bash-completion/completions/fleet-sim").read_text(),
                         self.fleet_sim("completion", "bash").stdout)


if __name__ == "__main__":
    main()
