// SPDX-License-Identifier: Apache-2.0
//
// node oracle.mjs make <folder with node_modules> <count>: deliveries that the library signed, some
// of them changed then, a line each as exchange.cpp takes them.
// node oracle.mjs check <folder> <deliveries> <answers>: the library judges each of them as we do,
// and takes what we signed.
//
// Bodies are UTF-8, as the library makes text of them.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [command, folder, ...rest] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

// Numbers that are the same in each run (mulberry32).
let state = 1;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
}
const one_of = (all) => all[random(all.length)];
const repeat = (count, make) => Array.from({ length: count }, make);

const id_characters =
  "!#$%&'*+-^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const body_characters = [..."{}[]\":,.\\ \n\tabc019", "\0", "\u00e9", "\u20ac", "\u{1f600}"];

function make_secret() {
  return `whsec_${Buffer.from(repeat(24 + random(41), () => random(256))).toString("base64")}`;
}

// Another character of the alphabet in place of one.
function changed(text, first) {
  const at = first + random(text.length - first);
  const other = one_of([..."ABCxyz019+/="].filter((each) => each !== text[at]));
  return text.slice(0, at) + other + text.slice(at + 1);
}

function make_delivery() {
  const secret = make_secret();
  const id = repeat(1 + random(one_of([8, 40, 256])), () => one_of(id_characters)).join("");
  const now = one_of([1700000000, random(2 ** 32), 253402300799]);
  const tolerances = [0, 1, 299, 300, 301, random(600)];
  let timestamp = Math.max(0, now + one_of([-1, 1]) * one_of(tolerances));
  let body = repeat(random(one_of([4, 60, 400, 4000])), () => one_of(body_characters)).join("");
  const sign = (with_secret) => new Webhook(with_secret).sign(id, new Date(timestamp * 1000), body);
  let signatures = [sign(secret)];
  while (random(3) === 0 && signatures.length < 16) {
    signatures.splice(random(signatures.length + 1), 0, one_of([
      sign(make_secret()), signatures[0].replace(/^v1a?,/, one_of(["v1a,", "v2,"])), "v1,"]));
  }
  switch (random(8)) {
    case 0: signatures = signatures.map((each) => changed(each, 0)); break;
    case 1: body += one_of([" ", "\n", "x"]); break;
    case 2: if (timestamp > 0) timestamp -= 1; break;
    case 3: signatures = signatures.map((each) => each.slice(0, -1)); break;
  }
  const hex = Buffer.from(body).toString("hex");
  return `${secret} ${id} ${timestamp} ${now} x${hex} ${signatures.join(" ")}`;
}

function library_takes(secret, id, timestamp, now, body, signatures) {
  Date.now = () => now * 1000;
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures,
  };
  try {
    new Webhook(secret).verify(body, headers, { jsonParse: false });
    return true;
  } catch (e) {
    if (!(e instanceof WebhookVerificationError)) throw e;
    return false;
  }
}

if (command === "make") {
  process.stdout.write(repeat(Number(rest[0]), () => `${make_delivery()}\n`).join(""));
} else {
  const [deliveries, answers] =
    rest.map((file) => readFileSync(file, "utf8").trimEnd().split("\n"));
  const wrong = [];
  const seen = {};
  if (deliveries.length !== answers.length) wrong.push(`${answers.length} answers`);
  for (const [i, line] of deliveries.entries()) {
    const [secret, id, timestamp, now, hex, ...signatures] = line.split(" ");
    const body = Buffer.from(hex.slice(1), "hex").toString();
    const [verdict, ours] = (answers[i] ?? "").split(" ");
    seen[verdict] = (seen[verdict] ?? 0) + 1;
    const takes = library_takes(secret, id, timestamp, Number(now), body, signatures.join(" "));
    if (takes !== (verdict === "accepted")) wrong.push(`${verdict}, it says ${takes}: ${line}`);
    if (!library_takes(secret, id, timestamp, Number(timestamp), body, ours)) {
      wrong.push(`it does not take ${ours}: ${line}`);
    }
  }
  // What nobody was asked proves nothing.
  for (const verdict of ["accepted", "mismatch", "too_old", "too_new"]) {
    if (!(seen[verdict] > deliveries.length / 100)) wrong.push(`too few: ${verdict}`);
  }
  for (const each of wrong.slice(0, 20)) console.error(each);
  console.log(`${deliveries.length} deliveries`, seen, `${wrong.length} faults`);
  process.exit(wrong.length === 0 ? 0 : 1);
}
