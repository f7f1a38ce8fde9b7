import type { MaskedKey } from '../api/queries.ts';
import type { Tone } from '../ui/surface.tsx';

/** The state of a stored key, in words. */
export const KEY_STATES: Readonly<
  Record<MaskedKey['state'], { readonly tone: Tone; readonly text: string }>
> = {
  active: { tone: 'good', text: 'Active' },
  degraded: { tone: 'warn', text: 'Failing in conversations' },
  unverified: { tone: 'warn', text: 'Not verified yet' },
  suspended: { tone: 'bad', text: 'Suspended' },
  needs_reentry: { tone: 'bad', text: 'Paste it again' },
};
