# The image: Python, one virtual environment, no compiler, no root. docs/operations.md shows its use.
ARG PYTHON=3.13

# First stage: a virtual environment with the pinned dependencies and the gateway itself.
FROM python:${PYTHON}-slim AS build
WORKDIR /build
RUN python -m venv /opt/stagegate
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY gateway/ gateway/
RUN /opt/stagegate/bin/python -m pip install --no-cache-dir --only-binary=:all: \
        --constraint constraints.txt . \
    && /opt/stagegate/bin/python -m pip uninstall --yes --quiet pip

# Second stage: what runs.
FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="Stagegate" \
      org.opencontainers.image.description="Amazon API Gateway's deployment model, run by anyone." \
      org.opencontainers.image.licenses="Apache-2.0"
# A number is enough for a user: nothing here looks up a name.
RUN install -d -m 0755 /etc/stagegate \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/stagegate
COPY --from=build /opt/stagegate /opt/stagegate
ENV PATH=/opt/stagegate/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/stagegate
VOLUME ["/var/lib/stagegate"]
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/healthz', timeout=2)"]
# Exec form: TERM reaches the supervisor, which drains and exits.
ENTRYPOINT ["stagegate"]
CMD ["run", "--config", "/etc/stagegate", "--data", "/var/lib/stagegate", "--listen", "0.0.0.0:8080"]
