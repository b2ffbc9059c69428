"""AlignUI: human preferences you can trust."""

import os

# Said before numpy is loaded. Its algebra starts a thread for every core in every process, and
# these spin while they wait: a fit takes twice the time, and beside a busy worker 30 times as much.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
