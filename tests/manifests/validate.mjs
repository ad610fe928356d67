// Validates the documents of YAML files as objects of Kubernetes: by the schemas of kubernetes-models, and that they have no
// field that the schemas do not know, which a validator never looks at.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_PACKAGES}/`);
const { loadAll } = require("js-yaml");
const kinds = {
  ConfigMap: require("kubernetes-models/v1/ConfigMap").ConfigMap,
  Job: require("kubernetes-models/batch/v1/Job").Job,
  PersistentVolumeClaim: require("kubernetes-models/v1/PersistentVolumeClaim").PersistentVolumeClaim,
  Service: require("kubernetes-models/v1/Service").Service,
  StatefulSet: require("kubernetes-models/apps/v1/StatefulSet").StatefulSet,
};

// The value, remembering which of its fields are read.
function watched(value, place, unread) {
  if (value === null || typeof value !== "object") return value;
  const fields = Object.entries(value).map(([name, field]) => [name, watched(field, `${place}.${name}`, unread)]);
  if (Array.isArray(value)) return fields.map(([, field]) => field);
  for (const [name] of fields) unread.add(`${place}.${name}`);
  return new Proxy(Object.fromEntries(fields), {
    get(target, name) {
      unread.delete(`${place}.${String(name)}`);
      return target[name];
    },
  });
}

function problems(document) {
  const kind = kinds[document.kind];
  if (!kind) return [`no kind ${document.kind}`];
  const unread = new Set();
  const object = new kind({});
  for (const [name, field] of Object.entries(document)) object[name] = watched(field, name, unread);
  try {
    object.validate();
  } catch (failure) {
    return [failure.message];
  }
  return [...unread].map((place) => `no field ${place}`);
}

let failed = false;
for (const file of process.argv.slice(2)) {
  for (const document of loadAll(readFileSync(file, "utf8"))) {
    for (const problem of problems(document)) {
      console.error(`${file}: ${document.kind} ${document.metadata.name}: ${problem}`);
      failed = true;
    }
  }
}
process.exit(failed ? 1 : 0);
