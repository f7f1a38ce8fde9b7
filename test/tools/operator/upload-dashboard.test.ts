import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { dashboardUploads, type Upload } from '../../../tools/operator/upload-dashboard.ts';

const CONFIG = {
  oidc: { issuer: 'https://issuer.example.com/', client_id: 'dashboard', scope: 'openid', audience: null },
  api_base_url: '',
  widget_api_url: 'https://api.example.com',
  widget_base_url: 'https://d1.example.com/widget/',
};

let uploads: readonly Upload[];
beforeAll(() => {
  for (const script of ['web/dashboard/build.ts', 'web/widget/build.ts'])
    execFileSync(process.execPath, [script], { stdio: 'ignore' });
  uploads = dashboardUploads(JSON.stringify(CONFIG));
});

const named = (pattern: RegExp): readonly Upload[] => uploads.filter(({ key }) => pattern.test(key));

describe('the upload of the dashboard', () => {
  it('puts pages last, so that none names a file that is not there yet', () => {
    const firstPage = uploads.findIndex(
      ({ key }) => /\.(?:html|json)$/.test(key) && !key.startsWith('widget/spelo-voice-'),
    );
    const lastScript = uploads.findLastIndex(({ key }) => key.endsWith('.js'));
    expect(firstPage).toBeGreaterThan(lastScript);
  });

  it('lets nothing be kept for ever but what has a hash in its name', () => {
    for (const { key, cacheControl } of uploads)
      expect([key, cacheControl.includes('immutable')]).toEqual([
        key,
        key.startsWith('dashboard/assets/') || /\/spelo-voice-.+\.js(?:on)?$/.test(key),
      ]);
  });

  it('has the page, the widget under both names, and the configuration of the deployment', () => {
    expect(named(/^dashboard\/index\.html$/)).toHaveLength(1);
    expect(named(/^widget\/spelo-voice\.js$/)).toHaveLength(1);
    expect(named(/^widget\/spelo-voice-.+\.js$/).length).toBeGreaterThan(0);
    const [config] = named(/^dashboard\/config\.json$/);
    expect(JSON.parse(Buffer.from(config?.body ?? []).toString())).toEqual(CONFIG);
  });

  it('refuses a configuration that the dashboard could not read', () => {
    expect(() => dashboardUploads(JSON.stringify({ ...CONFIG, oidc: {} }))).toThrow();
  });

  it('carries neither build notes nor hidden files', () => {
    expect(named(/\/\./)).toEqual([]);
  });
});
