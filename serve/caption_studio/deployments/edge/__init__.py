"""In front of the gateways: HAProxy, and middleware around Serve's HTTP server."""
