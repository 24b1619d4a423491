# The image of every Airflow service in docker-compose.yaml: Airflow, the locked requirements, Stage Gate, and Chromium
# with fonts for the checks that open pages (400 MB of it; without them these checks are inconclusive and say so).
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini chromium fonts-liberation fonts-noto-core \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 50000 --gid 0 --home-dir /opt/airflow --create-home airflow \
    && useradd --uid 50001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin suites \
    && useradd --uid 50002 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin browser

ENV AIRFLOW_HOME=/opt/airflow \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /opt/stage-gate
COPY requirements-compose.lock ./
RUN pip install --no-compile --require-hashes --requirement requirements-compose.lock \
    && { python -m compileall -qq -j 0 "$(python -c 'import airflow, os; print(os.path.dirname(os.path.dirname(airflow.__file__)))')" || true; }

COPY pyproject.toml README.md LICENSE ./
COPY plugins ./plugins
RUN pip install --no-deps --no-build-isolation .

# Named volumes take over owner and mode of these folders.
COPY dags /opt/airflow/dags
RUN mkdir -p /opt/airflow/evidence /opt/airflow/logs /opt/airflow/plugins \
    && chown -R 50000:0 /opt/airflow \
    && chmod 0711 /opt/airflow && chmod 0700 /opt/airflow/evidence /opt/airflow/logs
USER 50000
WORKDIR /opt/airflow
ENTRYPOINT ["tini", "--"]
CMD ["airflow", "version"]
