import type { BrowserContext } from 'playwright-core';
import type { Visitor } from './visitor.ts';

/** Lets tests send events of OpenAI to the pages of a browser, in any order, and set the pages' clocks. */
export const controlPages = (context: BrowserContext): Promise<unknown> =>
  context.addInitScript(`{
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (...options) {
      const channel = create.apply(this, options);
      window.channel = channel;
      window.peer = this;
      return channel;
    };
    window.say = (...events) => {
      for (const event of events) channel.onmessage({ data: JSON.stringify(event) });
    };
    window.later = (ms) => {
      const now = performance.now.bind(performance);
      performance.now = () => now() + ms;
    };
  }`);

export const say = (visitor: Visitor, ...events: readonly object[]): Promise<unknown> =>
  visitor.page.evaluate(`say(...${JSON.stringify(events)})`);

/** Lets the page believe that so much time has passed. */
export const later = (visitor: Visitor, ms: number): Promise<unknown> =>
  visitor.page.evaluate(`later(${ms})`);

/** Waits until the widget has looked at the clock again, some times. */
export const ticks = (visitor: Visitor, times = 2): Promise<unknown> =>
  visitor.page.evaluate(`new Promise((resolve) => {
    const voice = document.querySelector('spelo-voice');
    let left = ${times};
    const observer = new MutationObserver(() => { if ((left -= 1) < 1) { observer.disconnect(); resolve(); } });
    observer.observe(voice.shadowRoot.querySelector('[part=time]'), { childList: true, characterData: true, subtree: true });
  })`);

/** Waits until an expression holds in the page; works under a policy that forbids `eval`. */
export const until = (visitor: Visitor, expression: string): Promise<unknown> =>
  visitor.page.evaluate(`new Promise((resolve) => {
    const look = () => { if (${expression}) resolve(); else setTimeout(look, 20); };
    look();
  })`);
