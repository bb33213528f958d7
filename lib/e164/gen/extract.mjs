// SPDX-License-Identifier: Apache-2.0
//
// Prints plan.txt: what this room uses of libphonenumber's metadata, a pattern a line.
//
//   node extract.mjs <libphonenumber-js, unpacked> <google-libphonenumber, unpacked>
//
// The first package has the numbering plans (metadata.max.json), the second the short numbers.
// refresh.sh calls this.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [plansFolder, shortFolder] = process.argv.slice(2);
if (!shortFolder) throw new Error('usage: extract.mjs <libphonenumber-js> <google-libphonenumber>');

const readJson = (folder, name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const plans = readJson(plansFolder, 'metadata.max.json');
if (plans.version !== 4) throw new Error(`metadata.max.json has layout ${plans.version}, not 4`);
const short = createRequire(import.meta.url)(resolve(shortFolder)).shortnumbermetadata;

// The newest "Updated metadata to version X" of the change log is the one the package carries.
const changes = readFileSync(join(plansFolder, 'CHANGELOG.md'), 'utf8');
const version = changes.match(/Updated metadata to version (\d+\.\d+\.\d+)/i)[1];
const release = (folder) => {
  const { name, version: number } = readJson(folder, 'package.json');
  return `${name} ${number}`;
};

const lines = [
  '# Numbering plans and short numbers of libphonenumber, licensed under Apache-2.0.',
  '# Written by lib/e164/gen/refresh.sh; do not edit.',
  '#   code <calling code>, then its regions, the main one first',
  '#   <what> <pattern of the national number> [<its lengths>]',
  `version ${version}`,
  `plans ${release(plansFolder)}`,
  `short_numbers ${release(shortFolder)}`,
];

const add = (what, pattern, lengths) => {
  if (!pattern) return;
  if (/\s/.test(pattern)) throw new Error(`a blank in the pattern ${pattern}`);
  lines.push([what, pattern, ...(lengths?.length ? [lengths.join(',')] : [])].join(' '));
};

const types = ['fixed_line', 'mobile', 'toll_free', 'premium_rate', 'personal_number', 'voicemail',
               'uan', 'pager', 'voip', 'shared_cost'];

const addPlan = (region, plan) => {
  lines.push(`region ${region}`);
  add('general', plan[2], plan[3]);
  add('leading_digits', plan[10]);
  const descriptions = plan[11] || [];
  if (descriptions.length > types.length) throw new Error(`${region} has a type too many`);
  descriptions.forEach((description, i) => {
    if (!description) return;
    // An empty pattern of `mobile` stands for that of `fixed_line`.
    if (types[i] === 'mobile' && description[0] === '') lines.push('mobile =');
    else add(types[i], description[0], description[1]);
  });
};

// Protocol buffers as arrays: 4 toll-free, 27 emergency, 29 short code;
// in a description 2 is the pattern, 9 the lengths, of which -1 means that there is none.
const slots = { short_toll_free: 4, emergency: 27, short_code: 29 };
const addShortNumbers = (region) => {
  const numbers = short.countryToMetadata[region];
  if (!numbers) return;
  for (const [what, slot] of Object.entries(slots)) {
    const description = numbers[slot];
    if (description?.[2] && description[9]?.[0] !== -1) add(what, description[2], description[9]);
  }
};

const codes = { ...plans.country_calling_codes };
for (const code of Object.keys(plans.nonGeographic)) codes[code] = null;
const known = new Set();
for (const code of Object.keys(codes).sort()) {
  lines.push(`code ${code}`);
  if (codes[code] === null) {
    addPlan('001', plans.nonGeographic[code]);
    continue;
  }
  for (const region of codes[code]) {
    addPlan(region, plans.countries[region]);
    addShortNumbers(region);
    known.add(region);
  }
}
for (const region of Object.keys(short.countryToMetadata)) {
  if (!known.has(region)) throw new Error(`short numbers of ${region}, which has no plan`);
}
process.stdout.write(lines.join('\n') + '\n');
