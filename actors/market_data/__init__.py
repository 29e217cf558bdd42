"""Feeds: the actors that read a venue's market streams and keep its order books."""
