"""The page at `/` and the reference at `/docs`, in a real browser (Chromium)."""
