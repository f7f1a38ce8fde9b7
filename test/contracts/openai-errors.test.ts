import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { PROBLEMS } from '../../lambdas/contract/problems.ts';
import { HARMLESS_IN_SESSION } from '../../lambdas/domain/keys/openai-error-meanings.ts';
import { OPENAI_ERRORS, type OpenAiErrorRow } from '../../lambdas/domain/keys/openai-errors.ts';
import {
  attributionOf,
  brokerErrorOfOpenAiFailure,
  OpenAiFailure,
  type OpenAiFailureName,
} from '../../lambdas/domain/openai-failure.ts';

const FILE = new URL('../../docs/openai.md', import.meta.url);
const START = /<!-- errors: .* -->\n/;
const END = '<!-- end of errors -->';

const answerTo = (name: OpenAiFailureName): string => {
  const { status, code } = PROBLEMS[brokerErrorOfOpenAiFailure(new OpenAiFailure(name)).code];
  return `${status} \`${code}\``;
};

const line = (says: string, name: OpenAiFailureName): string =>
  `| ${says} | \`${name}\` | ${attributionOf(new OpenAiFailure(name))} | ${answerTo(name)} |`;

const lineOf = ({ example: { status, code, message }, aliases = [], means }: OpenAiErrorRow): string => {
  const codes = [code, ...aliases].filter((text) => text !== null).map((text) => `\`${text}\``);
  return line(`${status} ${codes.length > 0 ? codes.join(', ') : `"${message}"`}`, means);
};

const OTHERS: readonly (readonly [string, OpenAiFailureName])[] = [
  ['another error object with a `type`: 401', 'key_invalid'],
  ['the same: 403', 'missing_permission'],
  ['the same: 402', 'quota_exhausted'],
  ['the same: 429', 'rate_limited'],
  ['the same: other 4xx', 'request_refused'],
  ['other 5xx', 'upstream_error'],
  ['anything else that cannot be read', 'unreadable_answer'],
  ['no connection', 'unreachable'],
  ['no answer in time', 'timeout'],
];

const TABLE = [
  '| OpenAI says | We call it | Blames | The visitor gets |',
  '|---|---|---|---|',
  ...Object.values(OPENAI_ERRORS).map(lineOf),
  ...OTHERS.map(([says, name]) => line(says, name)),
  '',
].join('\n');

describe('docs/openai.md', () => {
  it('lists the errors that the code classifies, row by row', () => {
    const text = readFileSync(FILE, 'utf8');
    const start = START.exec(text);
    const end = text.indexOf(END);
    expect(start).not.toBeNull();
    const from = (start?.index ?? 0) + (start?.[0].length ?? 0);
    if (process.env['UPDATE_DOCS'] === '1')
      writeFileSync(FILE, text.slice(0, from) + TABLE + text.slice(end));
    else expect(text.slice(from, end)).toBe(TABLE);
  });

  it('lists every code that does not harm a session', () => {
    const text = readFileSync(FILE, 'utf8');
    for (const code of HARMLESS_IN_SESSION) expect(text).toContain(`\`${code}\``);
  });
});
