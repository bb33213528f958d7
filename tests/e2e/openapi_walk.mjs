// SPDX-License-Identifier: Apache-2.0
//
// node openapi_walk.mjs <url of a sandbox>: as openapi_walk.py, by what a browser has: fetch. It
// knows the API from /openapi.json alone, visits each operation, and holds each answer against what
// the document says of it.

import { isDeepStrictEqual } from "node:util";

const url = process.argv[2];
const methods = ["get", "put", "post", "patch", "delete", "head", "options"];
const document = await (await fetch(`${url}/openapi.json`)).json();
const operations = new Map();
for (const [path, item] of Object.entries(document.paths)) {
  for (const method of methods.filter((each) => each in item)) {
    operations.set(item[method].operationId, { method, path, ...item[method] });
  }
}

let wrong = [];
let answers = 0;
const visited = new Set();
const text_of = (what) => (typeof what === "string" ? what : JSON.stringify(what));
const complain = (...what) => wrong.push(what.map(text_of).join(" "));
const expect = (is_so, ...what) => is_so || complain(...what);
const expect_equal = (got, wanted, what) =>
  expect(isDeepStrictEqual(got, wanted), what, "is", got, "and not", wanted);

function resolve(value) {
  if (value.$ref === undefined) return value;
  const names = value.$ref.slice("#/".length).split("/");
  return resolve(names.reduce((at, name) => at[name], document));
}

function type_names(value) {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  if (Number.isInteger(value)) return ["integer", "number"];
  return [typeof value];
}

// The keywords that a client would rely on; all others are left to a validator.
function check(given, value, where) {
  const schema = resolve(given);
  if (schema.anyOf) {
    const before = wrong;
    const found = schema.anyOf.map((each) => {
      wrong = [];
      check(each, value, where);
      return wrong;
    });
    wrong = before;
    expect(found.some((each) => each.length === 0), where, "fits none:", found);
  }
  if ("const" in schema) expect_equal(value, schema.const, where);
  if (schema.enum) expect(schema.enum.includes(value), where, "is", value);
  if (schema.type) {
    const is_one = type_names(value).some((each) => [schema.type].flat().includes(each));
    expect(is_one, where, "is a", type_names(value), "and not", schema.type);
  }
  if (Array.isArray(value)) {
    for (const [at, each] of value.entries()) check(schema.items ?? {}, each, `${where}[${at}]`);
  } else if (value !== null && typeof value === "object") {
    for (const name of schema.required ?? []) expect(name in value, where, "has no", name);
    for (const [name, each] of Object.entries(value)) {
      const known = schema.properties?.[name] ?? schema.additionalProperties ?? true;
      expect(known !== false, where, "has", name);
      if (typeof known === "object") check(known, each, `${where}.${name}`);
    }
  }
}

// All parameters of an operation by name: those of its path count, too.
function parameters(name) {
  const { path, parameters: own = [] } = operations.get(name);
  const all = [...(document.paths[path].parameters ?? []), ...own].map(resolve);
  return Object.fromEntries(all.map((each) => [each.name, each]));
}

function body_examples(name) {
  const media = resolve(operations.get(name).requestBody).content["application/json"];
  const examples = Object.values(media.examples).map((each) => each.value);
  for (const each of examples) check(media.schema, each, `an example of ${name}`);
  return examples;
}

const needs_a_key = (name) => (operations.get(name).security ?? document.security).length > 0;

// One request; what is given beside body and key has to be a parameter of the operation.
async function ask(name, wanted, { body, has_key = true, ...given } = {}) {
  const operation = operations.get(name);
  const target = new URL(operation.path.replace(/\{(\w+)\}/g, (_, of) => given[of]), url);
  const headers = {};
  for (const [key, value] of Object.entries(given)) {
    const place = parameters(name)[key]?.in;
    expect(place !== undefined, name, "has no parameter", key);
    if (place === "query") target.searchParams.set(key, value);
    if (place === "header") headers[key] = value;
  }
  if (has_key && needs_a_key(name)) headers.Authorization = "Bearer test_valid";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(target, {
    method: operation.method.toUpperCase(),
    headers,
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const got = { status: response.status, headers: response.headers, value: undefined };

  answers += 1;
  if (response.ok) visited.add(name);  // a refusal alone is no visit
  const where = `${name} ${response.status}`;
  expect(response.status === wanted, where, "and not", wanted, text);
  if (!(response.status in operation.responses)) {
    complain(where, "is not in the document");
    return got;
  }
  const told = resolve(operation.responses[response.status]);
  expect(response.headers.has("X-Request-Id"), where, "has no X-Request-Id");
  for (const [header, described] of Object.entries(told.headers ?? {})) {
    const { schema } = resolve(described);
    const value = response.headers.get(header);
    if (value !== null && schema.type === "string") check(schema, value, `${where} ${header}`);
  }
  if (told.content === undefined) {
    expect(text === "", where, "has a body:", text);
    return got;
  }
  const media_type = (response.headers.get("Content-Type") ?? "").split(";")[0];
  if (!(media_type in told.content)) {
    complain(where, "is", media_type);
    return got;
  }
  got.value = media_type === "application/json" ? JSON.parse(text) : text;
  check(told.content[media_type].schema, got.value, where);
  return got;
}
const value_of = async (...request) => (await ask(...request)).value;

async function refuse_without_a_key() {
  for (const [name, { path }] of operations) {
    if (!needs_a_key(name)) continue;
    const id = path.includes("{id}") ? { id: "call_0" } : {};
    const refusal = await value_of(name, 401, { has_key: false, ...id });
    expect_equal(refusal.error.code, "unauthorized", name);
  }
}

async function set_webhooks() {
  for (const body of body_examples("setWebhook")) {
    const made = await value_of("setWebhook", 200, { body });
    expect_equal(made.data.url, body.url, "the webhook");
    expect_equal(await value_of("getWebhook", 200), made, "the webhook that is kept");
  }
  // It leads nowhere, so it goes before there are calls.
  await ask("removeWebhook", 204);
  await ask("getWebhook", 404);
}

async function place_calls() {
  const placed = [];
  for (const name of ["dialCall", "createCall"]) {
    for (const body of body_examples(name)) {
      placed.push((await value_of(name, 202, { body })).data.call_id);
    }
  }
  const key = { "Idempotency-Key": parameters("dialCall")["Idempotency-Key"].example };
  const [body, other] = body_examples("dialCall");
  const first = await ask("dialCall", 202, { body, ...key });
  const again = await ask("dialCall", 202, { body, ...key });
  const id = first.headers.get("X-Request-Id");
  expect_equal(first.headers.get("Idempotency-Replay"), null, "a replay of the first");
  expect_equal(again.headers.get("Idempotency-Replay"), "true", "a replay of the second");
  expect_equal(again.headers.get("Original-Request-Id"), id, "the original");
  expect(again.headers.get("X-Request-Id") !== id, "the replay has no id of its own");
  expect_equal(again.value, first.value, "the replay");
  const { error } = await value_of("dialCall", 409, { body: other, ...key });
  expect_equal(error.code, "idempotency_conflict", "another body under the key");
  expect_equal(error.fields.conflicts_with, id, "conflicts_with");
  placed.push(first.value.data.call_id);
  return placed;
}

// The ids of all pages, to the one without a cursor.
async function list_calls(order, limit) {
  const ids = [];
  for (let more = {}; ; ) {
    const { data, meta } = await value_of("listCalls", 200, { limit, order, ...more });
    expect(data.length <= limit, "a page of", data.length);
    expect_equal(meta.page_size, limit, "page_size");
    ids.push(...data.map((call) => call.id));
    if (meta.cursor === undefined) {
      expect_equal(meta.total_results, ids.length, "total_results");
      return ids;
    }
    more = { cursor: meta.cursor };
  }
}

async function read_and_change_calls(placed) {
  const { maximum, minimum } = parameters("listCalls").limit.schema;
  for (const limit of [1, 2, maximum]) {
    expect_equal(await list_calls("asc", limit), placed, `asc, by ${limit}`);
    expect_equal((await list_calls("desc", limit)).reverse(), placed, `desc, by ${limit}`);
  }
  await ask("listCalls", 400, { limit: minimum - 1 });
  await ask("listCalls", 400, { cursor: "AQ" });
  const id = placed[0];
  for (const body of body_examples("updateCall")) {
    const updated = await value_of("updateCall", 200, { body, id });
    const kept = Object.entries(body.metadata).filter(([, value]) => value !== null);
    expect_equal(updated.data.metadata, Object.fromEntries(kept), "metadata");
    expect_equal(await value_of("getCall", 200, { id }), updated, "the call that is kept");
  }
  const [body] = body_examples("dialCall");
  const last = (await value_of("dialCall", 202, { body })).data.call_id;
  const canceled = (await value_of("cancelCall", 200, { id: last })).data;
  // Where this machine is slow, it has ended before.
  expect(["canceled", "completed"].includes(canceled.status), "canceled it is", canceled);
  expect("ended_at" in canceled, "it goes on:", canceled);
  for (const name of ["getCall", "cancelCall"]) await ask(name, 404, { id: "call_0" });
}

// Each error and each outcome that the sandbox lists, and a day that passes.
async function walk_the_magic_numbers() {
  const magic = (await value_of("listMagicNumbers", 200)).data;
  const [example] = body_examples("dialCall");
  const outcomes = new Map();
  for (const each of magic) {
    const body = { ...example, to_number: each.destination };
    if (each.result === "error") {
      const { error } = await value_of("dialCall", each.http, { body });
      expect_equal([error.code, error.category], [each.code, each.category], each.destination);
    } else if (each.result === "outcome") {
      outcomes.set((await value_of("dialCall", 202, { body })).data.call_id, each.code);
    }
  }
  let passed = 0;
  for (const body of body_examples("advanceClock")) {
    passed += body.seconds;
    const clock = await value_of("advanceClock", 200, { body });
    expect_equal(clock.data.offset_seconds, passed, "the clock");
  }
  for (const [id, code] of outcomes) {
    expect_equal((await value_of("getCall", 200, { id })).data.failure_code, code, "the outcome");
  }
  expect(magic.length > 40 && outcomes.size > 0, "only", magic);
}

async function use_the_control_routes() {
  const rules = [];
  for (const body of body_examples("addFaultRule")) {
    rules.push((await value_of("addFaultRule", 201, { body })).data);
  }
  expect_equal((await value_of("listFaultRules", 200)).data, rules, "the rules");
  await ask("addFaultRule", 400, { body: { fault: "none such" } });
  await ask("clearFaultRules", 204);
  expect_equal((await value_of("listFaultRules", 200)).data, [], "the rules");
  const journal = await value_of("listRequests", 200);
  expect(journal.meta.total_results > 0 && journal.data.length > 0, "nothing in the journal");
  expect((await value_of("getStatusPage", 200)).includes("<html"), "no page");
  expect_equal(await value_of("getOpenApi", 200), document, "the document");
  await ask("reset", 204);
  expect_equal(await list_calls("desc", 20), [], "the calls");
}

await ask("reset", 204);
await refuse_without_a_key();
await set_webhooks();
await read_and_change_calls(await place_calls());
await walk_the_magic_numbers();
await use_the_control_routes();
for (const name of operations.keys()) expect(visited.has(name), name, "was not visited");
for (const each of wrong) console.log(each);
console.log(`${operations.size} operations, ${answers} answers, ${wrong.length} faults`);
process.exit(wrong.length === 0 ? 0 : 1);
