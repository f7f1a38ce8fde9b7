/** Follows how loud both sides are, 0 to 1 each, once per frame; answers how to stop. Decoration: it may fail silently. */
export const followLevels = (
  streams: readonly [MediaStream, MediaStream],
  onLevels: (visitor: number, assistant: number) => void,
): (() => void) => {
  let frame = 0;
  let context: AudioContext | undefined;
  try {
    const sound = new AudioContext();
    context = sound;
    const [visitor, assistant] = streams.map((stream) => {
      const analyser = sound.createAnalyser();
      analyser.fftSize = 256;
      sound.createMediaStreamSource(stream).connect(analyser);
      return analyser;
    });
    const samples = new Uint8Array(256);
    const levelOf = (analyser: AnalyserNode | undefined): number => {
      analyser?.getByteTimeDomainData(samples);
      return Math.min(1, samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample - 128)), 0) / 64);
    };
    const draw = (): void => {
      onLevels(levelOf(visitor), levelOf(assistant));
      frame = requestAnimationFrame(draw);
    };
    draw();
  } catch {
    // Without levels the states still show.
  }
  return () => {
    cancelAnimationFrame(frame);
    void context?.close();
  };
};
