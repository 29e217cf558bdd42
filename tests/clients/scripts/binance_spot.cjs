/* The npm package @binance/spot, Binance's own: REST, streams that come back after five seconds, orders and user events on
   the WebSocket API. Numbers go out as the numbers that they are. */

process.env.LOG_LEVEL = "error";
const { Spot } = require("@binance/spot");
const { HMAC, Inbox, REST, STREAMS, SYMBOL, WS_API, below, cut, reported, run, tell } = require("./common.cjs");

run(async () => {
  const signed = { apiKey: HMAC.key, apiSecret: HMAC.secret };
  const client = new Spot({
    configurationRestAPI: { ...signed, basePath: REST, timeout: 5000 },
    configurationWebsocketAPI: { ...signed, wsURL: WS_API },
    configurationWebsocketStreams: { wsURL: STREAMS },
  });
  const rest = client.restAPI;
  const { symbols } = await (await rest.exchangeInfo({ symbol: SYMBOL })).data();
  if (symbols[0].symbol !== SYMBOL) throw new Error(`asked for ${SYMBOL}, told of ${symbols[0].symbol}`);

  const market = new Inbox();
  const streaming = await client.websocketStreams.connect();
  streaming.trade({ symbol: "btcusdt" }).on("message", (trade) => market.put(trade));
  streaming.diffBookDepth({ symbol: "btcusdt", updateSpeed: "100ms" }).on("message", (update) => market.put(update));
  const streams = [await market.wait(({ e }) => e === "trade", 3)];

  const user = new Inbox();
  const session = await client.websocketAPI.connect();
  const subscription = await session.userDataStreamSubscribeSignature();
  subscription.stream.on("message", (event) => user.put(event));
  const book = await (await rest.depth({ symbol: SYMBOL, limit: 5 })).data();
  const price = Number(below(book.bids[0][0]));
  const limit = { symbol: SYMBOL, side: "BUY", type: "LIMIT", timeInForce: "GTC", price };
  const resting = (await session.orderPlace({ ...limit, quantity: 0.001 })).data;
  const replaced = await session.orderCancelReplace({
    ...limit,
    quantity: 0.002,
    cancelReplaceMode: "STOP_ON_FAILURE",
    cancelOrderId: resting.orderId,
  });
  const renewed = replaced.data.newOrderResponse;
  await rest.deleteOrder({ symbol: SYMBOL, orderId: renewed.orderId });
  await cut();
  market.clear();
  streams.push(await market.wait(({ e }) => e === "trade", 3));
  streams.push(await market.wait(({ e }) => e === "depthUpdate", 3));
  const order = { symbol: SYMBOL, side: "BUY", type: "MARKET", quantity: 0.001 };
  const filled = await (await rest.newOrder(order)).data();
  const events = [];
  await reported(user, events, "TRADE");
  const orders = [];
  for (const { orderId } of [resting, renewed, filled]) {
    orders.push(await (await rest.getOrder({ symbol: SYMBOL, orderId })).data());
  }
  const account = await (await rest.getAccount()).data();
  const trades = await (await rest.myTrades({ symbol: SYMBOL })).data();
  tell(orders, account, trades, events, streams);
});
