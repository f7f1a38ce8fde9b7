import { vendorOf } from './other-vendors.ts';

/** The reason why a pasted text is not accepted. */
export type PastedKeyFault =
  | 'empty'
  | 'admin_key'
  | 'client_secret'
  | 'another_vendor'
  | 'masked'
  | 'several_keys'
  | 'cut_off'
  | 'invisible_character'
  | 'foreign_character'
  | 'not_an_openai_key';

export interface RefusedPaste {
  readonly fault: PastedKeyFault;
  /** A sentence for the person who pasted it, with the next step. Never repeats the text. */
  readonly message: string;
}

const MESSAGES: Readonly<Record<Exclude<PastedKeyFault, 'another_vendor'>, string>> = {
  empty: 'Paste an OpenAI API key. It starts with "sk-".',
  admin_key:
    'This is an admin key ("sk-admin-"): it can manage the whole organization and cannot mint Realtime sessions. Create a project key instead.',
  client_secret:
    'This is a short-lived client secret ("ek_"), not an API key. Create an API key in the OpenAI dashboard; it starts with "sk-".',
  masked:
    'This is a masked or placeholder form of a key. OpenAI shows a whole key only once, when it is created: copy it then, or create a new key.',
  several_keys: 'This text holds more than one key. Paste one.',
  cut_off: 'This is only the beginning of an OpenAI API key. Copy it again, whole.',
  invisible_character:
    'This text contains an invisible control character inside the key. Copy the key again, from the OpenAI dashboard itself.',
  foreign_character:
    'This text contains a character that no OpenAI API key has: only letters from A to Z, digits, "-" and "_". A document or chat may have changed it. Copy the key again, from the OpenAI dashboard itself.',
  not_an_openai_key:
    'This does not look like an OpenAI API key: "sk-" followed by 20 to 300 letters, digits, "-" or "_". Copy it again, whole.',
};

/**
 * Any modern `sk-` key. Length and inner markers have changed over the years, so they are not enforced.
 * Source: key formats of OpenAI as matched by gitleaks and TruffleHog, loosened on purpose.
 */
const ACCEPTED = /^sk-(?!admin-)[A-Za-z0-9_-]{20,300}$/;

/** A complete key of an exactly known format: text around it is not part of it. Source: gitleaks. */
const KNOWN_EXACTLY = new RegExp(
  `(?<![A-Za-z0-9_-])sk-(?:[a-z]{4,8}-)?(?:${[20, 58, 74]
    .map((half) => `[A-Za-z0-9_-]{${half}}T3BlbkFJ[A-Za-z0-9_-]{${half}}`)
    .join('|')})(?![A-Za-z0-9_-])`,
  'g',
);

/** Invisible characters: format characters, fillers and selectors. Copying adds them; no key has them. */
const SHOWS_NOTHING = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Text around a key in a file, a command, a header or a sentence. Removed until nothing changes. */
const AROUND: readonly RegExp[] = [
  /^\s+|\s+$/gu,
  /\s+(?:#|\/\/)[^\n]*$/u,
  /^[`'"“”‘’„«»‹›<([{]+|[`'"“”‘’„«»‹›>)\]}]+$/gu,
  /[.,;:!?。、，；\\]+$/u,
  /^(?:[-*•]|-H|--header)\s+/u,
  /^(?:export|setx?|let|const|var|env)\s+(?=[\w$"'`])/iu,
  /^\$env:/iu,
  /^["'`]?[A-Za-z_][\w .-]{0,60}["'`]?\s*(?:=>|:=|[=:：])\s*/u,
  /^Bearer\s+/iu,
  /^[A-Za-z_]\w{0,60}\s+(?=["'`]?sk-)/u,
];
const MAX_LAYERS = 12;

const MASK = /\.{2,}|[…*•●∙█▪]|^sk-(?:[a-z]{4,8}-)?x{6,}$|^sk-.{0,8}your[-_]/iu;

/**
 * The key in a pasted text, without everything that is certainly not part of it: invisible characters, white space, line
 * wraps, quotes, `Bearer`, assignments and punctuation after it. Otherwise the fault of the text.
 */
export const readPastedKey = (pasted: string): { readonly text: string } | RefusedPaste => {
  const shown = pasted.replace(SHOWS_NOTHING, '');
  const unwrapped = (): string => shown.replace(/\s*[\r\n]\s*/gu, '');
  const joined = (): string => shown.replace(/\\?\s+/gu, '');
  const known = new Set(
    shown.match(KNOWN_EXACTLY) ?? unwrapped().match(KNOWN_EXACTLY) ?? joined().match(KNOWN_EXACTLY),
  );
  if (known.size > 1) return refused('several_keys');
  const [only] = known;
  const text = only ?? bareOf(shown);
  return faultOf(text, shown) ?? { text };
};

const refused = (fault: Exclude<PastedKeyFault, 'another_vendor'>): RefusedPaste => ({
  fault,
  message: MESSAGES[fault],
});

const faultOf = (text: string, shown: string): RefusedPaste | undefined => {
  if (text === '') return refused('empty');
  if (text.startsWith('sk-admin-')) return refused('admin_key');
  if (text.startsWith('ek_')) return refused('client_secret');
  if (MASK.test(text)) return refused('masked');
  const vendor = vendorOf(text);
  if (vendor !== undefined)
    return {
      fault: 'another_vendor',
      message: `This is a key of ${vendor}, not of OpenAI, and was sent nowhere. Create an API key in the OpenAI dashboard; it starts with "sk-".`,
    };
  if (shown.split(/\s+/u).filter((word) => /(?<![\w-])sk-[\w-]{16}/.test(word)).length > 1)
    return refused('several_keys');
  if (ACCEPTED.test(text)) return undefined;
  if (/\p{Cc}/u.test(text)) return refused('invisible_character');
  // A hyphen of another kind, or a letter of another alphabet that looks like `s` or `k`.
  if (/[^\x21-\x7e]/u.test(text) && /[A-Za-z0-9_-]{16}/.test(text)) return refused('foreign_character');
  if (!text.startsWith('sk-')) return refused('not_an_openai_key');
  if (/[^A-Za-z0-9_-]/u.test(text)) return refused('foreign_character');
  return refused(text.length < 100 ? 'cut_off' : 'not_an_openai_key');
};

/** The longest text that is unwrapped; the contract accepts no longer one. */
const MAX_LENGTH = 4_096;

const bareOf = (shown: string): string => {
  let text = shown.slice(0, MAX_LENGTH + 1);
  for (let layer = 0; layer < MAX_LAYERS; layer++) {
    const before = text;
    // An ellipsis after characters of a key is how a key is masked, not punctuation.
    for (const pattern of AROUND)
      if (!/[\w-]\s*(?:\.{2,}|…)\s*["'`]?$/u.test(text)) text = text.replace(pattern, '');
    if (text === before) break;
  }
  return text.replace(/\\?\s+/gu, '');
};
