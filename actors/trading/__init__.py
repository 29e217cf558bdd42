"""Pure trading cores: what several rooms share, without I/O, clock or randomness."""
