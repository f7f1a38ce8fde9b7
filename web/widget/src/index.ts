import { SpeloVoice } from './element.ts';
import { embed } from './embed.ts';
import { loadLanguage } from './languages.ts';
import { watchPolicy } from './page-policy.ts';
import { loadExtrasBeside } from './parts.ts';

const OWN_NAME = /spelo-voice[^/]*\.js/;
/** Modules and loaders have no `document.currentScript`; an error's stack names the file that runs. */
const ADDRESS = /https?:\/\/[^\s)]+\/spelo-voice[^\s:)/]*\.js/;

const findScript = (): HTMLScriptElement | undefined => {
  const own = [...document.scripts].filter(({ src }) => OWN_NAME.test(src));
  const { currentScript } = document;
  // A page's own bundle that contains this script does not know the broker.
  if (
    currentScript instanceof HTMLScriptElement &&
    (own.includes(currentScript) || currentScript.dataset['siteId'] !== undefined)
  )
    return currentScript;
  return own.find(({ dataset }) => dataset['siteId'] !== undefined) ?? own[0];
};

const install = (): void => {
  const script = findScript();
  const address = script?.src || ADDRESS.exec(new Error().stack ?? '')?.[0];
  const { siteId, ...wishes } = script?.dataset ?? {};
  const api = wishes['api'] ?? (address === undefined ? '' : new URL(address).origin);
  // A second copy of this script does nothing. The package has neither the broker's address nor the one-line form.
  const element = (customElements.get('spelo-voice') ?? SpeloVoice) as typeof SpeloVoice;
  element.api ||= api;
  element.embed ??= embed;
  if (element === SpeloVoice) {
    SpeloVoice.loadLanguage = (tag) => loadLanguage(tag, address ?? '');
    SpeloVoice.loadExtras = () => loadExtrasBeside(address ?? '', script?.nonce);
    watchPolicy();
    customElements.define('spelo-voice', SpeloVoice);
  }
  if (siteId !== undefined) element.embed(siteId, element.api === api ? wishes : { ...wishes, api });
};

// Where pages are rendered on a server there is neither a document nor an element.
if (typeof document !== 'undefined') {
  try {
    install();
  } catch {
    // A browser without custom elements shows the page as it would be without the widget.
  }
}
