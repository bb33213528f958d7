// SPDX-License-Identifier: Apache-2.0
//
// What Google's libphonenumber (its JavaScript) says of numbers: reads one a line, "+" and digits,
// writes number, calling code, region, type (region and type "-" where it is not valid), whether
// its length is possible, and whether it is a number of an emergency or special service, with tabs
// between them.
//
//   node oracle.mjs <google-libphonenumber, unpacked> < numbers > answers
//
// The digits are put in as they stand: its parser would strip trunk prefixes.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';

const library = createRequire(import.meta.url)(resolve(process.argv[2]));
const util = library.PhoneNumberUtil.getInstance();
const types = Object.fromEntries(
  Object.entries(library.PhoneNumberType).map(([name, value]) => [value, name]));
const isPossible = 0;  // ValidationResult.IS_POSSIBLE; IS_POSSIBLE_LOCAL_ONLY is another

const codes = new Set(Object.keys(library.metadata.countryCodeToRegionCodeMap));
const codeOf = (digits) => [1, 2, 3].map((n) => digits.slice(0, n)).find((c) => codes.has(c));

// Services, by the patterns as they stand: 4 toll-free, 27 emergency, 29 a short code.
const services = {};
for (const [code, regions] of Object.entries(library.metadata.countryCodeToRegionCodeMap)) {
  services[code] = [];
  for (const region of regions) {
    const short = library.shortnumbermetadata.countryToMetadata[region];
    for (const slot of short ? [4, 27, 29] : []) {
      const description = short[slot];
      if (!description?.[2] || description[9]?.[0] === -1) continue;
      const lengths = description[9]?.length ? description[9] : short[1][9];
      services[code].push({ pattern: new RegExp(`^(?:${description[2]})$`), lengths,
                            longest: slot === 29 ? 3 : Infinity });
    }
  }
}
const isService = (code, national) => services[code].some((service) =>
  national.length <= service.longest && service.lengths.includes(national.length) &&
  service.pattern.test(national));

const describe = (text) => {
  const digits = text.slice(1);
  const code = codeOf(digits);
  if (code === undefined) return [text, '-', '-', '-', 0, 0];
  const national = digits.slice(code.length);
  const service = isService(code, national) ? 1 : 0;
  // Fewer than two digits are none to its parser.
  if (national.length < 2) return [text, code, '-', '-', 0, service];
  const number = new library.PhoneNumber();
  number.setCountryCode(Number(code));
  number.setNationalNumber(Number(national));
  const zeros = national.match(/^0*/)[0].length;
  if (zeros > 0) {
    number.setItalianLeadingZero(true);
    // The value of zeros alone is a 0 of its own.
    number.setNumberOfLeadingZeros(zeros === national.length ? zeros - 1 : zeros);
    if (zeros === national.length && zeros === 1) number.setItalianLeadingZero(false);
  }
  if (util.getNationalSignificantNumber(number) !== national) throw new Error(text);
  const possible = util.isPossibleNumberWithReason(number) === isPossible ? 1 : 0;
  if (!util.isValidNumber(number)) return [text, code, '-', '-', possible, service];
  return [text, code, util.getRegionCodeForNumber(number), types[util.getNumberType(number)],
          possible, service];
};

let out = [];
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  out.push(describe(line).join('\t'));
  if (out.length === 10000) {
    process.stdout.write(out.join('\n') + '\n');
    out = [];
  }
}
if (out.length > 0) process.stdout.write(out.join('\n') + '\n');
