# One image for any x86-64 or arm64 machine: llama.cpp is built in a variant for each family of processors and picks
# the best one when it starts. `docker build .` needs nothing else.
# With an NVIDIA GPU the three arguments change: docker-compose.yml shows how.
ARG BUILD_IMAGE=debian:trixie-slim
ARG RUN_IMAGE=debian:trixie-slim

FROM ${BUILD_IMAGE} AS build

SHELL ["/bin/sh", "-eu", "-c"]
# hadolint ignore=DL3008
RUN apt-get update; \
    apt-get install -y --no-install-recommends build-essential ca-certificates python3 python3-venv; \
    rm -rf /var/lib/apt/lists/*

# llama.cpp installs its back ends among the programs; the Python package, and Hearth's engine, look beside the library.
ARG GGML_OPTIONS=""
ENV CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON -DCMAKE_INSTALL_BINDIR=llama_cpp/lib ${GGML_OPTIONS}"
WORKDIR /opt/hearth
COPY requirements.lock requirements-starter.lock ./
# llama.cpp's own installation, site-packages/lib, repeats what llama_cpp/lib holds.
RUN python3 -m venv /opt/venv; \
    /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock; \
    /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-starter.lock; \
    rm -rf /opt/venv/lib/python3.*/site-packages/lib /opt/venv/lib/python3.*/site-packages/include; \
    ls /opt/venv/lib/python3.*/site-packages/llama_cpp/lib/libggml-cpu-*.so

COPY . .
RUN /opt/venv/bin/python -m compileall -q manage.py webui inference


FROM ${RUN_IMAGE}

LABEL org.opencontainers.image.title="Hearth" \
      org.opencontainers.image.description="Your own large language models in one container: chat, model runtime, Ollama and OpenAI APIs." \
      org.opencontainers.image.licenses="Apache-2.0"

SHELL ["/bin/sh", "-eu", "-c"]
# hadolint ignore=DL3008
RUN apt-get update; \
    apt-get install -y --no-install-recommends ca-certificates libgomp1 libstdc++6 python3 tzdata; \
    rm -rf /var/lib/apt/lists/*; \
    groupadd --gid 10001 hearth; \
    useradd --uid 10001 --gid hearth --home-dir /data --no-create-home --shell /usr/sbin/nologin hearth; \
    install -d -o hearth -g hearth -m 700 /data

COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/hearth /opt/hearth
RUN ln -s /opt/hearth/bin/hearth /usr/local/bin/hearth

# Both ports listen on every address in here; what of that reaches the outside is for `docker run -p` to say.
ENV PATH="/opt/venv/bin:$PATH" \
    HEARTH_DATA=/data \
    HEARTH_HOST=0.0.0.0 \
    HEARTH_PORT=3000 \
    OLLAMA_HOST=0.0.0.0:11434

WORKDIR /opt/hearth
USER 10001:10001
VOLUME /data
EXPOSE 3000 11434
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s --start-interval=2s --retries=3 \
    CMD ["python", "-m", "webui.supervisor.health"]
ENTRYPOINT ["python", "manage.py", "serve"]
