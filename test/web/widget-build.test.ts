import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildWidget, STABLE_NAME, type WidgetManifest } from '../../web/widget/build.ts';

const MAX_GZIP_BYTES = 12 * 1024;

let folder: string;
let manifest: WidgetManifest;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spelo-widget-'));
  manifest = await buildWidget(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the built widget', () => {
  it('is at most 12 KB gzipped', () => {
    process.stdout.write(`widget: ${manifest.bytes} bytes, ${manifest.gzip_bytes} gzipped\n`);
    expect(manifest.gzip_bytes).toBeLessThanOrEqual(MAX_GZIP_BYTES);
  });

  it('is one file, named by version and content, under its stable name too, with its integrity in the manifest', async () => {
    expect(readdirSync(folder).sort()).toEqual([manifest.file, STABLE_NAME, 'manifest.json'].sort());
    const code = readFileSync(join(folder, manifest.file));
    expect(readFileSync(join(folder, STABLE_NAME))).toEqual(code);
    expect(manifest.integrity).toBe(`sha384-${createHash('sha384').update(code).digest('base64')}`);
    expect(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))).toEqual(manifest);
    expect((await buildWidget(folder)).file).toBe(manifest.file);
  });

  it('evaluates no text as code and writes no markup', () => {
    const code = readFileSync(join(folder, manifest.file), 'utf8');
    expect(code).not.toMatch(/\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
  });
});
