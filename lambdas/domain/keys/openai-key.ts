import { Secret } from '../secret.ts';

/**
 * Any modern `sk-` key. Length and inner markers have changed over the years, so they are not enforced.
 * Source: key formats of OpenAI as matched by gitleaks and TruffleHog, loosened on purpose.
 */
const ACCEPTED = /^sk-(?!admin-)[A-Za-z0-9_-]{20,300}$/;

/** Kinds that have a prefix of their own; the legacy user key has only `sk-`. */
const KINDS = ['sk-proj-', 'sk-svcacct-', 'sk-service-'] as const;

export type OpenAiKeyFault = 'empty' | 'admin_key' | 'client_secret' | 'not_an_openai_key';

/** Why a pasted text is not accepted, in words for the person who pasted it. Never repeats the text. */
export const openAiKeyFaultMessages: Readonly<Record<OpenAiKeyFault, string>> = {
  empty: 'Paste an OpenAI API key. It starts with "sk-".',
  admin_key:
    'This is an admin key ("sk-admin-"): it can manage the whole organization and cannot mint Realtime sessions. Create a project key instead.',
  client_secret:
    'This is a short-lived client secret ("ek_"), not an API key. Create an API key in the OpenAI dashboard; it starts with "sk-".',
  not_an_openai_key:
    'This does not look like an OpenAI API key: "sk-" followed by 20 to 300 letters, digits, "-" or "_". Copy it again, whole.',
};

export interface OpenAiKey {
  /** To be destroyed by whoever asked for it. */
  readonly secret: Secret;
  /** `sk-proj-...AbCd`: the kind and the last four characters. The only form that is ever stored or shown. */
  readonly masked: string;
}

const maskOf = (text: string): string => {
  const kind = KINDS.find((prefix) => text.startsWith(prefix)) ?? 'sk-';
  return `${kind}...${text.slice(-4)}`;
};

/** Trims, then accepts an OpenAI API key of any kind that can mint; else says which fault the text has. */
export const parseOpenAiKey = (pasted: string): { key: OpenAiKey } | { fault: OpenAiKeyFault } => {
  const text = pasted.trim();
  if (text === '') return { fault: 'empty' };
  if (text.startsWith('sk-admin-')) return { fault: 'admin_key' };
  if (text.startsWith('ek_')) return { fault: 'client_secret' };
  if (!ACCEPTED.test(text)) return { fault: 'not_an_openai_key' };
  return { key: { secret: Secret.fromText(text), masked: maskOf(text) } };
};
