import { Secret } from '../secret.ts';
import { type RefusedPaste, readPastedKey } from './pasted-key.ts';

/** Kinds that have a separate prefix; the legacy user key has only `sk-`. */
const KINDS = ['sk-proj-', 'sk-svcacct-', 'sk-service-'] as const;

export interface OpenAiKey {
  /** The caller must destroy it. */
  readonly secret: Secret;
  /** `sk-proj-...AbCd`: the kind and the last four characters. The only form that is ever stored or shown. */
  readonly masked: string;
}

const maskOf = (text: string): string => {
  const kind = KINDS.find((prefix) => text.startsWith(prefix)) ?? 'sk-';
  return `${kind}...${text.slice(-4)}`;
};

/** The OpenAI API key in a pasted text, of any kind that can mint; else which fault the text has. */
export const parseOpenAiKey = (pasted: string): { readonly key: OpenAiKey } | RefusedPaste => {
  const read = readPastedKey(pasted);
  if ('fault' in read) return read;
  return { key: { secret: Secret.fromText(read.text), masked: maskOf(read.text) } };
};
