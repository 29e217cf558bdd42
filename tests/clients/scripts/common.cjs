/* What every Node client's script does alike: where the exchange is, a cut, and the account of what was seen. */

const SYMBOL = "BTCUSDT";
const REST = process.env.EXCHANGE_REST;
const STREAMS = process.env.EXCHANGE_STREAMS;
const WS_API = process.env.EXCHANGE_WS_API;
const HMAC = { key: process.env.EXCHANGE_API_KEY, secret: process.env.EXCHANGE_API_SECRET };
const ED25519 = { key: process.env.EXCHANGE_ED25519_API_KEY, secret: process.env.EXCHANGE_ED25519_PRIVATE_KEY };

/* Every connection of this channel is reset, as by a network that fails. */
async function cut(channel = "market") {
  const faults = [{ kind: "sockets_dropped", channel, reset: true }];
  const address = `${process.env.EXCHANGE_CONTROL}/faults`;
  await fetch(address, { method: "POST", body: JSON.stringify({ faults }) });
}

/* A price so far below that it rests. */
const below = (price) => (Number(price) * 0.9).toFixed(2);

/* Messages in the order they came, for whoever waits for them. */
class Inbox {
  constructor() {
    this.clear();
    this.wake = () => {};
  }

  clear() {
    this.messages = [];
  }

  put(message) {
    this.messages.push(message);
    this.wake();
  }

  async next() {
    while (this.messages.length === 0) {
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
    return this.messages.shift();
  }

  /* Waits for so many messages that pass the test; tells how many. */
  async wait(test, count) {
    for (let seen = 0; seen < count; ) seen += test(await this.next()) ? 1 : 0;
    return count;
  }
}

/* Waits until an execution of this type was reported; `events` are execution reports in the venue's own names. */
async function reported(inbox, events, type) {
  while (!events.some((event) => event.x === type)) {
    const event = await inbox.next();
    if (event.e === "executionReport") events.push(event);
  }
}

/* Prints what was seen, of the venue's answers as they came, and ends the process, whatever the client still has open. */
function tell(orders, account, trades, events, streams) {
  const reports = new Map(events.map((event) => [`${event.i} ${event.x}`, [Number(event.i), event.x]]));
  const seen = {
    orders: orders.map((each) => [Number(each.orderId), each.status, each.executedQty]),
    balances: Object.fromEntries(account.balances.map((each) => [each.asset, [each.free, each.locked]])),
    trades: trades.map((each) => Number(each.id)),
    events: [...reports.values()].sort((one, other) => one[0] - other[0] || (one[1] < other[1] ? -1 : 1)),
    streams,
  };
  process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(0));
}

/* Runs a script; what it throws ends it. */
function run(main) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

module.exports = { ED25519, HMAC, Inbox, REST, STREAMS, SYMBOL, WS_API, below, cut, reported, run, tell };
