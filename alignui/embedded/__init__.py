"""PostgreSQL, Redis and the processes of one machine."""
