import { SpeloVoice } from './element.ts';

/** The script tag itself; only now, while the script runs, does the page tell which one it is. */
const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;

const embed = (siteId: string): void => {
  const element = document.createElement('spelo-voice');
  element.setAttribute('site-id', siteId);
  element.setAttribute('floating', '');
  document.body.append(element);
};

try {
  SpeloVoice.api = script?.dataset['api'] ?? new URL(script?.src ?? location.href).origin;
  if (!customElements.get('spelo-voice')) customElements.define('spelo-voice', SpeloVoice);
  const siteId = script?.dataset['siteId'];
  if (siteId !== undefined) {
    if (document.body) embed(siteId);
    else addEventListener('DOMContentLoaded', () => embed(siteId));
  }
} catch {
  // A browser without custom elements shows the page as it would be without the widget.
}
