import { spawn } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { DashboardConfig } from '../../lambdas/contract/dashboard-config.ts';
import { dashboardPolicy } from '../../lambdas/contract/dashboard-policy.ts';
import { DASHBOARD_FOLDER, dashboardIsCurrent } from '../../web/dashboard/build.ts';
import { DASHBOARD_CLIENT_ID } from '../issuer/authorization-codes.ts';
import { pageHeaders, staticFiles, type WebHandler } from './static-files.ts';

const BUILD_SCRIPT = join(import.meta.dirname, '../../web/dashboard/build.ts');
const MOUNT = '/dashboard/';

/**
 * Addresses of the stack that the pages need; read at each request, because the stack starts after its pages are made.
 */
export interface DashboardAddresses {
  readonly url: string;
  readonly issuer: string;
  /** Where a browser sends its call: OpenAI, or the stand-in. */
  readonly openAiBaseUrl: string;
}

const configOf = ({ url, issuer }: DashboardAddresses): DashboardConfig => ({
  oidc: { issuer, client_id: DASHBOARD_CLIENT_ID, scope: 'openid', audience: null },
  api_base_url: '',
  widget_api_url: url,
  widget_base_url: `${url}/widget/`,
});

const policyOf = (addresses: DashboardAddresses | undefined): string =>
  dashboardPolicy(
    addresses === undefined
      ? []
      : [addresses.issuer, addresses.openAiBaseUrl].map((url) => new URL(url).origin),
  );

/**
 * The dashboard at `/dashboard/`, to which `/` and `/dashboard` lead, as a deployment serves it, with a `config.json` for this run. Until
 * `ready` is true, and while the stack starts, a waiting page reloads itself.
 */
export const dashboardPages =
  (options: {
    readonly addresses: () => DashboardAddresses | undefined;
    readonly ready: () => boolean;
  }): WebHandler =>
  (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (path === '/' || path === MOUNT.slice(0, -1)) {
      response.writeHead(302, { location: MOUNT, 'cache-control': 'no-store' });
      response.end();
      return true;
    }
    if (path?.startsWith(MOUNT) !== true) return false;
    const addresses = options.addresses();
    if (addresses === undefined || !options.ready()) {
      answerNotYet(response);
      return true;
    }
    if (path === `${MOUNT}config.json`) {
      response.writeHead(200, {
        ...pageHeaders(policyOf(addresses)),
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
      });
      response.end(JSON.stringify(configOf(addresses)));
      return true;
    }
    return staticFiles({
      mount: MOUNT,
      root: DASHBOARD_FOLDER,
      fallback: 'index.html',
      policy: policyOf(addresses),
      immutable: /^assets\//,
    })(request, response);
  };

const answerNotYet = (response: ServerResponse): void => {
  response.writeHead(503, {
    ...pageHeaders("default-src 'none'; frame-ancestors 'none'"),
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'retry-after': '2',
    // Browsers load the page again by themselves.
    refresh: '2',
  });
  response.end(
    '<!doctype html><html lang="en"><title>Spelo</title><h1>The dashboard is being built</h1><p>This takes a few seconds, once. The page reloads by itself.</p></html>',
  );
};

export interface LocalDashboard {
  readonly ready: () => boolean;
  /** Builds it in a separate process unless it is current. Returns a function that stops that process. */
  readonly buildIfNeeded: () => () => void;
}

/** Checks immediately whether the built dashboard is current. `print` gets a line if a build fails. */
export const localDashboard = (print: (line: string) => void): LocalDashboard => {
  let ready = dashboardIsCurrent();
  return {
    ready: () => ready,
    buildIfNeeded: () => {
      if (ready) return () => undefined;
      const child = spawn(process.execPath, [BUILD_SCRIPT], { stdio: ['ignore', 'ignore', 'pipe'] });
      let trouble = '';
      child.stderr.on('data', (chunk) => {
        trouble += String(chunk);
      });
      child.once('exit', (code, signal) => {
        ready = code === 0;
        if (signal === null && !ready) print(`Building the dashboard failed:\n${trouble}`);
      });
      return () => child.kill();
    },
  };
};
