"""How a decoded picture best travels from a gateway to a describer (two Serve replicas)."""
