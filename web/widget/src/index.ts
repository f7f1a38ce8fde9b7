import { SpeloVoice } from './element.ts';
import { embed } from './embed.ts';
import { loadLanguage } from './languages.ts';
import { watchPolicy } from './page-policy.ts';
import { loadExtrasBeside } from './parts.ts';

const OWN_NAME = /spelo-voice[^/]*\.js/;
/** Modules and loaders have no `document.currentScript`; an error's stack names the file that runs. */
const ADDRESS = /https?:\/\/[^\s)]+\/spelo-voice[^\s:)/]*\.js/;

const findScript = (): HTMLScriptElement | undefined => {
  const { currentScript } = document;
  if (currentScript instanceof HTMLScriptElement) return currentScript;
  const own = [...document.scripts].filter(({ src }) => OWN_NAME.test(src));
  return own.find(({ dataset }) => dataset['siteId'] !== undefined) ?? own[0];
};

const install = (): void => {
  const script = findScript();
  const address = script?.src || ADDRESS.exec(new Error().stack ?? '')?.[0];
  if (!customElements.get('spelo-voice')) {
    SpeloVoice.api = script?.dataset['api'] ?? (address === undefined ? '' : new URL(address).origin);
    SpeloVoice.loadLanguage = (tag) => loadLanguage(tag, address ?? '');
    SpeloVoice.loadExtras = () => loadExtrasBeside(address ?? '', script?.nonce);
    SpeloVoice.embed = embed;
    watchPolicy();
    customElements.define('spelo-voice', SpeloVoice);
  }
  const { siteId, ...wishes } = script?.dataset ?? {};
  // A second copy of this script leaves everything to the first.
  if (siteId !== undefined) (customElements.get('spelo-voice') as typeof SpeloVoice).embed?.(siteId, wishes);
};

// Where pages are rendered on a server there is neither a document nor an element.
if (typeof document !== 'undefined') {
  try {
    install();
  } catch {
    // A browser without custom elements shows the page as it would be without the widget.
  }
}
