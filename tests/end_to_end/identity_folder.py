"""A fleet whose identities are files in a folder of the test's, one for each sensor."""

from fleet import *


class IdentityFolderTest(FleetTest):
    def setUp(self):
        super().setUp()
        self.folder = self.dir / "identities"
        self.folder.mkdir()
        self.data = self.dir / "data"

    def put(self, sensor, **more):
        """Replaces the file as a whole, so that none is read half-written."""
        (self.dir / "next").write_text(json.dumps(identity(sensor, **more)), encoding="utf-8")
        os.replace(self.dir / "next", self.folder / f"{sensor}.json")
