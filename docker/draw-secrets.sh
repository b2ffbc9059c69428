#!/bin/sh
# Prints an environment file with fresh secrets: (umask 077; sh docker/draw-secrets.sh > docker/.env)
# Run it once: with another POSTGRES_PASSWORD an existing database refuses its own application.
set -eu
draw() { head -c 36 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
cat <<END
POSTGRES_PASSWORD=$(draw)
REDIS_PASSWORD=$(draw)
ALIGNUI_SECRET_KEY=$(draw)$(draw)
ALIGNUI_METRICS_TOKEN=$(draw)
ALIGNUI_ALLOWED_HOSTS=127.0.0.1
ALIGNUI_CSRF_TRUSTED_ORIGINS=
ALIGNUI_BEHIND_TLS=0
END
