// SPDX-License-Identifier: Apache-2.0
//
// node validate.mjs <folder with node_modules> <errors.openapi.json>: the document is OpenAPI 3.1,
// and each of its examples fits the schema that stands beside it.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const validators = pathToFileURL(
  `${folder}/node_modules/@seriousme/openapi-schema-validator/index.js`,
);
const { Validator } = await import(validators);
const Ajv = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;

const text = readFileSync(file, "utf8");
const document = JSON.parse(text);
const wrong = [];

const found = await new Validator().validate(text);
if (!found.valid) wrong.push(JSON.stringify(found.errors));
if (document.openapi !== "3.1.0") wrong.push(`openapi: ${document.openapi}`);

const ajv = addFormats(new Ajv({ strict: true, strictTypes: false, allErrors: true }));
ajv.addSchema({ $id: "http://parley.test/", components: document.components });
ajv.addKeyword("components");
const envelope = ajv.compile({ $ref: "http://parley.test/#/components/schemas/ErrorEnvelope" });
let examples = 0;
for (const [name, response] of Object.entries(document.components.responses)) {
  for (const [code, example] of Object.entries(response.content["application/json"].examples)) {
    examples += 1;
    if (!envelope(example.value)) wrong.push(`${name} ${code}: ${ajv.errorsText(envelope.errors)}`);
  }
}
// The schema has to refuse something.
for (const broken of [{}, { error: {} }, { error: { code: 1, message: "" } },
  { error: { code: "busy", message: "", fields: {} } }, { error: null }]) {
  if (envelope(broken)) wrong.push(`accepted: ${JSON.stringify(broken)}`);
}
if (examples === 0) wrong.push("no examples");

for (const each of wrong) console.error(each);
console.log(`${examples} examples, ${wrong.length} faults`);
process.exit(wrong.length === 0 ? 0 : 1);
