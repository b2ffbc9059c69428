"""gunicorn's configuration, the same under `alignui start` and in a container.

gunicorn --config python:alignui.web_server alignui.wsgi:application
"""

import os
from pathlib import Path

from alignui.embedded import paths

paths.make_folders(paths.var_dir())

bind = os.environ.get("ALIGNUI_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("ALIGNUI_WEB_WORKERS", "2"))
# More of them wait for each other: at eight a judgment costs a fifth more of the processor.
threads = int(os.environ.get("ALIGNUI_WEB_THREADS", "4"))
worker_class = "gthread"
# One import for all workers: half the memory and half the start on two cores.
preload_app = True
timeout = 60
graceful_timeout = 8
keepalive = 15
loglevel = "warning"
accesslog = "-" if os.environ.get("ALIGNUI_ACCESS_LOG") else None
errorlog = "-"
control_socket_disable = True
# The heartbeat file must not wait for a slow disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
