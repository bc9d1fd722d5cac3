"""What no caption may say."""
