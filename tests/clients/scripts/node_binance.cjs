/* The npm package binance: REST, streams with their own reconnection, orders and user events on the WebSocket API. */

const { MainClient, WebsocketAPIClient, WebsocketClient } = require("binance");
const { ED25519, Inbox, REST, STREAMS, SYMBOL, below, cut, reported, run, tell } = require("./common.cjs");

const keys = { api_key: ED25519.key, api_secret: ED25519.secret };
const quiet = { trace() {}, info() {}, error: console.error };
const isTrade = (message) => message.e === "trade";

run(async () => {
  const rest = new MainClient({ ...keys, baseUrl: REST });
  await rest.getExchangeInfo({ symbol: SYMBOL });
  const market = new Inbox();
  const client = new WebsocketClient({ wsUrl: STREAMS }, quiet);
  client.on("exception", () => {});
  client.on("message", (message) => market.put(message));
  client.subscribe(["btcusdt@trade"], "main");
  const streams = [await market.wait(isTrade, 3)];
  const book = await rest.getOrderBook({ symbol: SYMBOL, limit: 5 });
  const price = below(book.bids[0][0]);

  const api = new WebsocketAPIClient({ ...keys, wsUrl: STREAMS, attachEventListeners: false }, quiet);
  const user = new Inbox();
  api.getWSClient().on("exception", () => {});
  api.getWSClient().on("message", (message) => user.put(message.event ?? message));
  await api.subscribeUserDataStream("mainWSAPI");
  const limit = { symbol: SYMBOL, side: "BUY", type: "LIMIT", timeInForce: "GTC", price };
  // This client leaves the time of a request on a session to its caller.
  const first = { ...limit, quantity: "0.001", timestamp: Date.now() };
  const resting = (await api.submitNewSpotOrder(first)).result;
  const replaced = await api.cancelReplaceSpotOrder({
    ...limit,
    quantity: "0.002",
    cancelReplaceMode: "STOP_ON_FAILURE",
    cancelOrderId: resting.orderId,
    timestamp: Date.now(),
  });
  const renewed = replaced.result.newOrderResponse;
  await rest.cancelOrder({ symbol: SYMBOL, orderId: renewed.orderId });
  await cut();
  market.clear();
  streams.push(await market.wait(isTrade, 3));
  const order = { symbol: SYMBOL, side: "BUY", type: "MARKET", quantity: "0.001" };
  const filled = (await api.submitNewSpotOrder({ ...order, timestamp: Date.now() })).result;
  const events = [];
  await reported(user, events, "TRADE");
  const orders = [];
  for (const { orderId } of [resting, renewed, filled]) {
    orders.push(await rest.getOrder({ symbol: SYMBOL, orderId }));
  }
  const account = await rest.getAccountInformation();
  tell(orders, account, await rest.getAccountTradeList({ symbol: SYMBOL }), events, streams);
});
