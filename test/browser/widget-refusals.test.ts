import { expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { PROBLEMS as PUBLIC_PROBLEMS } from '../../lambdas/contract/problems.ts';
import { ROUTES } from '../../lambdas/contract/routes.ts';
import { MORE_PROBLEMS } from '../../web/widget/src/extras/sentences.ts';
import { PROBLEMS as FIRST_PROBLEMS } from '../../web/widget/src/strings.ts';
import { suspendWorkspaceKey } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { fakeKey, makeTenant, putWorkspaceKey } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

const PROBLEMS = { ...FIRST_PROBLEMS, ...MORE_PROBLEMS };

let stage: Stage;
let browser: BrowserContext;

const tryToCall = async (siteId: string): Promise<Visitor> => {
  const visitor = await visit(browser, stage.host.url(siteId));
  await visitor.startCall();
  return visitor;
};

const publicCodes = [
  ...new Set(
    [...ROUTES.openCall.refusals, 'unavailable'].map((name) => PUBLIC_PROBLEMS[name as 'busy'].code),
  ),
] as string[];
const isKnown = (code: string): code is keyof typeof PROBLEMS => code in PROBLEMS;

describeInBrowser('a visitor who is refused', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it.each(publicCodes)('reads a specific sentence for %s', async (code) => {
    expect(isKnown(code)).toBe(true);
    const { siteId } = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(siteId));
    const problem = Object.values(PUBLIC_PROBLEMS).find((each) => each.code === code);
    await visitor.page.route('**/calls', (route) =>
      route.fulfill({
        status: problem?.status ?? 500,
        headers: { 'access-control-allow-origin': stage.host.origin },
        json: {
          success: false,
          error: { code, message: 'For the owner.', request_id: 'req-12345678', retry_after: 7 },
        },
      }),
    );
    await visitor.startCall();
    await visitor.reaches(code === 'busy' ? 'busy' : 'error');
    const text = await visitor.text();
    if (isKnown(code)) expect(text).toContain(PROBLEMS[code]);
    // What the contract says to the owner of the site is not for the visitor.
    expect(text).not.toContain('For the owner.');
    const [told] = await visitor.told('error');
    expect(told?.detail).toMatchObject({ code, retryAfter: 7, requestId: 'req-12345678' });
    expect(await visitor.microphones()).toEqual([{ isLive: false, isOn: true }]);
  });

  it('reads each real refusal: no key, a refused key, a suspended key, no credit, an error at OpenAI', async () => {
    const keyless = await makeTenant(stage.stack, {}, { allowed_origins: [stage.host.origin] });
    const { siteId } = keyless;
    const readsNext = async (sentence: string) => {
      const visitor = await tryToCall(siteId);
      await visitor.reaches('error');
      expect(await visitor.text()).toContain(sentence);
      await visitor.page.close();
    };
    await readsNext(PROBLEMS.openai_key_missing);
    await putWorkspaceKey(stage.stack, keyless, fakeKey());
    const refuseCall = (status: number, code: string) =>
      openAiOf(stage.stack).inject({
        path: '/v1/realtime/calls',
        status,
        body: { error: { message: '', type: 'invalid_request_error', code, param: null } },
        times: 1,
      });
    refuseCall(429, 'insufficient_quota');
    await readsNext(PROBLEMS.openai_quota_exhausted);
    refuseCall(401, 'invalid_api_key');
    await readsNext(PROBLEMS.openai_key_rejected);
    refuseCall(500, 'server_error');
    await readsNext(PROBLEMS.openai_error);
    await suspendWorkspaceKey(stage.stack, keyless);
    await readsNext(PROBLEMS.openai_key_suspended);
  });

  it('can try again only after the waiting time', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(siteId));
    let isRefused = true;
    await visitor.page.route('**/calls', (route) =>
      isRefused
        ? route.fulfill({
            status: 429,
            headers: { 'access-control-allow-origin': stage.host.origin },
            json: {
              success: false,
              error: { code: 'rate_limited', message: '', request_id: 'x', retry_after: 3 },
            },
          })
        : route.fallback(),
    );
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.text()).toMatch(/You can try again in 0:0[123]/);
    expect(await visitor.button('Try again').isDisabled()).toBe(true);
    isRefused = false;
    await visitor.widget.getByText('You can try again now.').waitFor();
    await visitor.button('Try again').click();
    await visitor.reaches('listening');
  });

  it('reads a refusal of OpenAI at the call: temporary for the rate limit, final for the model', async () => {
    const busy = await stage.tenant({}, {}, fakeKey('latebusy'));
    const visitor = await tryToCall(busy.siteId);
    await visitor.reaches('busy');
    expect((await visitor.told('error'))[0]?.detail.code).toBe('busy');
    await stage.linesAreFree(busy);

    const withoutModel = await stage.tenant({}, {}, fakeKey('latenomodel'));
    const other = await tryToCall(withoutModel.siteId);
    await other.reaches('error');
    expect(await other.text()).toContain(PROBLEMS.openai_key_rejected);
    expect(await other.button('Try again').isVisible()).toBe(false);
  });

  it('on an unregistered page reads that voice cannot be reached, and no error is thrown', async () => {
    const { siteId } = await stage.tenant({}, { allowed_origins: ['https://elsewhere.example'] });
    const visitor = await tryToCall(siteId);
    await visitor.reaches('error');
    expect(await visitor.text()).toContain(PROBLEMS.unreachable);
    expect(visitor.console.filter((line) => line.startsWith('uncaught'))).toEqual([]);
  });

  it.each([
    ['NotAllowedError', PROBLEMS.microphone_blocked],
    ['NotFoundError', PROBLEMS.microphone_missing],
    ['NotReadableError', PROBLEMS.microphone_failed],
  ])('whose microphone fails with %s opens no call', async (name, sentence) => {
    const tenant = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(tenant.siteId));
    await visitor.page.evaluate(
      `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '${name}'))`,
    );
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.text()).toContain(sentence);
    expect(visitor.requests.filter((request) => request.url().endsWith('/calls'))).toEqual([]);
  });
});
