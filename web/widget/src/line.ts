import { embedTokenOf, openCall, type TimedCall } from './broker.ts';
import type { CallOptions } from './call-types.ts';
import { type EndReason, type HangUp, Reports } from './reports.ts';
import { Failure } from './strings.ts';

/** The record of one call at the broker: opened with an offer, reported on, and replaced by another one after a loss. */
export class Line {
  /** The newest answer of the broker. */
  call: TimedCall | undefined;
  readonly #options: CallOptions;
  readonly #onHangUp: (hangUp: HangUp) => void;
  #embedToken: string | undefined;
  #reports: Reports | undefined;
  #end: EndReason | undefined;

  constructor(options: CallOptions, onHangUp: (hangUp: HangUp) => void) {
    this.#options = options;
    this.#onHangUp = onHangUp;
  }

  /** Sends the offer of a connection to the broker; resolves with OpenAI's answer. Throws a `Failure`. */
  async open(sdp: string): Promise<string> {
    const { api, siteId, visitorId, getEmbedToken } = this.#options;
    const lost = this.call;
    // A call that replaces another needs no second token.
    this.#embedToken ??= await embedTokenOf(getEmbedToken);
    // The visitor hung up while the page asked its server: there is no call to open.
    if (this.#end !== undefined) throw new Failure({ code: 'connection_failed' });
    const call = await openCall(api, siteId, {
      sdp,
      visitor_id: visitorId,
      embed_token: this.#embedToken,
      replaces: lost && {
        session_id: lost.session_id,
        signature: (await this.#reports?.sign(`replaces.${lost.session_id}`)) ?? '',
      },
    });
    this.call = call;
    this.#reports?.end('connection_lost');
    this.#reports = new Reports(
      `${api}/v1/${siteId}/sessions/${call.session_id}/events`,
      call,
      this.#onHangUp,
    );
    // The visitor hung up while the broker was still answering: the slot is released at once.
    if (this.#end !== undefined) {
      this.#reports.end(this.#end);
      throw new Failure({ code: 'connection_failed' });
    }
    return call.sdp;
  }

  report(type: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#reports?.add(type, fields);
  }

  end(reason: EndReason): void {
    this.#end = reason;
    this.#reports?.end(reason);
  }

  /** The page closes. Sends only what needs no answer. */
  leave(): void {
    this.#reports?.leave();
  }

  /** Resolves with true if the broker did not accept every report within a time limit. */
  isUnheard(): Promise<boolean> | undefined {
    return this.#reports?.isUnheard();
  }
}
