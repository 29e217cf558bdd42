"""Strategies: they decide; everything else is done for them."""
