"""The service on one machine: its start, its end, and the cleanup after a dead one."""
