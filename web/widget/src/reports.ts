import type { TimedToken } from './broker.ts';

/** Why a call ended, in the words of the contract. */
export type EndReason = 'hung_up' | 'idle' | 'max_duration' | 'page_closed' | 'connection_lost' | 'failed';

/** What the broker wants after a report. */
export type HangUpReason = 'slot_lost' | 'max_duration' | 'ended' | 'site_gone';

type Report = Readonly<Record<string, unknown>>;

const BATCH = 50;
const LONGEST_CODE = 100;
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 60_000;
const DRAIN_MS = 3_000;

/**
 * Tells the broker what happens in one session: signed, in order, again until it has been heard. Should the page close,
 * the goodbye is signed already, because a page that closes has no time left to sign.
 */
export class Reports {
  readonly #url: string;
  readonly #key: Promise<CryptoKey>;
  readonly #onHangUp: (reason: HangUpReason) => void;
  readonly #goodbyeId = crypto.randomUUID();
  readonly #brokerAheadMs: number;
  readonly #startedAt: number;
  readonly #startedTick = performance.now();
  #queue: Report[] = [];
  #isSending = false;
  /** The broker knows this session no more, or never did. */
  #isRefused = false;
  #hasEnded = false;
  #goodbye: { readonly url: string; readonly body: string } | undefined;
  #retryMs = FIRST_RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    url: string,
    token: Pick<TimedToken, 'signing_secret' | 'brokerAheadMs'>,
    onHangUp: (reason: HangUpReason) => void,
  ) {
    this.#url = url;
    this.#onHangUp = onHangUp;
    this.#brokerAheadMs = token.brokerAheadMs;
    this.#startedAt = Date.now() + token.brokerAheadMs;
    const bytes = Uint8Array.from(atob(token.signing_secret), (character) => character.charCodeAt(0));
    this.#key = crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    void this.#prepareGoodbye();
  }

  add(type: string, fields: Report = {}): void {
    if (this.#hasEnded || this.#isRefused) return;
    this.#hasEnded = type === 'ended';
    const { code } = fields;
    // A code that the contract has no room for would have the whole batch refused, again and again.
    const told = typeof code === 'string' ? { ...fields, code: code.slice(0, LONGEST_CODE) } : fields;
    this.#queue.push({ id: crypto.randomUUID(), type, at: this.#time(), ...told });
    if (this.#hasEnded) this.#goodbye = undefined;
    else void this.#prepareGoodbye();
    void this.#flush();
  }

  /** The time by a clock that nobody sets during the call: durations stay true when the computer's clock is put right. */
  #time(): string {
    return new Date(this.#startedAt + performance.now() - this.#startedTick).toISOString();
  }

  end(reason: EndReason): void {
    this.add('ended', { reason });
  }

  /** Resolves when everything was heard, or when that takes too long to wait for. */
  async drained(): Promise<void> {
    const until = Date.now() + DRAIN_MS;
    while (this.#queue.length > 0 && !this.#isRefused && Date.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** For `pagehide`: sends the goodbye that was signed before. */
  leave(): void {
    const goodbye = this.#goodbye;
    if (goodbye === undefined) return;
    this.#hasEnded = true;
    this.#goodbye = undefined;
    if (!navigator.sendBeacon(goodbye.url, goodbye.body))
      void fetch(goodbye.url, { method: 'POST', body: goodbye.body, keepalive: true }).catch(() => {});
  }

  async #flush(): Promise<void> {
    if (this.#isSending || this.#queue.length === 0 || this.#isRefused) return;
    this.#isSending = true;
    clearTimeout(this.#timer);
    const batch = this.#queue.slice(0, BATCH);
    const response = await this.#send(batch).catch(() => undefined);
    this.#isSending = false;
    const status = response?.status ?? 0;
    if (status === 429 || status >= 500 || status === 0) {
      this.#retryLater(Number(response?.headers.get('retry-after')) * 1_000);
      return;
    }
    // Anything else would be refused again just so.
    this.#queue = this.#queue.slice(batch.length);
    this.#retryMs = FIRST_RETRY_MS;
    this.#isRefused = status === 401 || status === 403 || status === 404;
    if (this.#isRefused) this.#goodbye = undefined;
    else if (!this.#hasEnded) void this.#prepareGoodbye();
    await this.#obey(response);
    void this.#flush();
  }

  async #send(batch: readonly Report[]): Promise<Response> {
    const body = JSON.stringify({ events: batch });
    return fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-spelo-signature': await this.#sign(body) },
      body,
      credentials: 'omit',
      keepalive: true,
    });
  }

  #retryLater(askedMs: number): void {
    if (this.#retryMs > LAST_RETRY_MS && this.#hasEnded) return;
    this.#timer = setTimeout(() => void this.#flush(), Math.max(this.#retryMs, askedMs || 0));
    this.#retryMs *= 2;
  }

  async #obey(response: Response | undefined): Promise<void> {
    const answer = (await response?.json().catch(() => undefined)) as
      | { data?: { action?: string; reason?: HangUpReason } }
      | undefined;
    if (answer?.data?.action === 'hang_up' && !this.#hasEnded) this.#onHangUp(answer.data.reason ?? 'ended');
  }

  /** Takes along what is not yet heard; the broker counts nothing twice. */
  async #prepareGoodbye(): Promise<void> {
    const ended = {
      id: this.#goodbyeId,
      type: 'ended',
      at: this.#time(),
      reason: 'page_closed',
    };
    const body = JSON.stringify({ events: [...this.#queue.slice(1 - BATCH), ended] });
    try {
      const url = `${this.#url}?signature=${encodeURIComponent(await this.#sign(body))}`;
      if (!this.#hasEnded && !this.#isRefused) this.#goodbye = { url, body };
    } catch {
      // The lease of the session runs out by itself.
    }
  }

  async #sign(body: string): Promise<string> {
    const t = Math.floor((Date.now() + this.#brokerAheadMs) / 1_000);
    const mac = await crypto.subtle.sign('HMAC', await this.#key, new TextEncoder().encode(`${t}.${body}`));
    const hex = Array.from(new Uint8Array(mac), (byte) => byte.toString(16).padStart(2, '0')).join('');
    return `t=${t},v1=${hex}`;
  }
}
