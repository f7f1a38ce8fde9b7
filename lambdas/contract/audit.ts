import * as z from 'zod';
import { AUDIT_EVENT_TYPES } from '../domain/audit/audit-record.ts';
import { name, pageOf, pageQuery, siteIdSchema, timestamp } from './common.ts';

export const auditQuery = pageQuery
  .extend({
    type: z.enum(AUDIT_EVENT_TYPES).optional(),
    actor: name(256).optional(),
    site_id: siteIdSchema.optional(),
    from: z.iso.datetime().optional().describe('RFC 3339, inclusive'),
    to: z.iso.datetime().optional().describe('RFC 3339, exclusive'),
  })
  .meta({ id: 'AuditQuery' });

/**
 * Maximum number of rows that one call checks. It takes 1.5 s of a core and 14 MB of reads. With the three tenths of a
 * core that 512 MB of memory include, that is a third of the function's 25 s. A thousand sessions a day produce as many
 * rows in a week.
 */
const MAX_CHECKED_ROWS = 20_000;

export const verifyQuery = z
  .strictObject({
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(MAX_CHECKED_ROWS)
      .default(MAX_CHECKED_ROWS)
      .describe('Rows to check in this call.'),
    cursor: pageQuery.shape.cursor.describe('`next_cursor` of the previous call. Valid for one hour.'),
  })
  .meta({ id: 'AuditVerifyQuery' });

export const auditRow = z
  .object({
    sequence: z.int(),
    event_id: z.string(),
    type: z.enum([...AUDIT_EVENT_TYPES, 'row.damaged']),
    at: timestamp,
    actor: z
      .string()
      .describe(
        '`sub` of a person, `visitor`, `system:<service>`, `operator:<AWS identity>`, or `token:<ID>`',
      ),
    site_id: z.string().nullable(),
    session_id: z.string().nullable(),
    ip_hash: z.string().nullable().describe('Keyed hash of the IP address. It changes every day.'),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    previous_hash: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditRow' });

export const auditPage = pageOf(auditRow).extend({
  searched_to: timestamp
    .nullable()
    .describe(
      'While there is a cursor: the rows that fit and are as new as this one are on this page or an earlier one.',
    ),
});

export const auditVerification = z
  .object({
    intact: z
      .boolean()
      .describe(
        'Whether the whole chain is unchanged. False while there is a cursor, because the check is not complete.',
      ),
    rows: z.int().describe('Rows verified so far, starting with the first.'),
    head: z.object({ sequence: z.int(), hash: z.string() }),
    broken: z
      .object({
        sequence: z.int(),
        fault: z.enum(['missing', 'out_of_order', 'altered', 'cut_off']),
      })
      .nullable(),
    next_cursor: z
      .string()
      .nullable()
      .describe('Pass it to continue after `head`. Nothing is broken so far.'),
  })
  .meta({ id: 'AuditVerdict' });
