#!/usr/bin/env python3
"""configs/kubernetes: the manifests hold together, and the commands in them do what they are for.

Nothing here needs a cluster. The pods are processes of this machine, with the arguments, variables and volumes that the
manifests give them; `scripts/check manifests` has the schemas and the real kustomize.
"""

from fleet import *
from local_pod import KUBERNETES, LocalPod, PodTest, by_name
from manifests import name_of, problems, render

VARIANTS = ("base", "overlays/one-node", "overlays/hundred-nodes", "overlays/hundred-pods-postgresql")


class Manifests(unittest.TestCase):
    def test_nothing_is_wrong(self):
        for variant in VARIANTS:
            with self.subTest(variant):
                self.assertEqual(problems(render(KUBERNETES / variant)), [])

    def test_what_is_wrong_is_found(self):
        """Each of these is one slip of the pen in the base."""
        job, real_time, service = ("Job", "fleet-sim-history"), ("StatefulSet", "fleet-sim"), ("Service", "fleet-sim")
        slips = [
            (job, "template.spec.restartPolicy", "Always", "restartPolicy must be Never"),
            (job, "template.spec.restartpolicy", "Never", "no field 'restartpolicy'"),
            (job, "completionMode", "NonIndexed", "get no index"),
            (job, "completions", 5, "not as many partitions"),
            (job, "template.spec.volumes.2.persistentVolumeClaim.claimName", "history", "no claim history"),
            (job, "template.spec.containers.0.args.2", "--data-dir=data", "share a folder"),
            (job, "template.spec.containers.0.args.5", "--quiet", "begins anew"),
            (job, "podFailurePolicy.rules.1.onExitCodes.containerName", "main", "rule for no container"),
            (real_time, "replicas", 3, "not as many partitions"),
            (real_time, "serviceName", "fleet", "no Service fleet"),
            (real_time, "selector.matchLabels.app", "fleet", "selector does not match"),
            (real_time, "template.spec.volumes.0.configMap.name", "fleet-sim-settings", "no ConfigMap fleet-sim-settings"),
            (real_time, "template.spec.volumes.0.name", "settings", "mounts and volumes differ"),
            (real_time, "template.spec.containers.0.volumeMounts.2.name", "dta", "mounts and volumes differ"),
            (real_time, "template.spec.containers.0.volumeMounts.2.mountPath", "/data", "--data-dir names no folder"),
            (real_time, "template.spec.containers.0.volumeMounts.2.readOnly", True, "--data-dir names no folder"),
            (real_time, "template.spec.containers.0.volumeMounts.0.subPath", "config.yaml", "no field 'subPath'"),
            (real_time, "template.spec.containers.0.volumeMounts.3.mountPath", "/var/tmp", "temporary files"),
            (real_time, "template.spec.containers.0.readinessProbe.httpGet.path", "/ready", "asks for /ready"),
            (real_time, "template.spec.containers.0.livenessProbe.httpGet.path", "/readyz", "asks for /readyz"),
            (real_time, "template.spec.containers.0.livenessProbe.httpGet.port", 80, "another port"),
            (real_time, "template.spec.containers.0.livenessProbe.failureThreshold", 3, "loses rows"),
            (real_time, "template.spec.containers.0.ports.0.containerPort", 80, "another port"),
            (real_time, "template.spec.containers.0.env.2.value", "127.0.0.1:8080", "cannot reach the status"),
            (real_time, "template.spec.containers.0.env.0.valueFrom.fieldRef.fieldPath", "metadata.uid", "its name"),
            (real_time, "template.spec.containers.0.args.0", "--config=config/fleet.yaml", "no ConfigMap has fleet.yaml"),
            (real_time, "template.spec.containers.0.securityContext.readOnlyRootFilesystem", False, "more than it needs"),
            (real_time, "template.spec.securityContext.runAsUser", 0, "more rights"),
            (real_time, "template.spec.terminationGracePeriodSeconds", 30, "no time to drain"),
            (real_time, "template.metadata.annotations.prometheus.io/port", "9090", "finds no metrics", "/"),
            (service, "clusterIP", "10.0.0.1", "pods get no names"),
            (service, "selector", {"app.kubernetes.io/name": "fleet-sim"}, "matches 2 kinds"),
            (service, "ports.0.targetPort", "http", "a port that no pod has"),
        ]
        for name, path, value, says, *rest in slips:
            with self.subTest(path, value=value):
                documents = by_name("base")
                *way, last = path.replace("prometheus.io", "prometheus io").split(".")
                part = documents[name]["spec"]
                for step in way:
                    part = part[int(step) if isinstance(part, list) else step]
                part[int(last) if isinstance(part, list) else last.replace(" ", ".")] = value
                self.assertIn(says, "\n".join(problems(list(documents.values()))))

    def test_a_map_that_is_too_large_is_found(self):
        documents = by_name("base")
        documents["ConfigMap", "fleet-sim-identities"]["data"]["fleet.jsonl"] *= 500
        self.assertEqual(problems(list(documents.values())), ["ConfigMap fleet-sim-identities is too large"])

    def test_what_is_wrong_with_a_server_is_found(self):
        for value, says in (("postgresql://fleet:secret@postgresql/fleet", "a password that everybody can read"),
                            ("postgresql://fleet@postgresql/fleet", None)):
            with self.subTest(value):
                documents = by_name("overlays/hundred-pods-postgresql")
                (container,) = documents["StatefulSet", "fleet-sim"]["spec"]["template"]["spec"]["containers"]
                (address,) = [entry for entry in container["env"] if entry["name"] == "FLEET_SIM_SINK_ADDRESS"]
                address["value"] = value
                self.assertEqual([says in one for one in problems(list(documents.values()))], [True] if says else [])
                container["env"] = [entry for entry in container["env"] if entry["name"] != "FLEET_SIM_SHARDING_BY"]
                self.assertIn("shards are for files", "\n".join(problems(list(documents.values()))))

    def test_an_overlay_changes_what_it_says_and_nothing_else(self):
        base, one_node = by_name("base"), by_name("overlays/one-node")
        self.assertEqual(base.keys(), one_node.keys())
        self.assertEqual([name for name in base if base[name] == one_node[name]],
                         [("Service", "fleet-sim"), ("ConfigMap", "fleet-sim-config"), ("ConfigMap", "fleet-sim-identities")])
        self.assertEqual(one_node["StatefulSet", "fleet-sim"]["spec"]["replicas"], 2)
        self.assertEqual(one_node["StatefulSet", "fleet-sim"]["spec"]["template"]["spec"]["volumes"],
                         base["StatefulSet", "fleet-sim"]["spec"]["template"]["spec"]["volumes"])


class History(PodTest):
    def test_the_job_fills_the_history_of_one_process(self):
        pods = self.pods("base", "Job", 4)
        started = [self.start(pod) for pod in pods]
        due = sum(self.end(pod, process).due for pod, process in zip(pods, started))
        self.assertEqual(due, 15 * 86_400)
        claim = self.dir / "claims" / "fleet-sim-history"
        self.assertEqual(sorted(path.name for path in claim.iterdir()), ["0", "1", "2", "3"])
        self.assertEqual(set(query_all(claim / "2", "SELECT partition FROM run_info")), {("3/4",)})
        self.assertEqual(self.counted(self.union(sorted(claim.iterdir()))), self.whole("--duration", "1d"))

    def test_a_killed_pod_of_the_job_is_replaced_and_continues(self):
        first, *_ = self.pods("base", "Job", 4)
        process = self.start(first)
        data = self.dir / "claims" / "fleet-sim-history" / "0"
        self.wait_for_rows(data, least=1000)
        process.kill()
        process.wait()
        self.end(first, self.start(first))
        self.assertEqual(total(data, "SELECT count(DISTINCT run_id) FROM run_info"), len(shards(data)))
        self.assertEqual(self.counted(data), self.whole("--duration", "1d", "--partition", "1/4"))

    def test_a_pod_of_the_job_that_cannot_succeed_says_so_to_the_cluster(self):
        first, *_ = self.pods("base", "Job", 4)
        (rule,) = [rule for rule in self.documents["Job", "fleet-sim-history"]["spec"]["podFailurePolicy"]["rules"]
                   if rule["action"] == "FailJob"]
        first.maps["config"].switch({"config.yaml": "simulation: {readings_per_second: -1}\n"})
        process = self.start(first)
        self.assertIn(process.wait(timeout=60), rule["onExitCodes"]["values"])

    def test_a_hundred_nodes_generate_one_fleet_and_share_it(self):
        """The last pod, as far as the check of what it is to simulate."""
        documents = by_name("overlays/hundred-nodes")
        job, real_time = documents["Job", "fleet-sim-history"], documents["StatefulSet", "fleet-sim"]
        self.assertEqual(*(workload["spec"]["template"]["spec"]["initContainers"] for workload in (job, real_time)))
        pod = LocalPod(documents, real_time, 99, self.dir)
        (generate,) = pod.spec["initContainers"]
        for container, subcommand in ((generate, ()), (pod.main(), ["check"])):
            process = pod.start(container, subcommand=subcommand)
            output = process.communicate(timeout=120)[0]
            self.assertEqual(process.returncode, 0, output)
        share = re.search(r"([\d,]+) identities in 1 file, ([\d,]+) of them in partition 100/100\n", output)
        self.assertEqual(share[1], "1,000,000")
        self.assertAlmostEqual(int(share[2].replace(",", "")), 10_000, delta=500)


if __name__ == "__main__":
    main()
