import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { dashboardConfig } from '../../lambdas/contract/dashboard-config.ts';
import { buildDashboard, DASHBOARD_FOLDER } from '../../web/dashboard/build.ts';
import { buildWidget, WIDGET_FOLDER } from '../../web/widget/build.ts';
import { runCommand, UsageError } from '../command.ts';

const USAGE = `npm run upload-dashboard -- <outputs file>

Builds the dashboard and the widget and uploads them to the bucket of a deployment. The file is written by
cdk deploy --all --outputs-file <file>. Uses the AWS credentials of the environment.
`;

/** Outputs of the construct DashboardSite; CDK puts a hash behind each name. */
const outputs = z.record(z.string(), z.record(z.string(), z.string()));

const outputsIn = (file: string): z.infer<typeof outputs> => {
  try {
    return outputs.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    throw new Error(
      `${file} is not an outputs file. cdk deploy --all -c stage=STAGE --outputs-file ${file} writes it.`,
    );
  }
};

const outputNamed = (file: string, name: string): string => {
  const all = Object.values(outputsIn(file)).flatMap(Object.entries);
  const found = all.find(([key]) => new RegExp(`Dashboard${name}(?:[0-9A-F]{8})?$`).test(key))?.[1];
  if (found === undefined)
    throw new Error(`${file} has no output Dashboard${name}: does this stage have a dashboard?`);
  return found;
};

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

export interface Upload {
  readonly key: string;
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly cacheControl: string;
}

/** A file with a hash in its name never changes under it. */
const cacheControlOf = (name: string): string =>
  /-[\w-]{8,}\.\w+$/.test(name) ? 'public, max-age=31536000, immutable' : 'public, max-age=300';

const uploadsOf = (folder: string, prefix: string): readonly Upload[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && !entry.parentPath.includes('/.vite'))
    .map(({ parentPath, name }) => ({
      key: `${prefix}${join(parentPath, name).slice(folder.length + 1)}`,
      body: readFileSync(join(parentPath, name)),
      contentType: CONTENT_TYPES[extname(name)] ?? 'application/octet-stream',
      cacheControl: cacheControlOf(name),
    }));

/**
 * All files of a deployment, in the order of the upload: pages come last, so that no page refers to a missing file.
 */
export const dashboardUploads = (config: string): readonly Upload[] => {
  const files = [...uploadsOf(DASHBOARD_FOLDER, 'dashboard/'), ...uploadsOf(WIDGET_FOLDER, 'widget/')];
  const isPage = ({ key }: Upload): boolean => /\.(?:html|json)$/.test(key) && !/\/spelo-voice-/.test(key);
  return [
    ...files.filter((file) => !isPage(file)),
    ...files.filter(isPage),
    {
      key: 'dashboard/config.json',
      body: Buffer.from(JSON.stringify(dashboardConfig.parse(JSON.parse(config)))),
      contentType: 'application/json; charset=utf-8',
      cacheControl: 'no-store',
    },
  ];
};

if (import.meta.main)
  await runCommand({
    usage: USAGE,
    allowPositionals: true,
    run: async (_values, positionals) => {
      const [file] = positionals;
      if (file === undefined) throw new UsageError('Give the outputs file of cdk deploy.');
      const bucket = outputNamed(file, 'Bucket');
      await buildDashboard();
      await buildWidget();
      const s3 = new S3Client({});
      for (const { key, body, contentType, cacheControl } of dashboardUploads(outputNamed(file, 'Config')))
        await s3.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: body,
            ContentType: contentType,
            CacheControl: cacheControl,
          }),
        );
      process.stdout.write(`${outputNamed(file, 'Url')}\n`);
      return 0;
    },
  });
