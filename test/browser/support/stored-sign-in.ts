import type { Page } from 'playwright-core';

/** The stored sign-in, as if its access token ended in `seconds`. */
export const expireIn = (page: Page, seconds: number): Promise<void> =>
  page.evaluate((offset) => {
    for (const name of Object.keys(localStorage).filter((key) => key.startsWith('oidc.user:'))) {
      const user = JSON.parse(localStorage.getItem(name) ?? '{}');
      localStorage.setItem(
        name,
        JSON.stringify({ ...user, expires_at: Math.floor(Date.now() / 1_000) + offset }),
      );
    }
  }, seconds);

/** Sign-ins that are kept on this device. */
export const storedUsers = (page: Page): Promise<number> =>
  page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('oidc.user:')).length);

/** Seconds until the access token of the kept sign-in expires. */
export const secondsLeft = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const name = Object.keys(localStorage).find((key) => key.startsWith('oidc.user:')) ?? '';
    return JSON.parse(localStorage.getItem(name) ?? '{}').expires_at - Date.now() / 1_000;
  });
