/** Speech that began or ended, at a place in the sound received since the call began. */
export type Activity =
  | { readonly kind: 'started'; readonly atMs: number }
  | { readonly kind: 'stopped'; readonly atMs: number };

export type VoiceActivityOptions = {
  /** 0 to 1, as in `turn_detection.threshold`. */
  readonly threshold: number;
  /** How long it must be quiet for speech to have ended. */
  readonly silenceMs: number;
};

/** Shorter noises are no speech: a click, the beep of a test microphone. */
const LEAST_SPEECH_MS = 60;

/** Loudness at threshold 1; half of it, the default, is -36 dB below the loudest. A choice of ours, not OpenAI's. */
const LOUDEST_THRESHOLD = 1_000;

/**
 * Tells speech from silence by the energy of the sound, and by nothing else: steady noise above the threshold is taken
 * for speech. Time is counted in sound heard, so that a slow machine decides as a fast one does. `fromMs`: the sound that came
 * before, so that places continue where settings change in the middle of a call.
 */
export function detectVoice(
  { threshold, silenceMs }: VoiceActivityOptions,
  fromMs = 0,
): {
  hear(loudness: number, ms: number): Activity | undefined;
} {
  let heardMs = fromMs;
  let loudMs = 0;
  let quietMs = 0;
  let speaking = false;
  return {
    hear: (loudness, ms) => {
      heardMs += ms;
      const isLoud = loudness > threshold * LOUDEST_THRESHOLD;
      loudMs = isLoud ? loudMs + ms : 0;
      quietMs = isLoud ? 0 : quietMs + ms;
      if (!speaking && loudMs >= LEAST_SPEECH_MS) {
        speaking = true;
        return { kind: 'started', atMs: heardMs - loudMs };
      }
      if (speaking && quietMs >= silenceMs) {
        speaking = false;
        return { kind: 'stopped', atMs: heardMs };
      }
      return undefined;
    },
  };
}
