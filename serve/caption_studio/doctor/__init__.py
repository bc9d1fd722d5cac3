"""`caption-studio doctor`: what of a machine keeps the service from starting, or makes it slow."""
