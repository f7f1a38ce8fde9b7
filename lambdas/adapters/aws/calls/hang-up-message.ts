import * as z from 'zod';
import { ENDED_BY } from '../../../domain/calls/call.ts';
import { isSessionId, isSiteId, isWorkspaceId } from '../../../domain/identifiers.ts';
import { KEY_SCOPES } from '../../../domain/keys/sealed-key.ts';
import type { HangUpMessage } from '../../../use-cases/ports/calls.ts';

const workspaceId = z.string().refine(isWorkspaceId);
const siteId = z.string().refine(isSiteId);
const sessionId = z.string().refine(isSessionId);
const by = z.enum(ENDED_BY);

const messageSchema: z.ZodType<HangUpMessage> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cap'), siteId, sessionId, dueAtMs: z.number() }),
  z.strictObject({ kind: z.literal('end'), siteId, sessionId, by }),
  z.strictObject({
    kind: z.literal('forget'),
    scope: z.enum(KEY_SCOPES),
    scopeId: z.string(),
    version: z.int().positive(),
  }),
  z.strictObject({
    kind: z.literal('scope'),
    by,
    scope: z.union([
      z.strictObject({ workspaceId, all: z.literal(true) }),
      z.strictObject({ workspaceId, siteId }),
      z.strictObject({
        workspaceId,
        ownKeys: z.literal(true),
        siteId: siteId.nullable(),
        reservingSince: z.string().optional(),
      }),
      z.strictObject({
        workspaceId,
        keyScope: z.enum(KEY_SCOPES),
        keyScopeId: z.string(),
        fingerprint: z.string().optional(),
      }),
    ]),
  }),
]) as z.ZodType<HangUpMessage>;

/** Parses the body of a message. Throws for anything that this product did not send. */
export const hangUpMessageIn = (body: string): HangUpMessage => messageSchema.parse(JSON.parse(body));
