"""Trains one recipe with one seed on one device: the only room that knows PyTorch, and a library on its own."""
