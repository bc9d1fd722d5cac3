"""Results → what people and CI read: tables, files, a page, plots, a comparison of two runs."""
