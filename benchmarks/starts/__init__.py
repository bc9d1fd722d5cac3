"""What a start of the service costs: seconds, and processor seconds of each process."""
