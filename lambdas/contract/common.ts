import * as z from 'zod';
import { isVisible, looksLikeReservedActor, turnsTextAround } from '../domain/tenancy/names.ts';

/**
 * Schemas of everything that crosses the HTTP boundary. Requests are strict: an unknown field is refused, so that no
 * one can inject a site_id or a version. Responses are parsed too, which removes every field that the contract does not
 * name.
 */

/** Half a surrogate pair is not a character, and neither DynamoDB nor OpenAI accepts it. */
export const isUnicode = (text: string): boolean => text.isWellFormed();
export const NOT_UNICODE = 'Must be valid Unicode.';

export const isShown = (text: string): boolean => text.trim() === '' || isVisible(text);
const isUpright = (text: string): boolean => !turnsTextAround(text);
const NOT_UPRIGHT = 'Must not contain characters that change the direction of the text around it.';
const RESERVED_SUB = 'Must not look like a system actor of the audit trail, such as `system:…`.';
export const NOT_VISIBLE = 'Must contain a visible character.';

/** No control characters: neither a log line nor a terminal can be forged with a name. */
export const printable = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'Control characters are not allowed.')
    .refine(isUnicode, NOT_UNICODE);

/** Text that people read in lists: visible, and without effect on the text around it. */
export const name = (max: number) =>
  printable(max).refine(isShown, NOT_VISIBLE).refine(isUpright, NOT_UPRIGHT);

export const timestamp = z.iso.datetime().describe('RFC 3339, UTC');

export const workspaceIdSchema = z
  .string()
  .regex(/^[a-z0-9]{12}$/)
  .meta({ id: 'WorkspaceId', description: 'Id of a workspace.' });
export const siteIdSchema = z
  .string()
  .regex(/^[a-z0-9]{8,32}$/)
  .meta({ id: 'SiteId', description: 'ID of a site. It is public and part of the embed snippet.' });
export const sessionIdSchema = z.string().meta({ id: 'SessionId', description: 'Id of a session.' });
export const subSchema = z
  .string()
  .min(1)
  .max(256)
  .regex(/^(?!\s)[^\p{Cc}\p{Zl}\p{Zp}]*(?<!\s)$/u, 'Must be printable, without white space at its ends.')
  .refine(isUnicode, NOT_UNICODE)
  .refine(isShown, NOT_VISIBLE)
  .refine(isUpright, NOT_UPRIGHT)
  // A sort key in DynamoDB has at most 1,024 bytes.
  .refine((sub) => new TextEncoder().encode(sub).byteLength <= 1_000, 'Must be at most 1,000 bytes.')
  .refine((sub) => !looksLikeReservedActor(sub), RESERVED_SUB)
  .meta({ id: 'Sub', description: 'The `sub` claim of the OIDC issuer.' });

// Requests

export const pageQuery = z
  .strictObject({
    limit: z.coerce.number().int().min(1).max(100).default(50),
    cursor: z.string().max(1_024).optional().describe('`next_cursor` of the previous page.'),
  })
  .meta({ id: 'PageQuery' });

// Answers

export const deleted = z.object({ deleted: z.literal(true) }).meta({ id: 'Deleted' });

export const health = z.object({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' });

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable() });

export const failure = z
  .object({
    success: z.literal(false),
    error: z.object({
      code: z.string(),
      message: z.string(),
      request_id: z.string(),
      retry_after: z.int().optional().describe('Seconds; the same as the Retry-After header.'),
      details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    }),
  })
  .meta({ id: 'Failure' });
