# One image for every process of the product: `serve`, `publish_events` and the one-time commands.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app

# Before the code, so that a change of it does not install everything again. Every package comes as a wheel.
COPY requirements/base.txt requirements/constraints.txt requirements/
RUN pip install --only-binary :all: -r requirements/base.txt -c requirements/constraints.txt

COPY . .
# Compiled once here instead of at every start of a container, whose user may not write.
RUN python -m compileall -q csms tenants chargepoints sessions_app ocpp_gateway events \
    && useradd --system --uid 10001 --no-create-home csms

USER csms

# Inside the container; where it can be reached from outside is for docker-compose.yml to say.
ENV HTTP_HOST=0.0.0.0 \
    HTTP_PORT=8081 \
    LOG_FORMAT=json
EXPOSE 8081

# For `serve`; the other commands switch it off in docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"HTTP_PORT\"]}/healthz', timeout=2)"]

# `docker stop` sends SIGTERM and kills after 10 seconds; a drain may take 30: see stop_grace_period.
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]
