# The collector that compose.yaml runs beside a fleet: scripts/collect and the Python it needs. It writes to the fleet's
# files, so its user has the same id.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3-minimal libpython3-stdlib \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 10001 -g 10001 /app/data /app/central
COPY scripts/collect /usr/local/bin/collect
USER 10001:10001
VOLUME /app/central
ENTRYPOINT ["collect"]
