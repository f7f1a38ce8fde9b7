import type { Levels } from './activity.ts';

export interface LevelMeter {
  /** The levels at this moment; undefined while the browser does not let the page measure sound. */
  now(): Levels | undefined;
  /** Measures on, after the browser had paused it. */
  resume(): void;
  stop(): void;
}

/** Measures how loud both sides are, and draws it once per frame. Never throws: without levels the states still show. */
export const followLevels = (
  streams: readonly [visitor: MediaStream | undefined, assistant: MediaStream],
  onLevels: (visitor: number, assistant: number) => void,
): LevelMeter => {
  let frame = 0;
  let context: AudioContext | undefined;
  let now: LevelMeter['now'] = () => undefined;
  try {
    const sound = new AudioContext();
    context = sound;
    const analysers = streams.map((stream) => {
      if (stream === undefined) return undefined;
      const analyser = sound.createAnalyser();
      sound.createMediaStreamSource(stream).connect(analyser);
      return analyser;
    });
    const samples = new Uint8Array(2048);
    const levelOf = (analyser: AnalyserNode | undefined): number => {
      if (analyser === undefined) return 0;
      analyser.getByteTimeDomainData(samples);
      return Math.min(1, samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample - 128)), 0) / 64);
    };
    now = () => (sound.state === 'running' ? [levelOf(analysers[0]), levelOf(analysers[1])] : undefined);
    const draw = (): void => {
      onLevels(...(now() ?? ([0, 0] as const)));
      frame = requestAnimationFrame(draw);
    };
    draw();
  } catch {
    // Decoration only.
  }
  return {
    now: () => now(),
    resume: () => {
      // iOS breaks a context that is resumed while the system has interrupted it.
      if (context?.state === 'suspended') void context.resume().catch(() => {});
    },
    stop: () => {
      cancelAnimationFrame(frame);
      void context?.close();
    },
  };
};
