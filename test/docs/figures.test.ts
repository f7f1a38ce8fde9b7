import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CALL_LEASE_SECONDS, OPENING_LEASE_SECONDS } from '../../lambdas/domain/calls/call.ts';
import { FIRST_HOLD_SECONDS } from '../../lambdas/domain/limits.ts';
import { CODE_MS } from '../../lambdas/domain/notices/mail-alerts.ts';
import { SECRET_OVERLAP_MS } from '../../lambdas/domain/notices/webhook.ts';
import { CLIENT_SECRET_TTL_SECONDS } from '../../lambdas/domain/openai-models.ts';
import {
  HEARTBEAT_SECONDS,
  OVERTIME_SECONDS,
  SHORTEST_BILLED_SECONDS,
  SILENCE_SECONDS,
} from '../../lambdas/domain/sessions/session-usage.ts';
import { MAX_TOOLS, MAX_TOOLS_LENGTH } from '../../lambdas/domain/tenancy/function-tool.ts';
import { INVITATION_MS } from '../../lambdas/domain/tenancy/invitation.ts';
import { USAGE_KEPT_DAYS } from '../../lambdas/domain/usage/usage.ts';
import { ROOT } from '../support/source-files.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** A constant that its module does not export. */
const constant = (path: string, name: string): number => {
  const [, value = ''] = new RegExp(`const ${name} = ([\\d_ *]+);`).exec(read(path)) ?? [];
  const factors = value.split('*').map((factor) => Number(factor.replaceAll('_', '').trim() || Number.NaN));
  return factors.reduce((product, factor) => product * factor, 1);
};

const MINUTE = 60;
const WORDS: Readonly<Record<string, number>> = { three: 3, five: 5, seven: 7, ten: 10 };
/** A figure as a document writes it: with separators, or as a word. */
const figure = (text: string): number => WORDS[text] ?? Number(text.replaceAll(',', ''));

const WIDGET = 'docs/widget.md';
const SESSIONS = 'docs/sessions.md';
const TOOLS = 'web/widget/src/extras/tools.ts';
const TALK = 'web/widget/src/extras/talk.ts';
const WIDGET_BUILD = 'test/web/widget-build.test.ts';
const kilobytes = (name: string): number => constant(WIDGET_BUILD, name) / 1_024;

/** Sentences of the documents with one figure each, and what the code has. */
const FIGURES: readonly (readonly [path: string, sentence: RegExp, value: number])[] = [
  ['README.md', /one script tag\]\(docs\/widget\.md\), (\d+) KB/, kilobytes('MAX_GZIP_BYTES')],
  ['README.md', /A client secret \| yes, for (\d+) seconds by default/, CLIENT_SECRET_TTL_SECONDS.default],
  [WIDGET, /at most (\d+) KB gzipped; a test/, kilobytes('MAX_GZIP_BYTES')],
  [WIDGET, /extras \(at most (\d+) KB gzipped\)/, kilobytes('MAX_EXTRAS_GZIP_BYTES')],
  [WIDGET, /not added again within (\d+) ms/, constant('web/widget/src/element.ts', 'MOVE_MS')],
  [
    WIDGET,
    /after which the call ends; default: (\d+)/,
    constant('web/widget/src/element.ts', 'DEFAULT_IDLE_SECONDS'),
  ],
  [
    WIDGET,
    /takes longer than (\d+) seconds/,
    constant('web/widget/src/broker.ts', 'CALL_TIMEOUT_MS') / 1_000,
  ],
  [WIDGET, /Functions of a site \| (\d+),/, MAX_TOOLS],
  [WIDGET, /together ([\d,]+) characters of JSON/, MAX_TOOLS_LENGTH],
  [WIDGET, /Arguments and result \| ([\d,]+) characters/, constant(TOOLS, 'LONGEST_JSON')],
  [WIDGET, /Time \| (\d+) seconds/, constant(TOOLS, 'LONGEST_MS') / 1_000],
  [WIDGET, /Calls \| (\d+) in one answer/, constant(TALK, 'MOST_CALLS')],
  [WIDGET, /in one answer, (\d+) answers in a row/, constant(TALK, 'MOST_ROUNDS')],
  [
    WIDGET,
    /`reconnecting` for up to (\d+) seconds/,
    constant('web/widget/src/extras/reconnect.ts', 'RECONNECT_MS') / 1_000,
  ],
  [
    WIDGET,
    /second loss within (\w+) minutes/,
    constant('web/widget/src/call.ts', 'STABLE_MS') / 1_000 / MINUTE,
  ],
  [
    WIDGET,
    /the sound level decides after (\d+) seconds/,
    constant('web/widget/src/activity.ts', 'LOST_EVENT_MS') / 1_000,
  ],
  [WIDGET, /can try again after (\w+) seconds/, constant('web/widget/src/wait.ts', 'BUSY_PAUSE_SECONDS')],
  [
    'docs/dashboard.md',
    /smaller than (\d+) KiB gzipped/,
    constant('test/browser/dashboard-pages.test.ts', 'FIRST_LOAD_LIMIT') / 1_024,
  ],
  [
    'docs/dashboard.md',
    /makes\s+up to (\w+) more\s+calls/,
    constant('web/dashboard/src/api/queries.ts', 'MAX_SEARCH_CALLS'),
  ],
  ['docs/dashboard.md', /accept, within (\w+) days/, INVITATION_MS / 1_000 / MINUTE / 60 / 24],
  [SESSIONS, /`heartbeat` \| Every (\d+) seconds/, HEARTBEAT_SECONDS],
  [SESSIONS, /extends the slot's lease to (\d+) seconds/, SILENCE_SECONDS],
  [SESSIONS, /shorter than (\d+) seconds is not billed/, SHORTEST_BILLED_SECONDS],
  [SESSIONS, /it is (\d+) seconds over its maximum length/, OVERTIME_SECONDS],
  [SESSIONS, /(\d+) seconds from the admission/, OPENING_LEASE_SECONDS],
  [SESSIONS, /and (\d+) minutes once it is handed out/, CALL_LEASE_SECONDS / MINUTE],
  [SESSIONS, /reserves (\d+) seconds when it begins/, FIRST_HOLD_SECONDS],
  ['docs/notices.md', /for (\d+) hours notices/, SECRET_OVERLAP_MS / 1_000 / MINUTE / 60],
  ['docs/notices.md', /You have (\d+) minutes and/, CODE_MS / 1_000 / MINUTE],
  ['docs/data-model.md', /Session usage is deleted after (\d+) days/, USAGE_KEPT_DAYS],
];

describe('each figure in a document', () => {
  it.each(FIGURES)('equals the value in the code: %s, %s', (path, sentence, value) => {
    const [, written = 'not there'] = sentence.exec(read(path)) ?? [];
    expect(figure(written)).toBe(value);
  });
});
