"""The table of all methods that the exchange knows, shared by the REST API and the WebSocket API."""

from actors.exchange.account_queries import ACCOUNT_QUERY_METHODS
from actors.exchange.amend_methods import AMEND_METHODS
from actors.exchange.list_methods import LIST_METHODS
from actors.exchange.market_methods import MARKET_METHODS
from actors.exchange.opo_methods import OPO_METHODS
from actors.exchange.query_methods import QUERY_METHODS
from actors.exchange.replace_methods import REPLACE_METHODS
from actors.exchange.session_methods import SESSION_METHODS
from actors.exchange.trading_methods import TRADING_METHODS
from actors.exchange.window_methods import WINDOW_METHODS

METHODS = (
    *MARKET_METHODS,
    *WINDOW_METHODS,
    *TRADING_METHODS,
    *QUERY_METHODS,
    *ACCOUNT_QUERY_METHODS,
    *AMEND_METHODS,
    *REPLACE_METHODS,
    *LIST_METHODS,
    *OPO_METHODS,
    *SESSION_METHODS,
)
