# Parley in a container, made by the same scripts as on a machine:
#
#   docker build -t parley .
#   docker run --rm -p 8080:8080 -e PARLEY_KEYS=some-secret parley                 clients show that key
#   docker run --rm -p 127.0.0.1:8080:8080 -e PARLEY_OPEN=true parley              anyone who reaches the port may talk
#
# The server listens on 0.0.0.0:8080 inside, so it starts only with keys or when it is told to be open; see
# scripts/container. What follows the image's name goes to "parley serve":
#
#   docker run ... -v "$PWD/settings.json:/parley/settings.json:ro" parley --config settings.json
#
# With --build-arg DEVICE=cuda the image also holds the CUDA libraries (4 GB more) and is run with --gpus all.

ARG DEBIAN=debian:12-slim

# ---- build: compilers, LibTorch with its headers, the starter bundle, and the program
FROM ${DEBIAN} AS build
ARG DEVICE=cpu
ENV PARLEY_CACHE=/cache
WORKDIR /parley

# What set-up goes by comes first: while it stays the same, downloads and packages are taken from the layer.
COPY scripts scripts
RUN if [ "$DEVICE" = cuda ]; then ./scripts/setup --cuda; else ./scripts/setup; fi

COPY . .
RUN bash -euo pipefail -c 'for part in common build; do . scripts/lib/$part.sh; done; use_ccache; build release parley'
RUN ./scripts/container --collect /image "$DEVICE"

# ---- run: the program, the libraries and the bundle, and no compiler
FROM ${DEBIAN} AS run
COPY --from=build /image/packages /tmp/packages
RUN apt-get update -qq \
 && xargs -a /tmp/packages apt-get install -y -qq --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* /tmp/packages \
 && useradd --system --home-dir /parley --shell /usr/sbin/nologin parley
COPY --from=build /image/parley /parley

WORKDIR /parley
USER parley
EXPOSE 8080
STOPSIGNAL SIGTERM
# Loading the starter takes seconds on a fast disk; a large bundle on a slow one takes longer.
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s CMD ["./scripts/container", "--healthy"]
ENTRYPOINT ["./scripts/container"]
