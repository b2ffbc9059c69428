"""Language models, reward heads and acquisition: torch and numpy, no database."""

import os

# Threads of torch that wait for one another sleep rather than spin. Read once, when torch is first
# imported: beside other busy processes the same work then takes a third of the time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
