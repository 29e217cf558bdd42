"""A Binance Spot exchange on loopback: matching, accounts and filters in plain code, and the server around them."""
