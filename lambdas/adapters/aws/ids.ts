import * as z from 'zod';
import type { SessionId, SiteId, WorkspaceId } from '../../domain/identifiers.ts';

/** Ids as the tables hold them. */

export const workspaceId = z.string().transform((id) => id as WorkspaceId);
export const siteId = z.string().transform((id) => id as SiteId);
export const sessionId = z.string().transform((id) => id as SessionId);
