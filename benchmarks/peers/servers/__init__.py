"""The peers' servers, each a program of its own: `python -m benchmarks.peers.servers.NAME`."""
