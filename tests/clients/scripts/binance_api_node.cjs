/* The npm package binance-api-node: REST for all requests, one connection for each stream, user events on the WebSocket API. */

const { default: Binance } = require("binance-api-node");
const { HMAC, Inbox, REST, STREAMS, SYMBOL, WS_API, below, cut, reported, run, tell } = require("./common.cjs");

run(async () => {
  const client = Binance({
    apiKey: HMAC.key,
    apiSecret: HMAC.secret,
    httpBase: REST,
    wsBase: `${STREAMS}/ws`,
    wsApi: WS_API,
    emitSocketOpens: true,
  });
  const [trades, depth, user, opened] = [new Inbox(), new Inbox(), new Inbox(), new Inbox()];
  const { symbols } = await client.exchangeInfo({ symbol: SYMBOL });
  if (symbols[0].symbol !== SYMBOL) throw new Error(`asked for ${SYMBOL}, told of ${symbols[0].symbol}`);
  // It resolves once the subscription is answered; the events come in the venue's own names.
  await client.ws.user(({ type, ...event }) => (type === "open" ? opened : user).put({ e: type, ...event }), false);
  await opened.next();
  client.ws.trades(SYMBOL, (trade) => trades.put(trade));
  client.ws.depth(`${SYMBOL}@100ms`, (update) => depth.put(update));
  const isTrade = (message) => message.eventType === "trade";
  const streams = [await trades.wait(isTrade, 3)];
  const book = await client.book({ symbol: SYMBOL, limit: 5 });
  const limit = {
    symbol: SYMBOL,
    side: "BUY",
    type: "LIMIT",
    timeInForce: "GTC",
    price: below(book.bids[0].price),
  };
  const resting = await client.order({ ...limit, quantity: "0.001" });
  const replaced = await client.updateOrder({ ...limit, quantity: "0.002", cancelOrderId: resting.orderId });
  const renewed = replaced.newOrderResponse;
  await client.cancelOrder({ symbol: SYMBOL, orderId: renewed.orderId });
  await cut("market");
  await cut("websocket_api");
  trades.clear();
  // It subscribes when it is connected anew, and tells of that alone: by three updates of the book later it is answered.
  await opened.next();
  depth.clear();
  streams.push(await trades.wait(isTrade, 3));
  streams.push(await depth.wait((message) => message.eventType === "depthUpdate", 3));
  const filled = await client.order({ symbol: SYMBOL, side: "BUY", type: "MARKET", quantity: "0.001" });
  const events = [];
  await reported(user, events, "TRADE");
  const orders = [];
  for (const { orderId } of [resting, renewed, filled]) {
    orders.push(await client.getOrder({ symbol: SYMBOL, orderId }));
  }
  const account = await client.accountInfo();
  tell(orders, account, await client.myTrades({ symbol: SYMBOL }), events, streams);
});
