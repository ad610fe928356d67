# fleet-sim in a container: docker build -t fleet-sim . (scripts/README.md says how to run it)
FROM debian:bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ cmake ninja-build libboost-dev libyaml-cpp-dev nlohmann-json3-dev \
      libsqlite3-dev libtbb-dev libspdlog-dev libfmt-dev libcli11-dev libhowardhinnant-date-dev libjs-dygraphs zlib1g-dev libedit-dev libpq-dev \
      libssl-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY CMakeLists.txt ./
COPY engine engine
RUN cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON -DFLEET_SIM_TESTS=OFF \
 && cmake --build build --target fleet-sim \
 && strip build/fleet-sim

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libyaml-cpp0.7 libsqlite3-0 libtbb12 libspdlog1.10 libfmt9 \
      libdate-tz3 tzdata zlib1g libedit2 libpq5 libssl3 ca-certificates \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /app --shell /usr/sbin/nologin fleet \
 && install -d -o fleet -g fleet /app/data \
 && install -d /app/identities \
 && ln -s ../node_identity.json /app/identities/node_identity.json
COPY --from=build /src/build/fleet-sim /usr/local/bin/fleet-sim
COPY configs/container/entry /usr/local/bin/fleet-sim-entry
COPY configs/container/config.yaml configs/container/node_identity.json /app/
COPY identities /app/demo
WORKDIR /app
# Mount your own files here: a config, a single sensor (which SENSOR_ID and SENSOR_LOCATION can rename), or a folder of
# sensors, which hides the link to the single one.
ENV CONFIG_FILE=/app/config.yaml DEFAULT_IDENTITIES=/app/identities
VOLUME /app/data
# No USER: the entry drops root's rights once it knows who owns the data directory.
ENTRYPOINT ["fleet-sim-entry"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["fleet-sim-entry", "health"]
# Drains: all readings taken so far are written, and the files are closed.
STOPSIGNAL SIGTERM
