"""Composition roots: what the scripts in bin/ hand over to."""
