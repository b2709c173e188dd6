"""Runs as experiment trackers keep them: folders for TensorBoard, MLflow and Weights & Biases."""
