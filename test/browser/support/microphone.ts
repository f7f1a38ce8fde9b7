import { writeFileSync } from 'node:fs';

const RATE = 48_000;

/** A visitor's speech, repeated: seconds of silence, of speech, and of silence again. */
export interface Speech {
  readonly beforeSeconds: number;
  readonly speechSeconds: number;
  readonly afterSeconds: number;
}

export const SHORT_QUESTION: Speech = { beforeSeconds: 0.5, speechSeconds: 1.2, afterSeconds: 5 };
export const SILENCE: Speech = { beforeSeconds: 1, speechSeconds: 0, afterSeconds: 0 };

/**
 * Writes a WAV file for Chromium's `--use-file-for-fake-audio-capture`: a voice of many partials whose pitch wanders and
 * that swells with each syllable, as the browser's noise suppression would take a plain tone away.
 */
export const writeSpeech = (file: string, { beforeSeconds, speechSeconds, afterSeconds }: Speech): void => {
  const from = Math.round(beforeSeconds * RATE);
  const to = from + Math.round(speechSeconds * RATE);
  const samples = new Int16Array(to + Math.round(afterSeconds * RATE));
  let phase = 0;
  for (let i = from; i < to; i += 1) {
    const seconds = (i - from) / RATE;
    phase += (2 * Math.PI * (140 + 35 * Math.sin(2 * Math.PI * 1.7 * seconds))) / RATE;
    const syllable = 0.25 + 0.75 * Math.sin(Math.PI * ((seconds * 4) % 1));
    let voice = 0;
    for (let partial = 1; partial <= 12; partial += 1) voice += Math.sin(partial * phase) / partial;
    samples[i] = Math.round(9_000 * syllable * voice);
  }
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  writeFileSync(file, Buffer.concat([header, Buffer.from(samples.buffer)]));
};
