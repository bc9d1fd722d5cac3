"""Calls → replicas: equal pictures go to one describer, an adapter to one captioner."""
