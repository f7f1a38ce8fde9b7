import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  buildWidget,
  LANGUAGES,
  OWN_PROPERTIES,
  STABLE_NAME,
  type WidgetManifest,
} from '../../web/widget/build.ts';
import { SENTENCES } from '../../web/widget/src/extras/sentences.ts';
import { DEFAULT_STRINGS } from '../../web/widget/src/strings.ts';

const MAX_GZIP_BYTES = 14 * 1024;
const MAX_EXTRAS_GZIP_BYTES = 5 * 1024;
/** Every sentence in English. */
const ENGLISH = { ...DEFAULT_STRINGS, ...SENTENCES };

let folder: string;
let manifest: WidgetManifest;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spelo-widget-'));
  manifest = await buildWidget(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the built widget', () => {
  it('is at most 14 KB gzipped', () => {
    process.stdout.write(
      `widget: ${manifest.bytes} bytes, ${manifest.gzip_bytes} gzipped; extras ${manifest.extras.gzip_bytes}\n`,
    );
    expect(manifest.gzip_bytes).toBeLessThanOrEqual(MAX_GZIP_BYTES);
  });

  it('loads at most 5 KB more when the panel opens, by name and integrity hash', () => {
    const { file, gzip_bytes } = manifest.extras;
    const extras = readFileSync(join(folder, file));
    expect(gzip_bytes).toBe(gzipSync(extras, { level: 9 }).byteLength);
    expect(gzip_bytes).toBeLessThanOrEqual(MAX_EXTRAS_GZIP_BYTES);
    const code = readFileSync(join(folder, manifest.file), 'utf8');
    expect(code).toContain(file);
    expect(code).toContain(`sha256-${createHash('sha256').update(extras).digest('base64')}`);
  });

  it('has every sentence in each language, and loads them by name and integrity hash', () => {
    const code = readFileSync(join(folder, manifest.file), 'utf8');
    for (const language of LANGUAGES) {
      const file = readdirSync(folder).find((name) => name.includes(`-${language}-`)) ?? '';
      const content = readFileSync(join(folder, file));
      expect(code).toContain(file);
      expect(code).toContain(`sha256-${createHash('sha256').update(content).digest('base64')}`);
      const sentences = JSON.parse(content.toString('utf8'));
      expect(Object.keys(sentences).sort()).toEqual(Object.keys(ENGLISH).sort());
      for (const [name, english] of Object.entries(ENGLISH))
        expect([name, /\{\w+\}/.exec(sentences[name])?.[0]]).toEqual([name, /\{\w+\}/.exec(english)?.[0]]);
    }
  });

  it('has files named by version and content, a stable name, and its integrity hash in the manifest', async () => {
    expect(
      readdirSync(folder)
        .filter((name) => !/-[a-z]{2}-/.test(name))
        .sort(),
    ).toEqual([manifest.file, manifest.extras.file, STABLE_NAME, 'manifest.json'].sort());
    const code = readFileSync(join(folder, manifest.file));
    expect(readFileSync(join(folder, STABLE_NAME))).toEqual(code);
    expect(manifest.integrity).toBe(`sha384-${createHash('sha384').update(code).digest('base64')}`);
    expect(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))).toEqual(manifest);
    expect((await buildWidget(folder)).file).toBe(manifest.file);
  });

  it('never shortens the name of a sentence, which is also looked up as text', () => {
    expect(Object.keys(ENGLISH).filter((name) => OWN_PROPERTIES.test(name))).toEqual([]);
  });

  it('never evaluates text as code and never writes markup', () => {
    const code = [manifest.file, manifest.extras.file]
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join();
    expect(code).not.toMatch(/\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
  });
});
