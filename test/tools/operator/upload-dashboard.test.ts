import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { dashboardUploads, type Upload } from '../../../tools/operator/upload-dashboard.ts';
import { hasMoto, startMoto } from '../../support/moto.ts';

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
  it('uploads pages last, so that none names a file that is still missing', () => {
    const firstPage = uploads.findIndex(
      ({ key }) => /\.(?:html|json)$/.test(key) && !key.startsWith('widget/spelo-voice-'),
    );
    const lastScript = uploads.findLastIndex(({ key }) => key.endsWith('.js'));
    expect(firstPage).toBeGreaterThan(lastScript);
  });

  it('caches permanently only files with a hash in their name', () => {
    for (const { key, cacheControl } of uploads)
      expect([key, cacheControl.includes('immutable')]).toEqual([
        key,
        key.startsWith('dashboard/assets/') || /\/spelo-voice-.+\.js(?:on)?$/.test(key),
      ]);
  });

  it('includes the page, the widget under both names, and the configuration of the deployment', () => {
    expect(named(/^dashboard\/index\.html$/)).toHaveLength(1);
    expect(named(/^widget\/spelo-voice\.js$/)).toHaveLength(1);
    expect(named(/^widget\/spelo-voice-.+\.js$/).length).toBeGreaterThan(0);
    const [config] = named(/^dashboard\/config\.json$/);
    expect(JSON.parse(Buffer.from(config?.body ?? []).toString())).toEqual(CONFIG);
  });

  it('refuses a configuration that the dashboard could not read', () => {
    expect(() => dashboardUploads(JSON.stringify({ ...CONFIG, oidc: {} }))).toThrow();
  });

  it('contains neither build notes nor hidden files', () => {
    expect(named(/\/\./)).toEqual([]);
  });
});

const REGION = 'eu-central-1';
const Bucket = 'spelo-byok-dev-dashboard-bucket';

(hasMoto ? it : it.skip)(
  'moto accepts the upload of the dashboard and the widget',
  async () => {
    const moto = await startMoto(REGION);
    const s3 = new S3Client({
      region: REGION,
      endpoint: moto.variables['AWS_ENDPOINT_URL'] ?? '',
      credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
    });
    const folder = mkdtempSync(join(tmpdir(), 'outputs-'));
    try {
      await s3.send(
        new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }),
      );
      const file = join(folder, 'outputs.json');
      const dashboard = {
        DashboardBucket0123ABCD: Bucket,
        DashboardUrl0123ABCD: 'https://d1.example.com/dashboard/',
        DashboardConfig0123ABCD: JSON.stringify(CONFIG),
      };
      writeFileSync(file, JSON.stringify({ 'spelo-byok-dev-dashboard': dashboard }));
      const run = spawnSync(process.execPath, ['tools/operator/upload-dashboard.ts', file], {
        encoding: 'utf8',
        env: { ...process.env, ...moto.variables },
      });
      expect(run.status === 0 ? 'uploaded' : run.stderr).toBe('uploaded');
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
      expect(Contents.map(({ Key }) => Key)).toEqual(uploads.map(({ key }) => key).toSorted());
      const config = await s3.send(new HeadObjectCommand({ Bucket, Key: 'dashboard/config.json' }));
      expect([config.ContentType, config.CacheControl]).toEqual([
        'application/json; charset=utf-8',
        'no-store',
      ]);
    } finally {
      s3.destroy();
      moto.stop();
      rmSync(folder, { recursive: true });
    }
  },
  180_000,
);
