"""A study's stored rows, read once and judged: what reports show, and what looks decide by."""
