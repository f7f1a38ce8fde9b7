import { createExtraView, type ExtraView } from './extra-view.ts';
import { adviceOf } from './hints.ts';
import { retryWhileOffline } from './reconnect.ts';
import { SENTENCES } from './sentences.ts';
import { createTalk, type Talk, type TalkOptions } from './talk.ts';

/**
 * Everything in a call beyond sound: captions, typed text, functions of the page, reconnecting, their sentences, and
 * advice for developers. The widget loads it when a visitor opens the panel; a call without it has sound and all controls.
 */
export interface Extras {
  readonly sentences: typeof SENTENCES;
  readonly adviceOf: typeof adviceOf;
  readonly retryWhileOffline: typeof retryWhileOffline;
  createView(): ExtraView;
  createTalk(options: TalkOptions): Talk;
}

export const extras: Extras = {
  sentences: SENTENCES,
  adviceOf,
  retryWhileOffline,
  createView: createExtraView,
  createTalk,
};
