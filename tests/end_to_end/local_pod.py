"""One pod of a manifest as a process of this machine: the image is the executable, what lies under the container's working
directory lies under a folder of the test, and the environment is what the cluster would set for that index.

A ConfigMap is laid out as the kubelet does it: links to `..data`, itself a link, which is switched when the map changes.
"""

from fleet import *
from manifests import name_of, render

KUBERNETES = SOURCE / "configs" / "kubernetes"


def by_name(variant):
    return {name_of(document): document for document in render(KUBERNETES / variant)}



class ConfigMapMount:
    def __init__(self, folder, data):
        self.folder, self.edition = folder, 0
        folder.mkdir()
        for name in data:
            (folder / name).symlink_to(f"..data/{name}")
        self.switch(data)

    def switch(self, data):
        self.edition += 1
        edition = self.folder / f"..{self.edition}"
        edition.mkdir()
        for name, text in data.items():
            (edition / name).write_text(text, encoding="utf-8")
        (self.folder / "..data_tmp").symlink_to(edition.name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")


class LocalPod:
    """`documents` by kind and name; volumes are made in `root`, those of claims in `root`/claims."""

    def __init__(self, documents, workload, index, root):
        self.spec = workload["spec"]["template"]["spec"]
        self.root = root / f"pod-{index}"
        self.root.mkdir()
        self.name = f"{workload['metadata']['name']}-{index}"
        self.index = str(index) if workload["spec"].get("completionMode") == "Indexed" else None
        self.maps = {}
        self.volumes = {}
        for volume in self.spec["volumes"]:
            self.volumes[volume["name"]] = self.make(documents, volume, root)
        for claim in workload["spec"].get("volumeClaimTemplates", []):
            self.volumes[claim["metadata"]["name"]] = self.folder(root / "claims" / f"{claim['metadata']['name']}-{self.name}")

    @staticmethod
    def folder(path):
        path.mkdir(parents=True, exist_ok=True)
        return path

    def make(self, documents, volume, root):
        if "persistentVolumeClaim" in volume:
            return self.folder(root / "claims" / volume["persistentVolumeClaim"]["claimName"])
        path = self.root / "volumes" / volume["name"]
        if "configMap" not in volume:
            return self.folder(path)
        path.parent.mkdir(exist_ok=True)
        data = documents["ConfigMap", volume["configMap"]["name"]]["data"]
        self.maps[volume["name"]] = ConfigMapMount(path, data)
        return path

    def environment(self, container, more):
        """What the manifest and the cluster set, and nothing else but what the test adds."""
        values = {"PATH": os.environ["PATH"], "HOSTNAME": self.name}
        if self.index is not None:
            values["JOB_COMPLETION_INDEX"] = self.index
        for entry in container.get("env", []):
            named = entry.get("valueFrom") == {"fieldRef": {"fieldPath": "metadata.name"}}
            secret = entry.get("valueFrom", {}).get("secretKeyRef")
            values[entry["name"]] = self.name if named else f"the {secret['key']} of {secret['name']}" if secret else entry["value"]
        return {**values, **more}

    def start(self, container, out=subprocess.PIPE, subcommand=(), **more):
        """The container as a process, with variables of the test on top; its working directory gets the mounts."""
        place = self.root / container["name"]
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for mount in container["volumeMounts"]:
            path = os.path.relpath(mount["mountPath"], container["workingDir"])
            if not path.startswith(".."):
                (place / path).symlink_to(self.volumes[mount["name"]])
        variables = self.environment(container, more)
        words = [re.sub(r"\$\(([A-Z_]+)\)", lambda name: variables[name[1]], word) for word in container["args"]]
        return subprocess.Popen([EXECUTABLE, *subcommand, *words], cwd=place, env=variables, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, text=True)

    def main(self):
        (container,) = self.spec["containers"]
        return container


class PodTest(FleetTest):
    """Tests whose pods lie in self.dir."""

    def pods(self, variant, kind, count):
        self.documents = by_name(variant)
        (workload,) = [document for (found, _), document in self.documents.items() if found == kind]
        self.assertEqual(workload["spec"].get("completions", workload["spec"].get("replicas")), count)
        return [LocalPod(self.documents, workload, index, self.dir) for index in range(count)]

    def start(self, pod, **more):
        with open(pod.root / "log", "w") as log:
            process = pod.start(pod.main(), out=log, **more)

        def end():
            process.kill()
            process.wait()
        self.addCleanup(end)
        return process

    def end(self, pod, process, code=0):
        self.assertEqual(process.wait(timeout=120), code, (pod.root / "log").read_text())
        return Summary((pod.root / "log").read_text())

    def union(self, folders):
        """All shards in one folder, as links."""
        together = self.dir / "union"
        together.mkdir()
        for folder in folders:
            for path in shards(folder):
                os.link(path, together / f"{folder.name}-{path.name}")
        return together

    def whole(self, *arguments):
        """The same fleet from the same settings in one process."""
        self.fleet_sim("--config", KUBERNETES / "base" / "config.yaml", "--identities", KUBERNETES / "base" / "fleet.jsonl",
                       "--data-dir", "whole", "--speed", "max", "--start", "2026-01-01", *arguments)
        return self.counted("whole")
