"""HTTP in, HTTP out: the edge around the pipeline."""
