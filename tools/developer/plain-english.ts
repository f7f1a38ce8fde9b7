/** Words and phrases that `npm run check:english` reports, with what to write instead. The reasons are in CONTRIBUTING.md. */
export interface Avoided {
  readonly pattern: RegExp;
  /** Shown to the writer. */
  readonly instead: string;
  /** Put in place by `--fix`; only where it is right in every sentence. */
  readonly replacement?: string;
}

export const AVOIDED: readonly Avoided[] = [
  { pattern: /\banew\b/, instead: 'again, or the verb: re-encrypt, recreate', replacement: 'again' },
  { pattern: /\bwhoever\b/, instead: 'anyone who, the person who' },
  { pattern: /\bsomebody else's\b/, instead: "someone else's", replacement: "someone else's" },
  {
    pattern: /\bsomebody\b/,
    instead: 'someone, or the person: the owner, a visitor',
    replacement: 'someone',
  },
  { pattern: /\bunless told(?: otherwise)?\b/, instead: 'by default, or @default' },
  { pattern: /\b(?:is|are|was|were|be) told of\b/, instead: 'learns of, receives, is notified of' },
  { pattern: /\bstands? (?:at|beside)\b/, instead: 'is at, is next to' },
  { pattern: /\b(?:goes|go) by\b/, instead: 'uses, depends on, follows' },
  { pattern: /\bcomes? to(?! (?:be|pass)\b)\b/, instead: 'reaches, amounts to, arrives at' },
  { pattern: /\bof (?:its|their) own\b/, instead: 'its own X, a separate X' },
  { pattern: /\bas things stand\b/, instead: 'currently', replacement: 'currently' },
  { pattern: /\bfrom the next \w+(?: \w+)? on\b/, instead: 'starting with the next' },
  { pattern: /\bseldom\b/, instead: 'rarely', replacement: 'rarely' },
  { pattern: /\bbeside\b/, instead: 'next to, alongside, or besides' },
  { pattern: /\btold apart\b/, instead: 'distinguished', replacement: 'distinguished' },
  { pattern: /\ball the same\b/, instead: 'anyway', replacement: 'anyway' },
  { pattern: /\bdearer\b/, instead: 'more expensive', replacement: 'more expensive' },
  { pattern: /\btells? of\b/, instead: 'reports, describes, mentions' },
  { pattern: /\bhears? of\b/, instead: 'learns of' },
  { pattern: /\bnothing of this\b/, instead: 'none of this', replacement: 'none of this' },
  {
    pattern: /\b(?:is|are|was|were) over(?=[.,;:]| (?:and|before|when|until)\b)/,
    instead: 'has ended, has passed',
  },
  { pattern: /\b(?:the call|session|watcher|run|page|list) goes on\b/, instead: 'continues' },
  { pattern: /\bworth naming\b/, instead: 'the fact: very little, negligible' },
];

/** A docstring names its thing: "Tables by name", not "What the tables are called". */
export const DOCSTRING_OPENING: Avoided = {
  pattern: /^\s*What\b/,
  instead: 'start with what the function returns or guarantees',
};

/** Reviewed exceptions: the text is right where it is. */
export const ALLOWED: readonly { readonly path: RegExp; readonly text: RegExp; readonly reason: string }[] = [
  { path: /^tools\/developer\/plain-english\.ts$/, text: /./, reason: 'the list itself' },
  {
    path: /^test\/tools\/developer\/check-english\.test\.ts$/,
    text: /./,
    reason: 'examples of what is found',
  },
  { path: /^CONTRIBUTING\.md$/, text: /anew, whoever, somebody/, reason: 'names the words' },
];
