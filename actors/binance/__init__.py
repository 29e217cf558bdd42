"""The one fence around python-binance: its types and its failures never leave this folder."""
