# The image of front-connector: a virtual environment built from uv.lock, run by an unprivileged user.
# Nothing here is resolved: every file that comes from an index is checked against a hash of uv.lock or image/tools.txt.
# docs/deployment.md, "The image", says how the digest is renewed; tests/image runs every step of this file.
# Debian's base, not Alpine's: cel-expr-python is published for glibc only.
ARG BASE=python:3.12.15-slim-trixie@sha256:05cda9777409a9c3ffddd94a4c476b79f0769a0b4857f0c7ed9226b6800b0d6f

FROM ${BASE} AS build
# Bytecode is never compared with its source again: nobody can change the source, and times of files play no part.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    UV_COMPILE_BYTECODE=1 \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    UV_LINK_MODE=copy \
    UV_PYTHON=/usr/local/bin/python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/front-connector
WORKDIR /src
COPY image/tools.txt image/
RUN python -m pip install --no-cache-dir --require-hashes --only-binary=:all: -r image/tools.txt
# Dependencies first: they change less often than the code, so this layer is used again. All extras: tracing or a cloud's
# sign-in must not need another image. No builds: a dependency without a wheel would bring its own code into this step.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --all-extras --no-build --no-install-project
COPY README.md LICENSE ./
COPY schemas ./schemas
COPY connector ./connector
RUN python -m hatchling build --target wheel --directory /tmp/dist \
 && uv pip install --python /opt/front-connector --offline --no-deps /tmp/dist/*.whl
COPY image/sbom.py image/
RUN uv export --locked --no-dev --all-extras --quiet \
      --format cyclonedx1.5 --preview-features sbom-export --output-file /tmp/exported.json \
 && /opt/front-connector/bin/python image/sbom.py /tmp/exported.json /opt/front-connector/sbom.cdx.json
# What only the tools want: a lock that everybody may write, marks of a cache and of when it was filled, and the build
# leftovers (16 MB, with tests) that one of the wheels has beside its package.
WORKDIR /opt/front-connector
RUN rm -rf .lock .gitignore CACHEDIR.TAG lib/python3.*/site-packages/bazel-project \
 && rm lib/python3.*/site-packages/front_connector-*.dist-info/uv_cache.json \
 && sed -i '/uv_cache\.json/d' lib/python3.*/site-packages/front_connector-*.dist-info/RECORD

FROM ${BASE}
# Nothing is installed in a running container, and a scanner would report pip's own copies of libraries.
RUN python -m pip uninstall --yes --quiet pip && rm -rf /usr/local/lib/python3.*/ensurepip
# The same path as in the build: a virtual environment cannot be moved.
COPY --from=build /opt/front-connector /opt/front-connector
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="front-connector" \
      org.opencontainers.image.description="Moves message and call events from Kafka into Front's Channel API." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
# The revision is shown by /healthz and build_info. HOME: the user has no entry in /etc/passwd, and only /tmp is writable.
ENV PATH="/opt/front-connector/bin:${PATH}" \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SOURCE_REVISION="${REVISION}"
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s CMD ["front-connector", "healthcheck"]
# Exec form: the connector is process 1 and gets SIGTERM itself.
ENTRYPOINT ["front-connector"]
CMD ["run", "--config", "/etc/front-connector/config.yaml"]
