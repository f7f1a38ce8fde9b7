import { randomId } from './random-id.ts';

const NOTICE_KEY = 'spelo-voice:notice';
const VISITOR_KEY = 'spelo-voice:visitor';

/** For a browser without storage: the visitor then agrees once per page. */
const here = new Map<string, string>();

const read = (key: string): string | undefined => {
  try {
    const kept = localStorage.getItem(key);
    if (kept !== null) return kept;
  } catch {
    // Forbidden here.
  }
  return here.get(key);
};

const write = (key: string, value: string): void => {
  here.set(key, value);
  try {
    localStorage.setItem(key, value);
  } catch {
    // Kept for this page, then.
  }
};

/** True when this visitor has agreed to this version of the notice. */
export const hasAgreed = (version: string): boolean => read(NOTICE_KEY) === version;

export const agree = (version: string): void => write(NOTICE_KEY, version);

/** A random ID of this browser, created only after the visitor agreed. OpenAI uses it to attribute abuse to one person. */
export const visitorId = (): string => {
  const known = read(VISITOR_KEY);
  if (known !== undefined) return known;
  const id = randomId();
  write(VISITOR_KEY, id);
  return id;
};
