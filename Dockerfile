# fleet-sim in a container. Build: docker build -t fleet-sim .
# Run: docker run --rm -v "$PWD/data:/app/data" fleet-sim --identities identities --shard-by location --duration 60
FROM debian:bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ cmake ninja-build libboost-dev libyaml-cpp-dev nlohmann-json3-dev \
      libsqlite3-dev libtbb-dev libspdlog-dev libfmt-dev libcli11-dev libjs-dygraphs \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY CMakeLists.txt ./
COPY engine engine
RUN cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DFLEET_SIM_TESTS=OFF \
 && cmake --build build --target fleet-sim \
 && strip build/fleet-sim

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libyaml-cpp0.7 libsqlite3-0 libtbb12 libspdlog1.10 libfmt9 sqlite3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin fleet \
 && install -d -o fleet -g fleet /app/data
COPY --from=build /src/build/fleet-sim /usr/local/bin/fleet-sim
COPY identities /app/identities
COPY configs /app/configs
WORKDIR /app
USER fleet
VOLUME /app/data
# The signal that drains and closes: nothing generated is lost by `docker stop`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["fleet-sim"]
