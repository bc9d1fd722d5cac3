"""Results and captions → one HTML file that needs no other."""
