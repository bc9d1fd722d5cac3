"""How large the service's images are, and whether the one for CPUs runs without any privilege."""
