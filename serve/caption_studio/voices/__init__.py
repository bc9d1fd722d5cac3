"""What a caption should be like: words in the prompt, kept controls, checks; pure."""
