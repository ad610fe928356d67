#!/usr/bin/env bash
# Builds the image, runs one sensor in it for 30 seconds, and checks what it wrote.
#   scripts/test_container.sh      CONTAINER_ENGINE names an engine other than docker; FLEET_SIM_IMAGE names an image to use
#                                  instead of building one
# Clears data/container-test and writes there; touches nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

engine=${CONTAINER_ENGINE:-docker}
image=${FLEET_SIM_IMAGE:-}
data=$PWD/data/container-test
seconds=30

fail() { echo "test_container: $*" >&2; exit 1; }

command -v "$engine" > /dev/null || fail "$engine is not installed (Debian: apt-get install docker.io)"
"$engine" info > /dev/null 2>&1 || fail "$engine is installed, but its service does not respond to \`$engine info\`"

if [[ -z $image ]]; then
  image=fleet-sim
  echo "Building the image $image ..."
  DOCKER_BUILDKIT=1 "$engine" build --quiet --tag "$image" . > /dev/null || fail "the image could not be built"
fi
echo "Image $image: $("$engine" image inspect --format '{{.Size}}' "$image" | numfmt --to=si)B"

rm -rf "$data"
mkdir -p "$data"

# Without missing_data, which can silence a sensor for all of the 30 s.
container=$("$engine" run --detach --volume "$data:/app/data" --env SENSOR_ID=CUSTOM001 --env SENSOR_LOCATION="Custom Location" \
  --env FLEET_SIM_ANOMALIES_TYPES_MISSING_DATA_ENABLED=false "$image")
trap '"$engine" rm --force "$container" > /dev/null' EXIT
echo "Running for $seconds s ..."
sleep "$seconds"
health=$("$engine" inspect --format '{{.State.Health.Status}}' "$container")
"$engine" stop "$container" > /dev/null
code=$("$engine" inspect --format '{{.State.ExitCode}}' "$container")
"$engine" logs "$container"

[[ $code -eq 4 ]] || fail "the run, which was stopped before its hour was over, ended with exit code $code instead of 4"
[[ $health == healthy ]] || fail "the container was $health after $seconds s"
[[ -f $data/sensor_data.db ]] || fail "no database at $data/sensor_data.db"

in_image() { "$engine" run --rm --volume "$data:/app/data" "$image" "$@"; }
readings=$(in_image digest data --json | sed -n 's/^  "readings": \([0-9]*\),$/\1/p')
((readings >= seconds - 3)) || fail "$data/sensor_data.db has $readings readings instead of about $seconds"
(($("$engine" logs "$container" 2>&1 | sed -n 's/^  written *\([0-9]*\) rows.*/\1/p') == readings)) ||
  fail "the database does not hold as many readings as the run says it wrote"

printf '\nStatistics\n'
in_image report data
printf '\nSample rows\n'
in_image export data --format csv | sed -n 1,6p
printf '\nThe container works: %s readings in %s\n' "$readings" "$data/sensor_data.db"
