import * as z from 'zod';
import { isSessionId, isSiteId, isWorkspaceId } from '../../domain/identifiers.ts';

/** Ids as the tables hold them: a text of another shape is refused, as every malformed item is. */
export const workspaceId = z.string().refine(isWorkspaceId);
export const siteId = z.string().refine(isSiteId);
export const sessionId = z.string().refine(isSessionId);
