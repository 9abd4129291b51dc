"""Arithmetic: what a model needs, what a machine has, and what fits. Nothing here reads a machine or the
network."""
