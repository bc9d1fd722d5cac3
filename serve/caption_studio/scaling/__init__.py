"""How many replicas each deployment needs: the scaling policy, without Serve."""
