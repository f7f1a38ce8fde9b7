/** `2026-11-23T14:05`: a clock minute. */
export const clockMinuteOf = (now: Date): string => now.toISOString().slice(0, 16);
