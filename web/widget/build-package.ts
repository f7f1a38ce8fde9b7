import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { smallStyles } from './build.ts';
import { customElements } from './custom-elements.ts';

const SOURCE = import.meta.dirname;
const ROOT = join(SOURCE, '../..');
/** Built and packed by the project, and not published. */
export const PACKAGE_FOLDER = join(ROOT, 'dist/packages/spelo-voice');
export const PACKAGE_NAME = '@spelo/voice';

const REACT_TYPES = `import type { ForwardRefExoticComponent, HTMLAttributes, RefAttributes } from 'react';
import type { SpeloAttributes, SpeloEvents, SpeloTools, SpeloVoiceElement } from './index.js';
`;

/**
 * Builds the package of the widget into `folder`: modules with types, a wrapper for React, a custom-elements manifest. A
 * bundler splits off what the widget loads on demand.
 */
export const buildPackage = async (folder = PACKAGE_FOLDER): Promise<void> => {
  const { version, license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly license: string;
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: { index: join(SOURCE, 'src/package.ts'), react: join(SOURCE, 'src/react.ts') },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    external: ['react'],
    plugins: [smallStyles],
    chunkNames: 'parts/[name]-[hash]',
  });
  const write = (name: string, content: unknown): void =>
    writeFileSync(
      join(folder, name),
      typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`,
    );
  // The wrapper defines the element: a page that renders it needs no second import.
  write('react.js', `'use client';\nimport './index.js';\n${readFileSync(join(folder, 'react.js'), 'utf8')}`);
  write('index.d.ts', typesOfElement());
  write('react.d.ts', typesOfReact());
  write('custom-elements.json', customElements(version));
  copyFileSync(join(SOURCE, 'package/README.md'), join(folder, 'README.md'));
  copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  write('package.json', {
    name: PACKAGE_NAME,
    version,
    description:
      'A button that becomes a voice call: <spelo-voice> as a module, with types and a wrapper for React.',
    license,
    type: 'module',
    sideEffects: ['./index.js', './react.js'],
    exports: {
      '.': { types: './index.d.ts', default: './index.js' },
      './react': { types: './react.d.ts', default: './react.js' },
      './custom-elements.json': './custom-elements.json',
      './package.json': './package.json',
    },
    customElements: 'custom-elements.json',
    peerDependencies: { react: '>=18' },
    peerDependenciesMeta: { react: { optional: true } },
  });
};

const source = (name: string): string => readFileSync(join(SOURCE, 'src', name), 'utf8');

const typesOfElement = (): string => `${source('public.ts')}
/** Defines \`<spelo-voice>\`, once per page; importing the package does it. Does nothing on a server. */
export declare const defineSpeloVoice: () => void;

declare global {
  interface HTMLElementTagNameMap {
    'spelo-voice': SpeloVoiceElement;
  }
  interface HTMLElementEventMap {
    'spelo-state': CustomEvent<SpeloEvents['spelo-state']>;
    'spelo-connected': CustomEvent<SpeloEvents['spelo-connected']>;
    'spelo-caption': CustomEvent<SpeloEvents['spelo-caption']>;
    'spelo-usage': CustomEvent<SpeloEvents['spelo-usage']>;
    'spelo-error': CustomEvent<SpeloEvents['spelo-error']>;
    'spelo-ended': CustomEvent<SpeloEvents['spelo-ended']>;
    'spelo-tool': CustomEvent<SpeloEvents['spelo-tool']>;
  }
}
`;

/** The declarations of the wrapper, from its source: everything between the imports and the implementation. */
const typesOfReact = (): string => {
  const code = source('react.ts');
  const declarations = code.slice(code.indexOf('type Handler'), code.indexOf('/** An effect'));
  return `${REACT_TYPES}
${declarations}/** \`<spelo-voice>\` for React 18 and 19: the same element, rendered on a server too. */
export declare const SpeloVoice: ForwardRefExoticComponent<SpeloVoiceProps & RefAttributes<SpeloVoiceElement>>;
`;
};

if (process.argv[1] === import.meta.filename) {
  await buildPackage();
  process.stdout.write(`${PACKAGE_FOLDER}\n`);
}
