"""Gateways: the actors that hold keys and talk to a venue's order API."""
