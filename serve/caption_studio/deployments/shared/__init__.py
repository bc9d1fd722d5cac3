"""State that replicas share through Ray: added adapters, the keys' ledger, metrics."""
