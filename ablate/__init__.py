"""Ablation studies of image classifiers: one TOML file in, trained variants, verdicts and a report out."""
