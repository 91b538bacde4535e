# An image of flower_ng. Two ways to use it:
#   docker run -p 5555:5555 -e CELERY_BROKER_URL=redis://host:6379/0 IMAGE
#   docker run -p 5555:5555 -v "$PWD:/app" IMAGE celery -A proj flower_ng
# To keep history: -e FLOWER_PERSISTENT=true -v VOLUME:/data
# It builds on the official image of Python; name another, or pin a digest:
#   docker build --build-arg PYTHON=python:3.13-slim@sha256:… .
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS vendor
WORKDIR /build
COPY requirements/node.txt requirements/
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/node.txt
COPY package.json package-lock.json ./
COPY tools/vendor.js tools/
RUN node tools/vendor.js

FROM ${PYTHON} AS install
WORKDIR /build
COPY requirements requirements
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/build.txt \
    && python -m venv /opt/flower_ng \
    && /opt/flower_ng/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
        -r requirements/package.txt
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY flower_ng flower_ng
COPY templates templates
COPY static static
COPY --from=vendor /build/static/vendor static/vendor
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/flower_ng/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM ${PYTHON}
LABEL org.opencontainers.image.title="flower_ng" \
    org.opencontainers.image.description="The dashboard for Celery that keeps up, remembers, and says what is wrong." \
    org.opencontainers.image.licenses="BSD-3-Clause"
COPY --from=install /opt/flower_ng /opt/flower_ng
RUN useradd --uid 10001 --home-dir /app --create-home flower \
    && install --directory --owner=flower --group=flower /data
ENV PATH=/opt/flower_ng/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FLOWER_DB=/data/flower
USER flower
WORKDIR /app
EXPOSE 5555
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["flower-ng", "probe", "--live"]
CMD ["celery", "flower_ng"]
