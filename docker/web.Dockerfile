# The web process and the schedule: no torch, no model, no compiler.
# Build from the repository's root: docker build -f docker/web.Dockerfile -t alignui-web .
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    ALIGNUI_VAR=/var/lib/alignui \
    ALIGNUI_BIND=0.0.0.0:8000

RUN groupadd --system --gid 10001 alignui \
    && useradd --system --uid 10001 --gid alignui --home-dir /var/lib/alignui --shell /usr/sbin/nologin alignui \
    && install -d -o alignui -g alignui -m 700 /var/lib/alignui

# What changes with every commit comes after what does not.
WORKDIR /srv/alignui
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE THIRD_PARTY_NOTICES.md ./
RUN mkdir alignui && touch alignui/__init__.py \
    && pip install -c constraints.txt --editable .
COPY . .
RUN pip install --no-deps --editable . && python -m compileall -q alignui annotation rewardmodel

USER alignui
VOLUME /var/lib/alignui
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:8000/readyz', headers={'Host': 'localhost'}), timeout=4)"]
CMD ["gunicorn", "--config", "python:alignui.web_server", "alignui.wsgi:application"]
