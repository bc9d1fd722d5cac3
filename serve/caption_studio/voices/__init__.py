"""What a caption should be like: a template, controls and checks, all of them settings."""
