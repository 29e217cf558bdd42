/* The npm package binance: REST, streams with their own reconnection, orders and user events on the WebSocket API. */

const { MainClient, WebsocketAPIClient, WebsocketClient } = require("binance");

const SYMBOL = "BTCUSDT";
const REST = process.env.EXCHANGE_REST;
const WS = process.env.EXCHANGE_STREAMS;
const keys = {
  api_key: process.env.EXCHANGE_ED25519_API_KEY,
  api_secret: process.env.EXCHANGE_ED25519_PRIVATE_KEY,
};
const quiet = { trace() {}, info() {}, error: console.error };

/* Every connection of market streams is reset, as by a network that fails. */
async function cut() {
  const faults = [{ kind: "sockets_dropped", channel: "market", reset: true }];
  const address = `${process.env.EXCHANGE_CONTROL}/faults`;
  await fetch(address, { method: "POST", body: JSON.stringify({ faults }) });
}

/* Resolves once `test` has been true for one of the messages that come from now on. */
function heard(client, test) {
  return new Promise((resolve) => {
    const listen = (message) => {
      if (test(message)) {
        client.off("message", listen);
        resolve(message);
      }
    };
    client.on("message", listen);
  });
}

async function trades(client, count) {
  for (let seen = 0; seen < count; seen += 1) await heard(client, (message) => message.e === "trade");
  return count;
}

async function main() {
  const rest = new MainClient({ ...keys, baseUrl: REST });
  await rest.getExchangeInfo({ symbol: SYMBOL });
  const market = new WebsocketClient({ wsUrl: WS }, quiet);
  market.on("exception", () => {});
  market.subscribe(["btcusdt@trade"], "main");
  const streams = [await trades(market, 3)];
  const book = await rest.getOrderBook({ symbol: SYMBOL, limit: 5 });
  const price = (Number(book.bids[0][0]) * 0.9).toFixed(2);

  const api = new WebsocketAPIClient({ ...keys, wsUrl: WS, attachEventListeners: false }, quiet);
  const user = api.getWSClient();
  const events = [];
  user.on("exception", () => {});
  user.on("message", (message) => {
    const event = message.event ?? message;
    if (event.e === "executionReport") events.push([Number(event.i), event.x]);
  });
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
  streams.push(await trades(market, 3));
  const order = { symbol: SYMBOL, side: "BUY", type: "MARKET", quantity: "0.001" };
  const filled = (await api.submitNewSpotOrder({ ...order, timestamp: Date.now() })).result;
  while (!events.some(([, kind]) => kind === "TRADE")) {
    await heard(user, () => true);
  }
  const orders = [];
  for (const each of [resting, renewed, filled]) {
    orders.push(await rest.getOrder({ symbol: SYMBOL, orderId: each.orderId }));
  }
  const account = await rest.getAccountInformation();
  const own = await rest.getAccountTradeList({ symbol: SYMBOL });
  const seen = {
    orders: orders.map((each) => [each.orderId, each.status, each.executedQty]),
    balances: Object.fromEntries(account.balances.map((each) => [each.asset, [each.free, each.locked]])),
    trades: own.map((each) => each.id),
    events: events.sort((one, other) => one[0] - other[0] || (one[1] < other[1] ? -1 : 1)),
    streams,
  };
  process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
