import type { TimedCall } from './broker.ts';
import { hexOf, randomId } from './random-id.ts';
import type { StringName } from './strings.ts';

/** Why a call ended, in the words of the contract. */
export type EndReason = 'hung_up' | 'idle' | 'max_duration' | 'page_closed' | 'connection_lost' | 'failed';

/** The broker's order after a report. */
export type HangUpReason = 'slot_lost' | 'max_duration' | 'ended' | 'site_gone';

export interface HangUp {
  readonly reason: HangUpReason;
  /** Who ended the call, in the words of the contract; undefined if the broker does not know. */
  readonly endedBy: string | undefined;
}

/** An owner ends calls by hand, or by removing the key, the site or the workspace. */
const BY_OWNER = /^(?:operator|key_|site_|workspace_)/;

/** How a call ends by the broker's order, and the sentence that tells the visitor why. */
export const endOf = ({ reason, endedBy }: HangUp): readonly [EndReason, StringName] => {
  const why = endedBy ?? reason;
  if (why === 'max_duration') return [why, 'ended_max_duration'];
  if (why === 'budget') return ['failed', 'ended_limit'];
  return ['failed', BY_OWNER.test(why) ? 'ended_by_owner' : 'ended_by_service'];
};

type Fields = Readonly<Record<string, unknown>>;

interface Report {
  readonly id: string;
  readonly type: string;
  /** `performance.now()` of what happened; becomes `at` when it is sent, by the clock that is right then. */
  readonly tick: number;
  readonly fields: Fields;
}

const BATCH = 50;
const LONGEST_CODE = 100;
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 60_000;
const DRAIN_MS = 3_000;

/**
 * Reports the events of one session to the broker: signed, in order, repeated until they are accepted. The report of the
 * end is signed in advance, because a page that closes has no time to sign.
 */
export class Reports {
  readonly #url: string;
  readonly #key: Promise<CryptoKey>;
  readonly #onHangUp: (hangUp: HangUp) => void;
  readonly #goodbyeId = randomId();
  readonly #onPageHide = (): void => this.leave();
  readonly #brokerAheadMs: number;
  /** The broker's time less `performance.now()`: nobody sets that clock during a call, but it may stop while a computer sleeps. */
  readonly #steadyOffsetMs: number;
  #trustsSteady = true;
  #queue: Report[] = [];
  #inFlight = 0;
  /** The broker does not know this session, or no longer does. */
  #isRefused = false;
  #hasEnded = false;
  #goodbye: { readonly url: string; readonly body: string } | undefined;
  #goodbyes = 0;
  #retryMs = FIRST_RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    url: string,
    call: Pick<TimedCall, 'signing_secret' | 'brokerAheadMs'>,
    onHangUp: (hangUp: HangUp) => void,
  ) {
    this.#url = url;
    this.#onHangUp = onHangUp;
    this.#brokerAheadMs = call.brokerAheadMs;
    this.#steadyOffsetMs = Date.now() + call.brokerAheadMs - performance.now();
    const bytes = Uint8Array.from(atob(call.signing_secret), (character) => character.charCodeAt(0));
    this.#key = crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    addEventListener('pagehide', this.#onPageHide);
    void this.#prepareGoodbye();
  }

  /** The broker's time, milliseconds. */
  now(): number {
    return this.#trustsSteady ? performance.now() + this.#steadyOffsetMs : Date.now() + this.#brokerAheadMs;
  }

  add(type: string, fields: Fields = {}): void {
    if (this.#hasEnded || this.#isRefused) return;
    this.#hasEnded = type === 'ended';
    const { code } = fields;
    // A code that is too long for the contract would get the whole batch refused, each time.
    const told = typeof code === 'string' ? { ...fields, code: code.slice(0, LONGEST_CODE) } : fields;
    this.#queue.push({ id: randomId(), type, tick: performance.now(), fields: told });
    void this.#prepareGoodbye();
    void this.#flush(this.#hasEnded);
  }

  #bodyOf(reports: readonly Report[]): string {
    const events = reports.map(({ id, type, tick, fields }) => {
      const atMs = this.now() + tick - performance.now();
      return { id, type, at: new Date(atMs).toISOString(), ...fields };
    });
    return JSON.stringify({ events });
  }

  /** Repeated as soon as a first failure, however long the network was down before: it frees the slot. */
  end(reason: EndReason): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.add('ended', { reason });
  }

  /** Sends at once. Resolves with false when everything was heard, with true when that takes too long to wait for. */
  async isUnheard(): Promise<boolean> {
    const until = performance.now() + DRAIN_MS;
    void this.#flush();
    while (this.#inFlight + this.#queue.length > 0 && !this.#isRefused) {
      if (performance.now() > until) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  }

  /** For `pagehide`: sends what is not yet heard, with the end, as it was signed before. */
  leave(): void {
    const goodbye = this.#goodbye;
    if (goodbye === undefined) return;
    this.#hasEnded = true;
    this.#goodbye = undefined;
    if (!navigator.sendBeacon(goodbye.url, goodbye.body))
      void fetch(goodbye.url, { method: 'POST', body: goodbye.body, keepalive: true }).catch(() => {});
  }

  /** An urgent report does not wait for the answer to another; the broker counts nothing twice. */
  async #flush(isUrgent = false): Promise<void> {
    if (this.#isRefused || this.#queue.length === 0 || (this.#inFlight > 0 && !isUrgent)) return;
    this.#inFlight += 1;
    clearTimeout(this.#timer);
    const batch = isUrgent ? this.#queue.slice(-BATCH) : this.#queue.slice(0, BATCH);
    const response = await this.#send(batch).catch(() => undefined);
    const status = response?.status ?? 0;
    // A refused signature, which a browser may hide: the other clock may be the right one.
    const isUnsigned = status === 0 || status === 401;
    if (isUnsigned) this.#trustsSteady = !this.#trustsSteady;
    if (isUnsigned || status === 429 || status >= 500) {
      this.#inFlight -= 1;
      this.#retryLater(Number(response?.headers.get('retry-after')) * 1_000);
      return;
    }
    // Anything else would be refused in the same way.
    this.#queue = this.#queue.filter((report) => !batch.includes(report));
    this.#retryMs = FIRST_RETRY_MS;
    this.#isRefused = status === 403 || status === 404;
    void this.#prepareGoodbye();
    await this.#obey(response);
    this.#inFlight -= 1;
    void this.#flush();
  }

  async #send(batch: readonly Report[]): Promise<Response> {
    const body = this.#bodyOf(batch);
    return fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-spelo-signature': await this.sign(body) },
      body,
      credentials: 'omit',
      keepalive: true,
    });
  }

  #retryLater(askedMs: number): void {
    if (this.#hasEnded && this.#retryMs > LAST_RETRY_MS) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#flush(), Math.max(this.#retryMs, askedMs || 0));
    this.#retryMs *= 2;
  }

  async #obey(response: Response | undefined): Promise<void> {
    const answer = (await response?.json().catch(() => undefined)) as
      | { data?: { action?: string; reason?: HangUpReason; ended_by?: string | null } }
      | undefined;
    const { action, reason = 'ended', ended_by } = answer?.data ?? {};
    if (!this.#hasEnded && action === 'hang_up') this.#onHangUp({ reason, endedBy: ended_by ?? undefined });
  }

  /** Takes along what is not yet heard; the broker counts nothing twice. */
  async #prepareGoodbye(): Promise<void> {
    this.#goodbyes += 1;
    const turn = this.#goodbyes;
    if (this.#isRefused || (this.#queue.length === 0 && this.#hasEnded)) {
      this.#goodbye = undefined;
      removeEventListener('pagehide', this.#onPageHide);
      return;
    }
    const fields = { reason: 'page_closed' };
    const ended = { id: this.#goodbyeId, type: 'ended', tick: performance.now(), fields };
    const body = this.#bodyOf(
      this.#hasEnded ? this.#queue.slice(-BATCH) : [...this.#queue.slice(1 - BATCH), ended],
    );
    try {
      const url = `${this.#url}?signature=${encodeURIComponent(await this.sign(body))}`;
      if (this.#goodbyes === turn) this.#goodbye = { url, body };
    } catch {
      // The lease of the session runs out by itself.
    }
  }

  /** Proves that a text comes from the page that was given this session. */
  async sign(body: string): Promise<string> {
    const t = Math.floor(this.now() / 1_000);
    const mac = await crypto.subtle.sign('HMAC', await this.#key, new TextEncoder().encode(`${t}.${body}`));
    return `t=${t},v1=${hexOf(new Uint8Array(mac))}`;
  }
}
