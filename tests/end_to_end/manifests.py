"""The manifests of configs/kubernetes: put together as kustomize does, and looked over for what schemas let pass.

`render` knows the parts of kustomize that our overlays use and refuses others; `scripts/check manifests` holds it against
kubectl. `problems` says what is wrong with the result.
"""

import copy
import re
import sys
from pathlib import Path

import yaml

# ---- kustomize ----

MERGE_KEYS = {"containers": "name", "initContainers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath",
              "ports": "containerPort"}
KNOWN = {"apiVersion", "kind", "resources", "configMapGenerator", "generatorOptions", "labels", "patches", "images"}


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def merge(base, patch, key=None):
    """A strategic merge: maps by key, null removes, lists of MERGE_KEYS by name, with what is patched in front."""
    if isinstance(base, dict) and isinstance(patch, dict):
        merged = {name: merge(base[name], patch[name], name) if name in patch else base[name]
                  for name in base if patch.get(name, "") is not None}
        return merged | {name: value for name, value in patch.items() if name not in base and value is not None}
    if isinstance(base, list) and key in MERGE_KEYS:
        by = MERGE_KEYS[key]
        old, changed = {item[by]: item for item in base}, {item[by] for item in patch}
        return ([merge(old[item[by]], item) if item[by] in old else item for item in patch] +
                [item for item in base if item[by] not in changed])
    return patch


def name_of(document):
    return document["kind"], document["metadata"]["name"]


def config_map(folder, entry):
    metadata = {"name": entry["name"], "labels": dict(entry["options"]["labels"])}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
            "data": {file: (folder / file).read_text(encoding="utf-8") for file in entry["files"]}}


def pod_specs(document):
    return [document["spec"]["template"]["spec"]] if "template" in document.get("spec", {}) else []


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def render(folder):
    """The documents of a folder with a kustomization.yaml."""
    (layer,) = documents(folder / "kustomization.yaml")
    if set(layer) - KNOWN or layer.get("generatorOptions", {"disableNameSuffixHash": True}) != {"disableNameSuffixHash": True}:
        raise ValueError(f"{folder}: only {sorted(KNOWN)} are understood here, and names without a hash")
    found = []
    for resource in layer["resources"]:
        path = folder / resource
        found += render(path) if path.is_dir() else documents(path)
    found += [config_map(folder, entry) for entry in layer.get("configMapGenerator", [])]
    for patch in layer.get("patches", []):
        (change,) = documents(folder / patch["path"])
        (place,) = [i for i, document in enumerate(found) if name_of(document) == name_of(change)]
        if change.get("$patch") == "delete":
            del found[place]
        else:
            found[place] = merge(found[place], change)
    found = copy.deepcopy(found)  # YAML's anchors are one object in several places
    for document in found:
        for entry in layer.get("labels", []):
            document["metadata"].setdefault("labels", {}).update(entry["pairs"])
        for image in layer.get("images", []):
            for spec in pod_specs(document):
                for container in containers(spec):
                    if container["image"] == image["name"]:
                        container["image"] = image["newName"]
    return found


# ---- what is known of the fields that we use ----

ANY = None
SECURITY = {"allowPrivilegeEscalation": ANY, "readOnlyRootFilesystem": ANY, "capabilities": {"drop": ANY}}
PROBE = {"httpGet": {"path": ANY, "port": ANY}, "periodSeconds": ANY, "timeoutSeconds": ANY, "failureThreshold": ANY}
CONTAINER = {
    "name": ANY, "image": ANY, "imagePullPolicy": ANY, "workingDir": ANY, "args": ANY,
    "env": [{"name": ANY, "value": ANY, "valueFrom": {"fieldRef": {"fieldPath": ANY},
                                                               "secretKeyRef": {"name": ANY, "key": ANY}}}],
    "ports": [{"name": ANY, "containerPort": ANY}], "readinessProbe": PROBE, "livenessProbe": PROBE,
    "resources": {"requests": {"cpu": ANY, "memory": ANY}, "limits": {"memory": ANY}}, "securityContext": SECURITY,
    "volumeMounts": [{"name": ANY, "mountPath": ANY, "readOnly": ANY}]}
POD = {
    "restartPolicy": ANY, "terminationGracePeriodSeconds": ANY, "automountServiceAccountToken": ANY, "enableServiceLinks": ANY,
    "securityContext": {"runAsNonRoot": ANY, "runAsUser": ANY, "runAsGroup": ANY, "fsGroup": ANY,
                        "fsGroupChangePolicy": ANY, "seccompProfile": {"type": ANY}},
    "topologySpreadConstraints": [{"maxSkew": ANY, "topologyKey": ANY, "whenUnsatisfiable": ANY,
                                   "labelSelector": {"matchLabels": ANY}}],
    "initContainers": [CONTAINER], "containers": [CONTAINER],
    "volumes": [{"name": ANY, "configMap": {"name": ANY}, "emptyDir": {"sizeLimit": ANY},
                 "persistentVolumeClaim": {"claimName": ANY}}]}
TEMPLATE = {"metadata": {"labels": ANY, "annotations": ANY}, "spec": POD}
CLAIM = {"accessModes": ANY, "resources": {"requests": {"storage": ANY}}}
SPECS = {
    "Job": {"completionMode": ANY, "completions": ANY, "parallelism": ANY, "backoffLimit": ANY, "template": TEMPLATE,
            "podFailurePolicy": {"rules": [{"action": ANY, "onPodConditions": [{"type": ANY, "status": ANY}],
                                            "onExitCodes": {"containerName": ANY, "operator": ANY, "values": ANY}}]}},
    "StatefulSet": {"serviceName": ANY, "replicas": ANY, "podManagementPolicy": ANY, "selector": {"matchLabels": ANY},
                    "template": TEMPLATE, "volumeClaimTemplates": [{"metadata": {"name": ANY}, "spec": CLAIM}]},
    "Service": {"clusterIP": ANY, "selector": ANY, "ports": [{"name": ANY, "port": ANY, "targetPort": ANY}]},
    "PersistentVolumeClaim": CLAIM}
VERSIONS = {"Job": "batch/v1", "StatefulSet": "apps/v1", "Service": "v1", "PersistentVolumeClaim": "v1", "ConfigMap": "v1"}


def unknown_fields(value, known, place):
    if isinstance(known, dict) and isinstance(value, dict):
        return ([f"{place} has no field '{name}'" for name in value if name not in known] +
                [found for name in value if name in known
                 for found in unknown_fields(value[name], known[name], f"{place}.{name}")])
    if isinstance(known, list) and isinstance(value, list):
        return [found for i, item in enumerate(value) for found in unknown_fields(item, known[0], f"{place}[{i}]")]
    return [] if known is ANY else [f"{place} must be a {type(known).__name__}"]


# ---- what belongs together ----

LEAST_GRACE_SECONDS = 45  # 4,000,000 rows that wait, at 100,000 a second, and a little
LARGEST_CONFIG_MAP_BYTES = 1 << 20


def value_of(container, name):
    return next((entry.get("value") for entry in container.get("env", []) if entry["name"] == name), None)


def option(container, flag):
    return next((word.split("=", 1)[1] for word in container["args"] if word.startswith(flag + "=")), None)


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


class Overseer:
    """Gathers what is wrong with the documents of one application."""

    def __init__(self, found):
        self.documents = {name_of(document): document for document in found}
        self.problems = [] if len(self.documents) == len(found) else ["two documents of one name"]
        for document in found:
            self.check(document)

    def expect(self, holds, what):
        if not holds:
            self.problems.append(what)

    def named(self, kind):
        return {name for found, name in self.documents if found == kind}

    def check(self, document):
        kind, name = name_of(document)
        place = f"{kind} {name}"
        self.expect(document["apiVersion"] == VERSIONS[kind], f"{place}: apiVersion")
        if kind == "ConfigMap":
            size = sum(len(text.encode()) for text in document["data"].values())
            self.expect(size < LARGEST_CONFIG_MAP_BYTES, f"{place} is too large")
            return
        self.problems += unknown_fields(document["spec"], SPECS[kind], place)
        for spec in pod_specs(document):
            labels = document["spec"]["template"]["metadata"]["labels"]
            self.check_pod(place, document, spec, labels)
            self.check_container(place, document, spec)
        if kind == "Job":
            self.check_job(place, document["spec"])
        if kind == "StatefulSet":
            self.check_stateful_set(place, document["spec"])
        if kind == "Service":
            self.check_service(place, document["spec"])

    def check_pod(self, place, document, spec, labels):
        volumes = [volume["name"] for volume in spec["volumes"]]
        volumes += [claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])]
        self.expect(len(set(volumes)) == len(volumes), f"{place}: two volumes of one name")
        mounted = [mount for container in containers(spec) for mount in container["volumeMounts"]]
        self.expect({mount["name"] for mount in mounted} == set(volumes), f"{place}: mounts and volumes differ")
        for volume in spec["volumes"]:
            self.expect(len(volume) == 2, f"{place}: volume {volume['name']} has not one source")
            if "configMap" in volume:
                self.expect(volume["configMap"]["name"] in self.named("ConfigMap"),
                            f"{place}: no ConfigMap {volume['configMap']['name']}")
            if "persistentVolumeClaim" in volume:
                self.expect(volume["persistentVolumeClaim"]["claimName"] in self.named("PersistentVolumeClaim"),
                            f"{place}: no claim {volume['persistentVolumeClaim']['claimName']}")
        for constraint in spec.get("topologySpreadConstraints", []):
            self.expect(constraint["labelSelector"]["matchLabels"].items() <= labels.items(),
                        f"{place}: a constraint for other pods")
        self.expect(spec.get("terminationGracePeriodSeconds", 30) >= LEAST_GRACE_SECONDS, f"{place}: no time to drain")
        self.expect(spec.get("enableServiceLinks") is False, f"{place}: services would set variables of ours")
        self.check_security(place, spec)

    def check_security(self, place, spec):
        pod = spec["securityContext"]
        self.expect(pod.get("runAsNonRoot") is True and pod.get("runAsUser", 0) > 0 and pod.get("fsGroup", 0) > 0 and
                    pod.get("seccompProfile") == {"type": "RuntimeDefault"}, f"{place}: more rights than it needs")
        self.expect(spec.get("automountServiceAccountToken") is False, f"{place}: holds a token")
        for container in containers(spec):
            self.expect(container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                         "capabilities": {"drop": ["ALL"]}},
                        f"{place}: container {container['name']} may more than it needs")

    def check_container(self, place, document, spec):
        (container,) = spec["containers"]
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        self.expect(len(mounts) == len(container["volumeMounts"]), f"{place}: two mounts on one path")
        for flag, written in (("--config", False), ("--identities", False), ("--data-dir", True)):
            path = f"{container['workingDir']}/{option(container, flag)}"
            mount = next((mount for where, mount in mounts.items() if inside(path, where)), None)
            self.expect(mount and bool(mount.get("readOnly")) != written, f"{place}: {flag} names no folder that is mounted so")
        sink = value_of(container, "FLEET_SIM_SINK_ADDRESS") or ""
        self.expect(not re.search("//[^/@]*:[^/@]*@", sink), f"{place}: a password that everybody can read")
        self.expect(not sink or value_of(container, "FLEET_SIM_SHARDING_BY") == "none", f"{place}: shards are for files")
        self.expect("/tmp" in mounts, f"{place}: nowhere for temporary files")
        file = Path(option(container, "--config") or "").name
        self.expect(any(file in found["data"] for (kind, _), found in self.documents.items() if kind == "ConfigMap"),
                    f"{place}: no ConfigMap has {file}")
        count = document["spec"].get("completions", document["spec"].get("replicas"))
        self.expect(value_of(container, "FLEET_SIM_FLEET_PARTITION") == f"auto/{count}",
                    f"{place}: not as many partitions as pods")

    def check_job(self, place, spec):
        template, (container,) = spec["template"]["spec"], spec["template"]["spec"]["containers"]
        self.expect(spec.get("completionMode") == "Indexed", f"{place}: pods get no index")
        self.expect(spec["parallelism"] <= spec["completions"], f"{place}: more at once than there are")
        self.expect(template.get("restartPolicy") == "Never", f"{place}: restartPolicy must be Never")  # for podFailurePolicy
        self.expect("$(JOB_COMPLETION_INDEX)" in option(container, "--data-dir"), f"{place}: pods share a folder")
        self.expect("--resume" in container["args"], f"{place}: a replaced pod begins anew")
        for rule in spec["podFailurePolicy"]["rules"]:
            if "onExitCodes" in rule:
                self.expect(rule["onExitCodes"]["containerName"] == container["name"], f"{place}: rule for no container")

    def check_stateful_set(self, place, spec):
        template, (container,) = spec["template"], spec["template"]["spec"]["containers"]
        selector, labels = spec["selector"]["matchLabels"], template["metadata"]["labels"]
        self.expect(selector.items() <= labels.items(), f"{place}: the selector does not match its pods")
        self.expect(spec["serviceName"] in self.named("Service"), f"{place}: no Service {spec['serviceName']}")
        self.expect(template["spec"].get("restartPolicy", "Always") == "Always", f"{place}: restartPolicy must be Always")
        host, port = (value_of(container, "FLEET_SIM_MONITORING_ADDRESS") or ":").rsplit(":", 1)
        self.expect(host == "0.0.0.0", f"{place}: probes cannot reach the status")
        ports = {entry["name"]: str(entry["containerPort"]) for entry in container["ports"]}
        for probe, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
            asked = container[probe]["httpGet"]
            self.expect(asked["path"] == path, f"{place}: {probe} asks for {asked['path']}")
            self.expect(ports.get(asked["port"], str(asked["port"])) == port, f"{place}: {probe} asks another port")
        seconds_until_restart = container["livenessProbe"]["periodSeconds"] * container["livenessProbe"]["failureThreshold"]
        self.expect(seconds_until_restart >= 300, f"{place}: a full disk would be answered by a restart that loses rows")
        notes = template["metadata"]["annotations"]
        self.expect(notes.get("prometheus.io/scrape") == "true" and notes.get("prometheus.io/path") == "/metrics" and
                    notes.get("prometheus.io/port") == port, f"{place}: Prometheus finds no metrics")
        self.expect({"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}, "name": "POD_NAME"} in container["env"],
                    f"{place}: the pod does not know its name")
        self.expect("--resume" not in container["args"], f"{place}: a run that was reloaded cannot be resumed")

    def check_service(self, place, spec):
        self.expect(spec.get("clusterIP") == "None", f"{place}: pods get no names")
        chosen = [document["spec"]["template"] for document in self.documents.values() if pod_specs(document) and
                  spec["selector"].items() <= document["spec"]["template"]["metadata"]["labels"].items()]
        self.expect(len(chosen) == 1, f"{place}: the selector matches {len(chosen)} kinds of pods instead of one")
        names = {port["name"] for template in chosen for port in template["spec"]["containers"][0].get("ports", [])}
        self.expect(all(port["targetPort"] in names for port in spec["ports"]), f"{place}: a port that no pod has")


def problems(found):
    return Overseer(found).problems


# ---- manifests.py FOLDER prints what it makes of a folder, manifests.py FOLDER FILE compares it with kustomize's ----


def print_or_compare(folder, file=None):
    if file is None:
        print(yaml.safe_dump_all(render(Path(folder))), end="")
        return 0
    ours, theirs = ({name_of(document): document for document in found}
                    for found in (render(Path(folder)), documents(Path(file))))
    different = [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
    return f"{folder}: kustomize makes something else of {different}" if different else 0


if __name__ == "__main__":
    sys.exit(print_or_compare(*sys.argv[1:]))
