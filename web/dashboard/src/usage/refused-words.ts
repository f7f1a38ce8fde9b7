import type { ErrorRow } from '../api/queries.ts';
import { counted } from '../ui/format.ts';

/** True for a row of calls from an origin that the site has not registered. */
export const isRefusedOrigin = ({ code }: Pick<ErrorRow, 'code'>): boolean => code === 'origin_not_allowed';

/** Which origin was refused and how often. Never advises to allow it: it may be a stranger's. */
export const refusedInWords = ({ count, origin }: Pick<ErrorRow, 'count' | 'origin'>): string =>
  origin === null
    ? `${counted(count, 'call')} came from pages with an unknown origin or one that is not allowed.`
    : `${counted(count, 'call')} came from ${origin}, which is not an allowed origin.`;
