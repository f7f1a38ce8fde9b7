import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { minify } from '@swc/core';
import { type BuildOptions, build, type Plugin, transform } from 'esbuild';
import { STYLES } from './src/styles.ts';

const SOURCE = import.meta.dirname;
/** Built files of the repository; never committed. */
export const WIDGET_FOLDER = join(SOURCE, '../../dist/widget');
/** Besides English, which is part of the script. */
export const LANGUAGES = ['de', 'es', 'fr'] as const;
export const STABLE_NAME = 'spelo-voice.js';

/** Names of properties that no page and no browser reads, and no sentence has: the build shortens them. */
export const OWN_PROPERTIES =
  /^(?:on(?:State|Connected|Sent|Sound|Caption|Usage|Note|Trouble|Second|End|Event|Lost)|brokerAheadMs|timeoutMs|idleSeconds|visitorId|captionsHint|captionsLabel|captionLabel|isHeard|isMuted|hasEvents|endedBy|silentMs|isUnheard|reported|exchange|levels|problem|sessionId|clearCaptions|isTyped|isMini|isBusy|adviceOf|retryWhileOffline|createView|createTalk|sentences|extend|onEvent|onFunction|onSilenced|onGone|isBlocked|hearAgain|showsCaptions|hasExtras|attribute|isSilent|toggleMute|hearSound|waiting|isResting|halt|redraw|sentence|elements|onText|hasEvents|captionsHint|loadLanguage|loadExtras|launcher|restart|touch|listen|tick|fields|hint|leave|look|icon|pressed|orb|note|leftSeconds|longestSeconds|silentSeconds|report|onClick)$/;

/** The facts that a page needs to embed the widget, as `manifest.json` has them. */
export interface WidgetManifest {
  readonly version: string;
  /** Named by version and content: a file of this name never changes. */
  readonly file: string;
  /** Subresource integrity of `file`. */
  readonly integrity: string;
  readonly bytes: number;
  readonly gzip_bytes: number;
  /** Loaded when the panel opens. */
  readonly extras: { readonly file: string; readonly gzip_bytes: number };
}

/**
 * Builds the widget into `folder`: the versioned file, the same under its stable name, the extras, a file for each language, and `manifest.json`. Each is
 * renamed into place when it is complete, so that several builds can run at once.
 */
export const buildWidget = async (folder = WIDGET_FOLDER): Promise<WidgetManifest> => {
  const { version } = JSON.parse(readFileSync(join(SOURCE, '../../package.json'), 'utf8')) as {
    version: string;
  };
  const languages = LANGUAGES.map((language) => languageFile(version, language));
  const extras = await bundle('src/extras/index.ts', 'esm', version);
  const extrasFile = `spelo-voice-${version}-extras-${shortHash(extras.code)}.js`;
  const { code } = await bundle('src/index.ts', 'iife', version, {
    // A property has the same short name in both files.
    mangleCache: extras.mangleCache,
    define: {
      SPELO_EXTRAS: JSON.stringify([extrasFile, integrityOf(extras.code, 'sha256')]),
      SPELO_LANGUAGES: JSON.stringify(
        Object.fromEntries(languages.map(({ language, file, integrity }) => [language, [file, integrity]])),
      ),
    },
  });
  const manifest: WidgetManifest = {
    version,
    file: `spelo-voice-${version}-${shortHash(code)}.js`,
    integrity: integrityOf(code),
    bytes: code.byteLength,
    gzip_bytes: gzippedBytes(code),
    extras: { file: extrasFile, gzip_bytes: gzippedBytes(extras.code) },
  };
  mkdirSync(folder, { recursive: true });
  for (const { file, content } of languages) put(folder, file, content);
  put(folder, extrasFile, extras.code);
  put(folder, manifest.file, code);
  put(folder, STABLE_NAME, code);
  put(folder, 'manifest.json', `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
};

const bundle = async (
  entry: string,
  format: 'esm' | 'iife',
  version: string,
  more: Pick<BuildOptions, 'define' | 'mangleCache'> = {},
) => {
  const { outputFiles, mangleCache } = await build({
    entryPoints: [join(SOURCE, entry)],
    bundle: true,
    minify: true,
    format,
    target: 'es2022',
    write: false,
    legalComments: 'none',
    plugins: [smallStyles],
    mangleProps: OWN_PROPERTIES,
    mangleCache: {},
    ...more,
  });
  // esbuild shortens the properties; a second pass makes the rest 2 % smaller.
  const { code } = await minify(outputFiles[0]?.text ?? '', {
    module: format === 'esm',
    ecma: 2022,
    compress: { passes: 3, sequences: false, toplevel: true },
    mangle: { toplevel: true },
  });
  const banner = `/* Spelo voice widget ${version}, Apache-2.0 */`;
  return { code: new TextEncoder().encode(`${banner}\n${code}\n`), mangleCache: mangleCache ?? {} };
};

const gzippedBytes = (code: Uint8Array): number => gzipSync(code, { level: 9 }).byteLength;

export const smallStyles: Plugin = {
  name: 'small-styles',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[/\\\\]styles\.ts$/ }, async () => {
      const { code } = await transform(STYLES, { loader: 'css', minify: true, target: 'es2022' });
      return { contents: `export const STYLES = ${JSON.stringify(code.trim())}` };
    }),
};

/** The sentences in one language, which the script loads where the page is in it. */
const languageFile = (version: string, language: string) => {
  const content = readFileSync(join(SOURCE, `src/languages/${language}.json`));
  return {
    language,
    content,
    file: `spelo-voice-${version}-${language}-${shortHash(content)}.json`,
    // Shorter than the script's own: it is part of the script, and does not compress.
    integrity: integrityOf(content, 'sha256'),
  };
};

const shortHash = (content: Uint8Array): string =>
  createHash('sha256').update(content).digest('hex').slice(0, 8);

const integrityOf = (content: Uint8Array, hash: 'sha256' | 'sha384' = 'sha384'): string =>
  `${hash}-${createHash(hash).update(content).digest('base64')}`;

const put = (folder: string, name: string, content: Uint8Array | string): void => {
  const unfinished = join(folder, `.${name}.${process.pid}`);
  writeFileSync(unfinished, content);
  renameSync(unfinished, join(folder, name));
};

if (process.argv[1] === import.meta.filename) {
  const { file, integrity, gzip_bytes, extras } = await buildWidget();
  process.stdout.write(`dist/widget/${file}\n${integrity}\n${gzip_bytes} bytes gzipped\n`);
  process.stdout.write(`dist/widget/${extras.file}\n${extras.gzip_bytes} bytes gzipped\n`);
}
