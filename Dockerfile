# docker build --tag streamwatch .
# Two stages: the wheel and its libraries are made in the first, with bytecode, and the second holds nothing else.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS made
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY streamwatch streamwatch
COPY docs/share docs/share
COPY alerts alerts
COPY docs/runbooks docs/runbooks
RUN python -m venv /opt/streamwatch \
 && /opt/streamwatch/bin/python -m pip install --no-cache-dir --no-compile --constraint constraints.txt . \
 && /opt/streamwatch/bin/python -m pip uninstall --yes pip \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/streamwatch/lib

FROM python:${PYTHON}-slim
COPY --from=made /opt/streamwatch /opt/streamwatch
ENV PATH=/opt/streamwatch/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root. It writes to /var/lib/streamwatch and /tmp, and nowhere else.
RUN mkdir -p /var/lib/streamwatch && chown 65532:65532 /var/lib/streamwatch
USER 65532:65532
VOLUME /var/lib/streamwatch
EXPOSE 9308
# Where it listens by default. With TLS, or on another port: `--no-healthcheck`, or a check of your own. ECS and Kubernetes
# have their own, and do not look at this one.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9308/-/healthy', timeout=3)"]
ENTRYPOINT ["streamwatch"]
CMD ["run", "--config", "/etc/streamwatch/config/streamwatch.yaml"]
