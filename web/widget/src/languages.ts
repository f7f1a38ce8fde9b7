import type { Strings } from './strings.ts';

/** File and integrity of each language other than English; the build inserts them. */
declare const SPELO_LANGUAGES: Readonly<Record<string, readonly [file: string, integrity: string]>>;

const known = new Map<string, Promise<Partial<Strings> | undefined>>();

/** The sentences in the language of `tag`, such as `de-AT`; undefined for English, and if they cannot be loaded. */
export const loadLanguage = (tag: string, script: string): Promise<Partial<Strings> | undefined> => {
  const language = tag.slice(0, 2).toLowerCase();
  const entry = typeof SPELO_LANGUAGES === 'undefined' ? undefined : SPELO_LANGUAGES[language];
  if (entry === undefined || script === '') return Promise.resolve(undefined);
  const [file, integrity] = entry;
  const strings =
    known.get(language) ??
    fetch(new URL(file, script), { integrity, credentials: 'omit' })
      .then((response) => (response.ok ? (response.json() as Promise<Partial<Strings>>) : undefined))
      .catch(() => undefined);
  known.set(language, strings);
  return strings;
};
