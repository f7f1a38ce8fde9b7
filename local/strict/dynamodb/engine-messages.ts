/** Prefix that the local engine puts before messages that AWS gives without it. */
const PREFIX = /("[mM]essage":")1 validation error detected: (?!Value )/;

/** The error answer of the engine with AWS's text; the same buffer where nothing differs. */
export const inAwsWords = (answer: Buffer): Buffer => {
  const text = answer.toString('utf8');
  return PREFIX.test(text) ? Buffer.from(text.replace(PREFIX, '$1')) : answer;
};
