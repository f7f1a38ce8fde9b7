import { BYTES_PER_MS, encodeMuLaw } from './mu-law.ts';

/** Duration of a spoken word. */
export const WORD_MS = 280;

const ASSISTANT_SENTENCES = [
  'Hello, this is the voice of the stand-in. What would you like to know?',
  'I heard you well. There is no model behind me, so every answer is made up.',
  'We are open from nine to six, Monday to Friday, and on Saturdays until noon.',
  'Your order would have left this morning, and it would arrive tomorrow before lunch.',
  'That is all there is to say. Hang up whenever you like.',
] as const;

const VISITOR_SENTENCES = [
  'Hello, can you hear me?',
  'Is there a person behind this?',
  'When are you open?',
  'Where is my order?',
  'Thank you, goodbye.',
] as const;

/** The stand-in's sentence in its nth answer, from 0. */
export const assistantSentence = (turn: number): string =>
  ASSISTANT_SENTENCES[turn % ASSISTANT_SENTENCES.length] ?? '';

/** The sentence that the stand-in claims to have heard. It does not evaluate the sound. */
export const visitorSentence = (turn: number): string =>
  VISITOR_SENTENCES[turn % VISITOR_SENTENCES.length] ?? '';

const HUM_HZ = 196;
const SYLLABLES_PER_SECOND = 1_000 / WORD_MS;
const AMPLITUDE = 9_000;

/** A hum with a swell for each word, in µ-law: sound of a known length instead of speech. */
export function hum(fromMs: number, ms: number): Buffer {
  const sound = Buffer.alloc(ms * BYTES_PER_MS);
  for (let i = 0; i < sound.length; i += 1) {
    const seconds = (fromMs + i / BYTES_PER_MS) / 1_000;
    const swell = Math.sin(Math.PI * ((seconds * SYLLABLES_PER_SECOND) % 1));
    const tone =
      Math.sin(2 * Math.PI * HUM_HZ * seconds) + 0.4 * Math.sin(2 * Math.PI * 2 * HUM_HZ * seconds);
    sound[i] = encodeMuLaw(Math.round(AMPLITUDE * swell * tone));
  }
  return sound;
}
