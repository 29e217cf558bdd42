"""The order manager: the only door to a venue. It names, checks, writes down and tracks every order of the bot."""
