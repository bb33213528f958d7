// SPDX-License-Identifier: Apache-2.0
//
// node webhooks.mjs <folder with node_modules> <url of a sandbox>: a server of Node's own takes the
// webhooks of a running sandbox, and the JavaScript library of Standard Webhooks verifies each.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { once } from "node:events";

const [folder, url] = process.argv.slice(2);
const { Webhook, WebhookVerificationError } =
  createRequire(`${folder}/package.json`)("standardwebhooks");

const wrong = [];
const expect = (is_so, ...what) => is_so || wrong.push(what.join(" "));

// What came and was not looked at yet, and what is answered to the next ones before 204.
const deliveries = [];
const answers = [];
const receiver = createServer(async (request, response) => {
  const parts = [];
  for await (const each of request) parts.push(each);
  deliveries.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
  response.writeHead(answers.shift() ?? 204).end();
  receiver.emit("delivery");
});
receiver.listen(0, "127.0.0.1");
await once(receiver, "listening");
const hooks = `http://127.0.0.1:${receiver.address().port}/hooks?from=sandbox`;

async function ask(method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: "Bearer test_valid", "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  expect(response.ok, method, path, response.status, text);
  return text === "" ? undefined : JSON.parse(text).data;
}
const place = async () => {
  const numbers = { from_number: "+14155551234", to_number: "+12025550116" };
  return (await ask("POST", "/v1/calls/dial", numbers)).call_id;
};
const advance = (seconds) => ask("POST", "/sandbox/clock/advance", { seconds });
const add_rule = (fault) =>
  ask("POST", "/sandbox/faults", { route: "webhook", fault, times: 1 });
async function next() {
  while (deliveries.length === 0) await once(receiver, "delivery");
  return deliveries.shift();
}

let secret;
let verified = 0;
// What the library makes of a delivery; it looks at the time, too.
function verify({ headers, body }) {
  try {
    const event = new Webhook(secret).verify(body, headers);
    verified += 1;
    expect(event.type === "phone_call.ended", "an event of type", event.type);
    expect(event.id === headers["webhook-id"], event.id, "is not", headers["webhook-id"]);
    expect(event.data.status === "busy", "a call that is", event.data.status);
    return event.data.id;
  } catch (e) {
    wrong.push(`${e} ${JSON.stringify(headers)} ${body}`);
    return undefined;
  }
}

// A secret that the sandbox made, and one that it was given.
for (const given of [{}, { secret: `whsec_${btoa("n".repeat(24))}` }]) {
  secret = (await ask("PUT", "/v1/webhook", { url: hooks, ...given })).secret;
  const id = await place();
  await advance(1);
  const first = await next();
  expect(verify(first) === id, "not of the call", id);

  // It does say no: what it takes above is no accident.
  for (const changed of [{ ...first, body: `${first.body} ` },
    { ...first, headers: { ...first.headers, "webhook-id": "evt_other" } }]) {
    try {
      new Webhook(secret).verify(changed.body, changed.headers);
      wrong.push("the library takes anything");
    } catch (e) {
      if (!(e instanceof WebhookVerificationError)) throw e;
    }
  }
}

// Refused twice, it comes again under its id, each time signed anew.
answers.push(500, 503);
const refused = await place();
await advance(1);
const ids = new Set();
for (let i = 0; i < 3; i += 1) {
  while (deliveries.length === 0) {
    await advance(1);
    await new Promise(setImmediate);
  }
  const delivery = await next();
  ids.add(delivery.headers["webhook-id"]);
  expect(verify(delivery) === refused, "not of the call", refused);
}
expect(ids.size === 1, "several ids:", ...ids);

// Twice, and out of order.
await add_rule("webhook_duplicate");
const twice = await place();
await advance(1);
for (let i = 0; i < 2; i += 1) expect(verify(await next()) === twice, "not twice", twice);
await add_rule("webhook_reorder");
const late = await place();
const early = await place();
await advance(1);
for (const id of [early, late]) expect(verify(await next()) === id, "out of order:", id);

// A day later for the sandbox it is still now for the receiver.
await advance(86_400);
const tomorrow = await place();
await advance(1);
expect(verify(await next()) === tomorrow, "not of the call", tomorrow);

receiver.close();
receiver.closeAllConnections();
for (const each of wrong) console.error(each);
console.log(`${verified} deliveries verified, ${wrong.length} faults`);
process.exit(wrong.length === 0 && deliveries.length === 0 ? 0 : 1);
