import { SpeloVoice } from './element.ts';
import { watchPolicy } from './page-policy.ts';
import type { Strings } from './strings.ts';

type Sentences = Promise<{ readonly default: Partial<Strings> }>;

const LANGUAGES: Readonly<Record<string, () => Sentences>> = {
  de: () => import('./languages/de.json'),
  es: () => import('./languages/es.json'),
  fr: () => import('./languages/fr.json'),
};

/**
 * Defines `<spelo-voice>`, once per page. Does nothing where pages are rendered on a server. Importing the package calls it;
 * set the attribute `api` on each element, because a bundle does not know the broker.
 */
export const defineSpeloVoice = (): void => {
  if (typeof customElements === 'undefined' || customElements.get('spelo-voice')) return;
  SpeloVoice.loadExtras = () =>
    import('./extras/index.ts').then(
      ({ extras }) => extras,
      () => undefined,
    );
  SpeloVoice.loadLanguage = async (tag) => {
    const load = LANGUAGES[tag.slice(0, 2).toLowerCase()];
    return load?.().then(
      (sentences) => sentences.default,
      () => undefined,
    );
  };
  watchPolicy();
  customElements.define('spelo-voice', SpeloVoice);
};

defineSpeloVoice();
