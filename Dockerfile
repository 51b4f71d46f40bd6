# The image of front-connector: a virtual environment built from uv.lock, run by an unprivileged user.
# Debian's base, not Alpine's: cel-expr-python is published for glibc only.
# A release pins the base by digest: --build-arg BASE=python:3.12-slim@sha256:...
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
# The version that wrote uv.lock.
ARG UV_VERSION=0.13.9
RUN pip install --no-cache-dir "uv==${UV_VERSION}"
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/front-connector
WORKDIR /src
# Dependencies first: they change less often than the code, so this layer is used again.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-install-project
COPY README.md LICENSE ./
COPY connector ./connector
COPY schemas ./schemas
RUN uv sync --locked --no-dev --no-editable

FROM ${BASE}
ARG VERSION=0.0.0
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
# The same path as in the build: a virtual environment cannot be moved.
COPY --from=build /opt/front-connector /opt/front-connector
ENV PATH="/opt/front-connector/bin:${PATH}" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s CMD ["front-connector", "healthcheck"]
# Exec form: the connector is process 1 and gets SIGTERM itself.
ENTRYPOINT ["front-connector"]
CMD ["run", "--config", "/etc/front-connector/config.yaml"]
