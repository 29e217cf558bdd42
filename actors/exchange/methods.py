"""The table of all methods that the exchange knows, shared by the REST API and the WebSocket API."""

from actors.exchange.amend_methods import AMEND_METHODS
from actors.exchange.market_methods import MARKET_METHODS
from actors.exchange.session_methods import SESSION_METHODS
from actors.exchange.trading_methods import TRADING_METHODS

METHODS = (*MARKET_METHODS, *TRADING_METHODS, *AMEND_METHODS, *SESSION_METHODS)
