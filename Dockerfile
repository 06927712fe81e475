# trader as one user who is not root. What is written goes to the volume at /var/lib/trader, and nowhere else: run it
# with --read-only. See docs/install.md.

# By tag: take the digest of the image you checked, python:3.11-slim@sha256:…, to build the same one again.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /opt/trader \
    && python -m pip install --require-hashes -r requirements-build.lock \
    && /opt/trader/bin/python -m pip install --require-hashes -r requirements.lock
COPY . .
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/trader/bin/python -m pip install --no-deps dist/*.whl \
    && /opt/trader/bin/python -m pip uninstall --yes pip setuptools \
    && /opt/trader/bin/python -m compileall -q /opt/trader/lib

FROM python:3.11-slim
# Only a new, named volume takes its owner from here; for a folder of yours give its owner with --user.
ARG TRADER_UID=10001
RUN install -d -m 0700 -o "$TRADER_UID" -g "$TRADER_UID" /var/lib/trader
COPY --from=build /opt/trader /opt/trader
COPY container/entry.sh /usr/local/bin/entry.sh
# All containers on one volume agree there on who may send.
ENV PATH=/opt/trader/bin:$PATH \
    HOME=/var/lib/trader \
    TRADER_HOME=/var/lib/trader \
    TRADER_RUNTIME_DIR=/var/lib/trader/runtime \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER $TRADER_UID:$TRADER_UID
WORKDIR /var/lib/trader
STOPSIGNAL SIGTERM
# Without a network: no order of unknown fate, no position that nothing protects, books that can be read.
HEALTHCHECK --interval=5m --timeout=30s --start-period=1m --retries=2 \
    CMD ["trader", "status", "--quiet"]
ENTRYPOINT ["entry.sh"]
CMD ["--help"]
