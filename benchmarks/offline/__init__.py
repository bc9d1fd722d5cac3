"""`caption-studio batch` against what its two engines give when they share the machine alone."""
