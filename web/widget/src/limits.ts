import type { EndReason } from './reports.ts';
import type { StringName } from './strings.ts';

const WARN_SECONDS = 15;
const NEARLY_UP_SECONDS = 60;

/** Time limits of a call: silence, warning, and maximum length. */
export interface Times {
  readonly silentSeconds: number;
  readonly idleSeconds: number;
  readonly leftSeconds: number;
  readonly longestSeconds: number;
}

/** Returns the sentence and the reason if the call must end, a sentence alone for a warning, or nothing. */
export const limitOf = ({
  silentSeconds,
  idleSeconds,
  leftSeconds,
  longestSeconds,
}: Times): readonly [sentence?: StringName, end?: EndReason] => {
  if (leftSeconds <= 0) return ['ended_max_duration', 'max_duration'];
  if (silentSeconds >= idleSeconds) return ['ended_idle', 'idle'];
  if (silentSeconds >= idleSeconds - Math.min(WARN_SECONDS, idleSeconds / 2)) return ['still_there'];
  return leftSeconds <= NEARLY_UP_SECONDS && longestSeconds > 2 * NEARLY_UP_SECONDS ? ['time_nearly_up'] : [];
};
