/** Proofs with many more cases at night than on a push. */
export type Proof = 'audit' | 'custody' | 'faults' | 'hostile' | 'model';

const wanted = (process.env['LONG_FORMS'] ?? '').split(' ');

/**
 * True if this run plays the long form of a proof. `LONG_FORMS='hostile model' npm test -- test/hostile` asks for it; `.ci/run` does
 * where a change touches what the proof is about, and `npm run nightly` always does. Both forms check the same things of each case.
 */
export const isLong = (proof: Proof): boolean => wanted.includes('all') || wanted.includes(proof);
