import * as z from 'zod';
import { isSessionId, isSiteId, isWorkspaceId } from '../../domain/identifiers.ts';

/** Schemas of IDs in the tables. Text of another shape is refused, like every malformed item. */
export const workspaceId = z.string().refine(isWorkspaceId);
export const siteId = z.string().refine(isSiteId);
export const sessionId = z.string().refine(isSessionId);
