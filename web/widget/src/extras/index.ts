import { createExtraView, type ExtraView } from './extra-view.ts';
import { adviceOf } from './hints.ts';
import { retryWhileOffline } from './reconnect.ts';
import { SENTENCES } from './sentences.ts';
import { createTalk, type Talk, type TalkOptions } from './talk.ts';

/**
 * What a call has beyond sound: captions, typed text, functions of the page, another try after a loss, the sentences for
 * these, and advice for developers. The widget loads
 * it when a visitor opens the panel; a call without it has sound and all controls.
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
