#!/usr/bin/env python3
"""Types that a config declares: printed to copy from, refused with what would do, recorded with the run."""

from fleet import *

TYPES = SOURCE / "configs" / "types"


def lines(text):
    """Without comments, in any order of types."""
    return sorted(line for line in text.splitlines() if not line.lstrip().startswith("#"))


class Types(FleetTest):
    def types(self, *arguments):
        return self.fleet_sim("check", "--types", *arguments).stdout

    def test_all_types_are_printed_as_a_config(self):
        built_in = self.types()
        self.assertIn('temperature: {unit: "°C", base: 65, white: 2, range: [50, 80]}', built_in)
        printed = self.types("--config", TYPES / "pump.yaml")
        self.assertEqual(printed[:len(built_in)], built_in)
        self.assertEqual(lines(self.types("--config", self.write("copy.yaml", printed))), lines(printed))
        lifelike = self.types("--config", TYPES / "lifelike.yaml")
        self.assertEqual(lifelike.count("temperature_vibration:"), 1)
        self.assertIn("base: 29.5", lifelike)
        hot = self.write("hot.yaml", "normal_parameters: {temperature: {mean: 70}}\n")
        self.assertIn("base: 70, white: 2", self.types("--config", hot))

    def test_a_bad_declaration_is_refused_before_anything_is_written(self):
        config = self.write("bad.yaml", "types:\n  pump:\n    channels:\n      flow: {base: 1, terms: {run: 2}}\n")
        for command in (["check"], ["check", "--types"], ["run", "--duration", "1s", "--data-dir", self.dir / "data"]):
            said = self.fleet_sim(*command, "--config", config, *([] if "--types" in command else ["--identities", IDENTITIES]),
                                  code=2).stderr
            self.assertIn("bad.yaml:4: types.pump.channels.flow.terms names 'run', which is no source of the type", said)
        self.assertFalse((self.dir / "data").exists())

    def test_a_run_records_its_types(self):
        self.fill("data", "--duration", "10s", "--config", TYPES / "pump.yaml")
        recorded = {config for (config,) in query_all(self.dir / "data", "SELECT config FROM run_info")}
        self.assertEqual(len(recorded), 1)
        again = self.write("recorded.yaml", recorded.pop())
        self.assertEqual(lines(self.types("--config", again)), lines(self.types("--config", TYPES / "pump.yaml")))


if __name__ == "__main__":
    main()
