/** The start or end of speech, as a position in the sound since the start of the call. */
export type Activity =
  | { readonly kind: 'started'; readonly atMs: number }
  | { readonly kind: 'stopped'; readonly atMs: number };

export type VoiceActivityOptions = {
  /** 0 to 1, as in `turn_detection.threshold`. */
  readonly threshold: number;
  /** Duration of silence after which speech counts as ended. */
  readonly silenceMs: number;
};

/** Shorter noises do not count as speech: a click, the beep of a test microphone. */
const LEAST_SPEECH_MS = 60;

/** Loudness at threshold 1; half of it, the default, is -36 dB below the loudest. This is our choice, not OpenAI's. */
const LOUDEST_THRESHOLD = 1_000;

/**
 * Distinguishes speech from silence only by the energy of the sound: steady noise above the threshold counts as speech. Time
 * is measured in received sound, so that a slow machine gets the same result as a fast one. `fromMs`: the duration of earlier
 * sound, so that positions continue when settings change during a call.
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
