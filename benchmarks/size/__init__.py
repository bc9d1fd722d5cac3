"""Serve's controller, handles and HAProxy with as many replicas as this machine holds."""
