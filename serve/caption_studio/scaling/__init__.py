"""How many replicas each stage needs (policy), and its simulation at sizes we cannot run."""
