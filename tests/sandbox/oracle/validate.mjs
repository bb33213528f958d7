// SPDX-License-Identifier: Apache-2.0
//
// node validate.mjs <folder with node_modules> <url of a sandbox>: its document is OpenAPI 3.1,
// each example fits the schema that stands beside it, and the sandbox answers and sends webhooks as
// the document says.

import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, url] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const validators = pathToFileURL(
  `${folder}/node_modules/@seriousme/openapi-schema-validator/index.js`,
);
const { Validator } = await import(validators);
const Ajv = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;

const text = await (await fetch(`${url}/openapi.json`)).text();
const document = JSON.parse(text);
const wrong = [];

const found = await new Validator().validate(text);
if (!found.valid) wrong.push(JSON.stringify(found.errors));
if (document.openapi !== "3.1.0") wrong.push(`openapi: ${document.openapi}`);

const base = "http://parley.test/";
const ajv = addFormats(new Ajv({ strict: true, strictTypes: false, allErrors: true }));
ajv.addKeyword("components");
ajv.addSchema({ $id: base, components: document.components });
// References of the document are relative to it.
const absolute = (value) => JSON.parse(JSON.stringify(value).replaceAll('"#/', `"${base}#/`));
const check = (schema, value, what) => {
  const fits = ajv.compile(absolute(schema));
  if (!fits(value)) wrong.push(`${what}: ${ajv.errorsText(fits.errors)}`);
};

// Examples, wherever they are: of media types, parameters and headers.
let examples = 0;
const walk = (value, path) => {
  if (value === null || typeof value !== "object") return;
  if (value.schema) {
    for (const [name, each] of Object.entries(value.examples ?? {})) {
      examples += 1;
      check(value.schema, each.value, `${path} ${name}`);
    }
    if (value.example !== undefined) {
      examples += 1;
      check(value.schema, value.example, path);
    }
  }
  for (const [name, member] of Object.entries(value)) walk(member, `${path}/${name}`);
};
walk(document, "");
if (examples < 50) wrong.push(`only ${examples} examples`);

// Responses, each held against its operation.
let responses = 0;
let events = 0;
const resolve = (value) =>
  value?.$ref ? value.$ref.slice(2).split("/").reduce((at, name) => at[name], document) : value;
const ask = async (method, path, { template = path, body, headers = {} } = {}) => {
  const response = await fetch(url + path, {
    method,
    headers: {
      Authorization: "Bearer test_valid",
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const what = `${method} ${path} ${response.status}`;
  const received = await response.text();
  responses += 1;
  const operation = document.paths[template][method.toLowerCase()];
  const told = resolve(operation.responses[response.status]);
  if (!told) return wrong.push(`${what} is not in the document`), undefined;
  for (const [name, header] of Object.entries(told.headers ?? {})) {
    if (name === "X-Request-Id" && !response.headers.has(name)) wrong.push(`${what}: no ${name}`);
    if (response.headers.has(name) && resolve(header).schema.type === "string") {
      check(resolve(header).schema, response.headers.get(name), `${what} ${name}`);
    }
  }
  const type = (response.headers.get("content-type") ?? "").split(";")[0];
  if (!told.content) {
    if (received !== "") wrong.push(`${what}: a body`);
    return undefined;
  }
  if (!told.content[type]) return wrong.push(`${what}: ${type}`), undefined;
  if (type !== "application/json") return received;
  const json = JSON.parse(received);
  check(told.content[type].schema, json, what);
  return json;
};

const call = { template: "/v1/calls/{id}" };
const dial = { from_number: "+14155551234", to_number: "+14155556789" };
const key = { "Idempotency-Key": "k" };
const placed = await ask("POST", "/v1/calls/dial", { body: dial, headers: key });
await ask("POST", "/v1/calls/dial", { body: dial, headers: key });
const another = { ...dial, to_number: "+14155550000" };
await ask("POST", "/v1/calls/dial", { body: another, headers: key });
const busy = { caller_id: "+14155551234", destination: "+12025550116" };
await ask("POST", "/v1/calls", { body: busy });
for (let row = 1; row <= 33; row += 1) {
  const to_number = `+120255501${String(row).padStart(2, "0")}`;
  await ask("POST", "/v1/calls/dial", { body: { ...dial, to_number } });
}
for (const number of [45, 46, 48, 49]) {
  await ask("POST", "/v1/calls/dial", { body: { ...dial, to_number: `+120255501${number}` } });
}
const id = placed?.data?.call_id;
await ask("PATCH", `/v1/calls/${id}`, { ...call, body: { metadata: { a: "b" } } });
await ask("PATCH", `/v1/calls/${id}`, { ...call, body: { metadata: 1 } });
await ask("DELETE", `/v1/calls/${id}`, call);
await ask("GET", `/v1/calls/${id}`, call);
await ask("GET", "/v1/calls/none", call);
await ask("GET", "/v1/calls?limit=1", { template: "/v1/calls" });
await ask("GET", "/v1/calls?limit=0", { template: "/v1/calls" });
await ask("GET", "/v1/calls", { headers: { Authorization: "none" } });
await ask("POST", "/sandbox/clock/advance", { body: { seconds: 1 } });
await ask("POST", "/sandbox/clock/advance", { body: {} });
await ask("GET", "/v1/calls");
await ask("GET", "/v1/webhook");
const receiver = createServer(async (request, response) => {
  const parts = [];
  for await (const each of request) parts.push(each);
  response.writeHead(204).end();
  receiver.emit("delivery", request.headers, JSON.parse(Buffer.concat(parts).toString()));
});
receiver.listen(0, "127.0.0.1");
await once(receiver, "listening");
const hooks = `http://127.0.0.1:${receiver.address().port}/hooks`;
for (const body of [{ url: hooks }, { url: "ftp://a" }, { secret: "x" }]) {
  await ask("PUT", "/v1/webhook", { body });
}
await ask("GET", "/v1/webhook");
const told = document.webhooks["phone_call.ended"].post;
for (const to_number of ["+12025550100", "+12025550116"]) {
  const delivery = once(receiver, "delivery");
  await ask("POST", "/v1/calls/dial", { body: { ...dial, to_number } });
  await ask("POST", "/sandbox/clock/advance", { body: { seconds: 1 } });
  const [headers, event] = await delivery;
  check(told.requestBody.content["application/json"].schema, event, "phone_call.ended");
  for (const { name, schema } of told.parameters) check(schema, headers[name], name);
  events += 1;
}
receiver.close();
receiver.closeAllConnections();
await ask("DELETE", "/v1/webhook");
await ask("DELETE", "/v1/webhook", { headers: { Authorization: "none" } });
for (const [, each] of Object.entries(
  document.paths["/sandbox/faults"].post.requestBody.content["application/json"].examples,
)) {
  await ask("POST", "/sandbox/faults", { body: each.value });
}
await ask("POST", "/sandbox/faults", { body: { fault: "x" } });
for (const fault of ["webhook_delay", "webhook_duplicate", "webhook_reorder"]) {
  await ask("POST", "/sandbox/faults", { body: { route: "webhook", fault } });
}
await ask("GET", "/");
await ask("GET", "/openapi.json");
for (const name of ["magic", "requests", "faults"]) await ask("GET", `/sandbox/${name}`);
await ask("DELETE", "/sandbox/faults");
await ask("POST", "/sandbox/reset");

for (const each of wrong) console.error(each);
console.log(
  `${examples} examples, ${responses} responses, ${events} events, ${wrong.length} faults`,
);
process.exit(wrong.length === 0 ? 0 : 1);
