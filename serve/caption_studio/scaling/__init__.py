"""How many replicas each stage needs (policy), and what that gives at sizes we cannot run."""
