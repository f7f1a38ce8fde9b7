import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { BrowserContext, Page } from 'playwright-core';
import { localRuntime } from '../local/local-runtime.ts';
import { startLocalStack } from '../local/local-stack.ts';
import { widgetPages } from '../local/web/widget-pages.ts';
import { type HostPage, startHostPage } from '../test/browser/support/host-page.ts';
import { closeBrowser, launchBrowser } from '../test/browser/support/launch-browser.ts';
import { SILENCE } from '../test/browser/support/microphone.ts';
import { buildWidget } from '../web/widget/build.ts';
import { median, NO_BUDGETS, signIn, withoutStreams } from './bench-stack.ts';
import { AWS_MS, OPENAI_MS } from './kill-switch-model.ts';
import { startRelay } from './relay.ts';
import { print, tableOf } from './report.ts';

/**
 * Measures how long a visitor waits from the click until the first sound of the assistant, in Chromium: with a client secret, as in
 * the client of docs/sessions.md, and with a call of the real widget, with eager and with strict watching. Every call to AWS and
 * every request to OpenAI has a fixed delay; a browser's preflight to OpenAI has none. Each round has a fresh site, so that the
 * preflight to the broker is in every figure. The assistant speaks as soon as events flow. `npm run bench:first-sound [-- --rounds
 * 15] [-- --json] [-- --short]`.
 */

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    rounds: { type: 'string' },
  },
});
const ROUNDS = Number(options.rounds ?? (options.short ? 2 : 15));
const WAYS = ['token', 'call, eager', 'call, strict'] as const;
type Way = (typeof WAYS)[number];

/** The steps of a call in the order in which most happen, by the name of their mark. */
const STEPS = {
  asked: 'microphone requested',
  microphone: 'microphone open',
  peer: 'peer connection created',
  offer: 'offer ready',
  request: 'request to the broker started',
  preflight: 'preflight answered',
  openAi: 'first request at OpenAI',
  created: 'OpenAI has answered it',
  answered: 'broker has answered',
  sideband: 'second request at OpenAI',
  answer: 'SDP answer in the page',
  ice: 'ICE connected',
  dtls: 'DTLS connected',
  events: 'data channel open',
  sound: 'first sound',
} as const;
type Mark = keyof typeof STEPS;
const MARKS = Object.keys(STEPS) as Mark[];

/** Milliseconds after the click. A missing step is absent. */
type Marks = Readonly<Partial<Record<Mark, number>>>;

/** Marks the steps of a call in the page, with the same clock as the bench. Requests a response as soon as events flow. */
const WATCHING = `
localStorage.setItem('spelo-voice:notice', '1');
const marks = {};
let tellHeard;
window.heard = new Promise((resolve) => { tellHeard = resolve; });
const mark = (name) => { marks[name] ??= performance.timeOrigin + performance.now(); };
addEventListener('click', () => mark('click'), true);
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  mark('asked');
  const stream = await open(wanted);
  mark('microphone');
  return stream;
};
const send = window.fetch;
window.fetch = (url, ...given) => {
  if (/\\/(?:token|calls)$/.test(url)) mark('request');
  return send(url, ...given);
};
const Peer = RTCPeerConnection;
window.RTCPeerConnection = class extends Peer {
  constructor(...given) {
    super(...given);
    mark('peer');
    this.addEventListener('track', ({ track }) => track.addEventListener('unmute', () => {
      mark('sound');
      tellHeard(marks);
    }));
    this.addEventListener('iceconnectionstatechange', () => {
      if (this.iceConnectionState === 'connected') mark('ice');
    });
    this.addEventListener('connectionstatechange', () => {
      if (this.connectionState === 'connected') mark('dtls');
    });
  }
  async setLocalDescription(...given) {
    await super.setLocalDescription(...given);
    mark('offer');
  }
  async setRemoteDescription(...given) {
    mark('answer');
    await super.setRemoteDescription(...given);
  }
  createDataChannel(...given) {
    const channel = super.createDataChannel(...given);
    channel.addEventListener('open', () => {
      mark('events');
      channel.send('{"type":"response.create"}');
    });
    return channel;
  }
};`;

/** The client of docs/sessions.md, behind a button. */
const tokenPage = (broker: string, siteId: string): string => `<button>Talk to us</button><script>
document.querySelector('button').addEventListener('click', async () => {
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const peer = new RTCPeerConnection();
  for (const track of microphone.getTracks()) peer.addTrack(track, microphone);
  peer.createDataChannel('oai-events');
  const response = await fetch('${broker}/v1/${siteId}/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  const { data } = await response.json();
  await peer.setLocalDescription(await peer.createOffer());
  const answer = await fetch(data.realtime_url, {
    method: 'POST',
    headers: { authorization: 'Bearer ' + data.client_secret.value, 'content-type': 'application/sdp' },
    body: peer.localDescription.sdp,
  });
  await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
});
</script>`;

/** The first time of each step outside of the page in this click, Unix milliseconds. */
let noted: Partial<Record<Mark, number>> = {};
const note = (mark: Mark, atMs = Date.now()): void => {
  noted[mark] ??= atMs;
};

/** One click on a fresh page. */
const listen = async (browser: BrowserContext, url: string): Promise<Marks> => {
  const page: Page = await browser.newPage();
  try {
    await page.addInitScript(WATCHING);
    await page.goto(url);
    noted = {};
    await page.getByRole('button', { name: 'Talk to us' }).click();
    const { click, ...seen } = await page.evaluate<Partial<Record<Mark, number>> & { click: number }>(
      'heard',
    );
    return Object.fromEntries(
      Object.entries({ ...seen, ...noted }).map(([mark, atMs]) => [mark, atMs - click]),
    );
  } finally {
    await page.close();
  }
};

/** The broker's own log has the time of its response to the browser. */
const readLog = (line: string): void => {
  const { route, timestamp } = JSON.parse(line) as { readonly route?: string; readonly timestamp: string };
  if (/^OPTIONS .*\/(?:token|calls)$/.test(route ?? '')) note('preflight', Date.parse(timestamp));
  if (/^POST .*\/(?:token|calls)$/.test(route ?? '')) note('answered', Date.parse(timestamp));
};

const startStage = async (watch: string) => {
  const relays = {
    dynamoDb: await startRelay({ arrived: () => sleep(AWS_MS) }),
    kms: await startRelay({ arrived: () => sleep(AWS_MS) }),
    openAi: await startRelay({
      arrived: ({ operation }) => {
        if (operation.startsWith('OPTIONS')) return undefined;
        note(noted.openAi === undefined ? 'openAi' : 'sideband');
        return sleep(OPENAI_MS);
      },
      answered: ({ operation }) => {
        if (operation.startsWith('POST')) note('created');
      },
    }),
  };
  const stack = await startLocalStack({
    strict: false,
    port: 0,
    path: process.env['PATH'],
    runtime: localRuntime(readLog),
    pages: await widgetPages(() => undefined),
    variables: {
      ...NO_BUDGETS,
      WATCH: watch,
      AWS_ENDPOINT_URL_DYNAMODB: relays.dynamoDb.url,
      AWS_ENDPOINT_URL_KMS: relays.kms.url,
      OPENAI_BASE_URL: `${relays.openAi.url}/v1`,
    },
  });
  if (stack.openAi === undefined) throw new Error('The bench needs the stand-in for OpenAI.');
  relays.dynamoDb.forwardTo(stack.dynamoDb.endpoint);
  relays.kms.forwardTo(stack.kms.endpoint);
  relays.openAi.forwardTo(stack.openAi.baseUrl);
  await withoutStreams(stack);
  const host = await startHostPage(stack.url, await buildWidget());
  const owner = await signIn(stack);
  return {
    stack,
    host,
    /** The page of a new site. */
    page: async (show: (host: HostPage, siteId: string) => string): Promise<string> => {
      const { siteId } = await owner.makePlace({}, { site: { allowed_origins: [host.origin] } });
      return show(host, siteId);
    },
    close: async () => {
      await host.close();
      await stack.close();
      await Promise.all(Object.values(relays).map((relay) => relay.close()));
    },
  };
};

const stages = { eager: await startStage('eager'), strict: await startStage('strict') };
// A visitor who speaks would interrupt the assistant.
const browser = await launchBrowser({ speech: SILENCE });
const pageOf: Readonly<Record<Way, () => Promise<string>>> = {
  token: () => stages.eager.page((host, siteId) => host.show(tokenPage(stages.eager.stack.url, siteId))),
  'call, eager': () => stages.eager.page((host, siteId) => host.url(siteId)),
  'call, strict': () => stages.strict.page((host, siteId) => host.url(siteId)),
};
try {
  const seen: Record<Way, Marks[]> = { token: [], 'call, eager': [], 'call, strict': [] };
  // The first of each warms the functions and the browser, and is not counted.
  for (let round = 0; round <= ROUNDS; round++)
    for (const way of WAYS) {
      const marks = await listen(browser, await pageOf[way]());
      if (round > 0) seen[way].push(marks);
    }
  const at = (way: Way, mark: Mark): number | undefined => {
    const times = seen[way].map((marks) => marks[mark]).filter((ms) => ms !== undefined);
    return times.length > 0 ? median(times) : undefined;
  };
  const sound = (way: Way): number => at(way, 'sound') ?? Number.NaN;
  print(
    {
      tables: {
        'first-sound': tableOf(
          ['Opened by', 'click to first sound, ms', '× token'],
          WAYS.map((way) => [way, sound(way).toFixed(0), (sound(way) / sound('token')).toFixed(2)]),
        ),
        'first-sound-steps': tableOf(
          ['Step, ms after the click', ...WAYS],
          MARKS.map((mark) => [STEPS[mark], ...WAYS.map((way) => at(way, mark)?.toFixed(0) ?? '')]),
        ),
      },
      figures: { rounds: ROUNDS, seen },
      faults: [],
    },
    options.json,
  );
} finally {
  await closeBrowser(browser);
  for (const stage of Object.values(stages)) await stage.close();
}
