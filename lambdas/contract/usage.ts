import * as z from 'zod';
import { ENDED_BY, USAGE_SOURCES } from '../domain/calls/call.ts';
import { OPENED_WITH } from '../domain/calls/control.ts';
import { KEY_SCOPES } from '../domain/keys/sealed-key.ts';
import { FAILURE_SOURCES } from '../domain/sessions/reported-failure.ts';
import {
  SESSION_KINDS,
  SESSION_ORDERS,
  SESSION_PROBLEMS,
  SESSION_STATES,
} from '../domain/sessions/session.ts';
import { END_REASONS, USAGE_FLAGS } from '../domain/sessions/session-usage.ts';
import { NOTICE_PERCENTS } from '../domain/tenancy/plan.ts';
import { BILLING_MODES } from '../domain/tenancy/workspace.ts';
import { MAX_RANGE_DAYS, USAGE_GROUPS } from '../domain/usage/usage.ts';
import { pageOf, pageQuery, sessionIdSchema, siteIdSchema } from './common.ts';
import { planComparison, tokensByKind } from './pricing.ts';

/** Schemas of usage, sessions and slots. docs/usage.md explains each number. */

const timestamp = z.iso.datetime().describe('RFC 3339, UTC');
const cents = z.number().describe('US cents, a decimal number');

const days = {
  from: z.iso.date().optional().describe('First day, UTC, inclusive'),
  to: z.iso.date().optional().describe('Last day, UTC, inclusive'),
};

export const usageQuery = z
  .strictObject({
    from: days.from.describe('First day, UTC, inclusive. Default: the first of the month of `to`.'),
    to: days.to.describe(`Last day, UTC, inclusive. Default: today. At most ${MAX_RANGE_DAYS} days.`),
    group_by: z
      .string()
      .max(40)
      .default('day')
      .transform((list) => list.split(','))
      .pipe(
        z
          .array(z.enum(USAGE_GROUPS))
          .refine((groups) => new Set(groups).size === groups.length, 'Must not repeat a value.'),
      )
      .meta({
        type: 'string',
        description: `Comma-separated: ${USAGE_GROUPS.join(', ')}. Rows come in this order.`,
      }),
  })
  .meta({ id: 'UsageQuery' });

const usageSum = {
  sessions: z.int().describe('Sessions that connected.'),
  seconds: z.int(),
  minutes: z.int().describe('The seconds of this row, rounded up. To add rows up, use seconds.'),
  billed_seconds: z
    .int()
    .describe(
      'Seconds that count against the plan: managed sessions of at least 5 seconds. With a hard cap, up to 120 s behind for each running session.',
    ),
  tokens: tokensByKind,
  cost_cents: cents.describe("At OpenAI's list prices, in either billing mode. US cents, a decimal number."),
  estimated: z.boolean().describe('true: the cost is not exact (docs/usage.md).'),
  unpriced_sessions: z.int().describe('Sessions of a model without a known price; not in the cost.'),
  flagged_sessions: z.int().describe('Sessions with implausible reports. The flagged part is not counted.'),
  incomplete_sessions: z
    .int()
    .describe(
      'Sessions that no watcher saw completely: their usage comes from page reports, or is incomplete.',
    ),
};

export const usageRow = z
  .object({
    day: z.iso.date().optional(),
    site_id: siteIdSchema.optional(),
    model: z.string().optional(),
    mode: z.enum(BILLING_MODES).optional(),
    ...usageSum,
  })
  .meta({ id: 'UsageRow' });

const planUsage = z
  .object({
    name: z.string(),
    period: z.string().describe('The billing period that `to` is in, `yyyy-mm`, UTC.'),
    included_minutes: z.int().nullable().describe('null: unlimited'),
    hard_cap: z.boolean(),
    used_seconds: z
      .int()
      .describe(
        'Of the whole workspace in the whole period. With a hard cap, up to 120 s behind for each running session.',
      ),
    used_minutes: z.int().describe('Rounded up once.'),
    overage_minutes: z.int(),
    overage_cents: cents,
    notices: z.array(z.object({ percent: z.literal([...NOTICE_PERCENTS]), at: timestamp })),
  })
  .meta({ id: 'PlanUsage' });

export const usage = z
  .object({
    from: z.iso.date(),
    to: z.iso.date(),
    group_by: z.array(z.enum(USAGE_GROUPS)),
    rows: z.array(usageRow),
    totals: z.object(usageSum),
    plan: planUsage,
  })
  .meta({ id: 'Usage' });

export const sessionsQuery = pageQuery
  .extend({
    state: z.enum(SESSION_STATES).optional(),
    mode: z.enum(BILLING_MODES).optional(),
    ...days,
  })
  .meta({ id: 'SessionsQuery' });

export const workspaceSessionsQuery = pageQuery
  .extend({
    site_id: siteIdSchema.optional(),
    session_id: z.string().max(100).optional().describe('Only this session, on any site.'),
    call_id: z
      .string()
      .max(204)
      .optional()
      .describe('Only the session of this call, by the ID that OpenAI gave it (`rtc_…`), on any site.'),
    ...days,
    order: z.enum(SESSION_ORDERS).default('newest_first').describe('By `created_at`.'),
    state: z.enum(SESSION_STATES).optional(),
    mode: z.enum(BILLING_MODES).optional(),
    opened_with: z.enum(OPENED_WITH).optional(),
    end_reason: z.enum([...END_REASONS, 'silence']).optional(),
    ended_by: z.enum(ENDED_BY).optional(),
    problem: z
      .enum(SESSION_PROBLEMS)
      .optional()
      .describe(
        '`refused`: no client secret was issued. `flagged`: implausible reports. `incomplete`: the watcher missed part of the call.',
      ),
  })
  .meta({ id: 'WorkspaceSessionsQuery' });

const receipt = z
  .object({
    payer: z.enum(BILLING_MODES).describe('Who pays OpenAI; fixed when the session is minted.'),
    key_scope: z.enum(KEY_SCOPES),
    key_version: z.int(),
    price_version: z.string().nullable().describe('`<model>@<first day of the price>`; null: no known price'),
    tokens: tokensByKind,
    cost_cents: cents.nullable().describe('null: the model has no known price.'),
    unwatched_cost_cents: cents.describe(
      'The part of `cost_cents` that is estimated, because a watched call had no watcher for a time.',
    ),
    estimated: z.boolean(),
    usage_source: z.enum(USAGE_SOURCES),
    usage_complete: z.boolean(),
    flags: z.array(z.enum(USAGE_FLAGS)).describe('Why its reports are implausible.'),
    flagged_tokens: tokensByKind.describe('Stored separately, not counted.'),
    claimed_tokens: tokensByKind.describe(
      'Tokens that the page of a watched call reported. Compared with the watcher’s count, and in no total.',
    ),
    claimed_cost_cents: cents
      .nullable()
      .describe('Cost of `claimed_tokens` at list prices. null: no watcher, or no known price.'),
    claims_too_much: z
      .boolean()
      .nullable()
      .describe(
        'True if the page claims more than the watcher counted. null: the watcher did not see the whole call.',
      ),
  })
  .meta({ id: 'Receipt' });

export const session = z
  .object({
    session_id: sessionIdSchema,
    site_id: siteIdSchema,
    state: z.enum(SESSION_STATES),
    kind: z.enum(SESSION_KINDS).describe('Only `visitor` is ever charged.'),
    opened_with: z.enum(OPENED_WITH),
    mode: z.enum(BILLING_MODES),
    model: z.string(),
    voice: z.string(),
    created_at: timestamp.describe('When it was minted.'),
    connected_at: timestamp.nullable().describe("By the browser's clock."),
    ended_at: timestamp.nullable().describe("By the browser's clock."),
    end_reason: z.enum([...END_REASONS, 'silence']).nullable(),
    ended_by: z
      .enum(ENDED_BY)
      .nullable()
      .describe('Who ended a call. `lost`: the broker could not hang it up; revoke the key at OpenAI.'),
    usage_source: z
      .enum(USAGE_SOURCES)
      .describe('`watched`: OpenAI reported the usage to the service. `browser`: the page did.'),
    usage_complete: z.boolean().describe('true: the watcher saw the whole call.'),
    seconds: z.int(),
    billed_seconds: z.int(),
    refusal: z.string().nullable(),
    openai_failure: z.string().nullable(),
    receipt,
  })
  .meta({ id: 'Session' });

export const workspaceSessionsPage = pageOf(session).extend({
  searched_to: timestamp
    .nullable()
    .describe(
      'While there is a cursor: the sessions that fit up to this `created_at`, in this order, are on this page or an earlier one.',
    ),
});

export const errorsQuery = pageQuery
  .extend({
    site_id: siteIdSchema.optional(),
    source: z.enum(['mint', ...FAILURE_SOURCES]).optional(),
  })
  .meta({ id: 'ErrorsQuery' });

export const concurrency = z
  .object({
    at: timestamp,
    keys: z
      .array(
        z.object({
          scope: z.enum(KEY_SCOPES),
          scope_id: z.string(),
          limit: z.int().nullable().describe('Concurrent sessions allowed; null: unlimited.'),
          active: z.int().describe('Active sessions.'),
          earliest_release_at: timestamp
            .nullable()
            .describe('When the first slot becomes free if its session stops reporting.'),
          sites: z.array(z.object({ site_id: siteIdSchema, active: z.int() })),
        }),
      )
      .describe(
        'Every stored key, and deleted ones while sessions still run on them. Without a limit no slots are taken.',
      ),
  })
  .meta({ id: 'Concurrency' });

export const ownMonthRequest = z
  .strictObject({
    month: z
      .string()
      .regex(/^\d{4}-(?:0[1-9]|1[0-2])$/, 'Must be a month, yyyy-mm.')
      .optional()
      .describe('`yyyy-mm`, UTC. Default: the current month so far.'),
  })
  .meta({ id: 'OwnMonthRequest' });

export const ownMonth = z
  .object({
    from_history: z.object({
      period: z.string(),
      sessions: z.int(),
      seconds: z.int(),
      minutes: z.int().describe('Rounded up once.'),
      tokens: tokensByKind,
      estimated: z.boolean(),
      unpriced_sessions: z.int().describe('Their cost is unknown and not included in `byok`.'),
    }),
    byok: z.object({ cost_cents: cents.describe('What OpenAI charges the holder of the key.') }),
    plans: z.array(planComparison),
  })
  .meta({ id: 'OwnMonth' });
