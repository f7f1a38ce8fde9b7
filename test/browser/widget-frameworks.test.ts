import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { describeInBrowser } from './support/browser.ts';
import { installPackage, type Project } from './support/packed-package.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;
let project: Project;

const show = (html: string): Promise<Visitor> => visit(browser, stage.host.show(html));
const file = (): string => `${stage.stack.url}/widget/${stage.widget.file}`;
const captions = (visitor: Visitor) => visitor.widget.locator('[part~=caption-assistant]');
const wasSaid = (visitor: Visitor): readonly string[] =>
  visitor.console.filter((line) => !line.includes('React DevTools'));

/** Calls, hears the assistant, hangs up: the whole of a call, with the parts that are loaded on demand. */
const holdCall = async (visitor: Visitor): Promise<void> => {
  await visitor.startCall();
  await captions(visitor).first().waitFor();
  await visitor.button('Hang up').click();
  await visitor.reaches('ended');
  expect(await visitor.widget.count()).toBe(1);
};

const APP = (siteId: string, broker: string): string => `
import { StrictMode, useState } from 'react';
import { SpeloVoice } from '@spelo/voice/react';
export const App = () => {
  const [ended, setEnded] = useState(0);
  return (
    <StrictMode>
      <p id="count">Calls ended: {ended}</p>
      <SpeloVoice siteId="${siteId}" api="${broker}" accent="#0b6b4f" strings={{ again: 'Once more' }}
        tools={{ count: () => ended }} onEnded={() => setEnded((count) => count + 1)} />
    </StrictMode>
  );
};`;

describeInBrowser('a page built with a framework', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });
  beforeAll(async () => {
    project = await installPackage();
  });
  afterAll(() => project?.remove());

  it('can install the packed package and hold a call', async () => {
    const { siteId } = await stage.tenant();
    const script = await project.bundle(`import '@spelo/voice';`);
    const visitor = await show(
      `<body lang="fr"><spelo-voice site-id="${siteId}" api="${stage.stack.url}" label="Talk to us"></spelo-voice>
       <script type="module">${script}</script>`,
    );
    await visitor.button('Talk to us').click();
    await visitor.widget.locator('[part~=agree]:visible, [part~=hang_up]:visible').first().waitFor();
    if ((await visitor.widget.getAttribute('state')) === 'notice')
      await visitor.button('Accepter et parler').click();
    await captions(visitor).first().waitFor();
    await visitor.button('Raccrocher').click();
    await visitor.reaches('ended');
    expect(wasSaid(visitor)).toEqual([]);
  });

  it('can render the React wrapper in StrictMode, hold a call and receive its end', async () => {
    const { siteId } = await stage.tenant();
    const script = await project.bundle(`${APP(siteId, stage.stack.url)}
      import { createRoot } from 'react-dom/client';
      createRoot(document.getElementById('root')).render(<App />);`);
    const visitor = await show(`<body><div id="root"></div><script type="module">${script}</script>`);
    await holdCall(visitor);
    await visitor.page.getByText('Calls ended: 1').waitFor();
    await visitor.button('Once more').waitFor();
    expect(await visitor.page.evaluate(`document.querySelector('spelo-voice').tools.count()`)).toBe(1);
    expect(wasSaid(visitor)).toEqual([]);
  });

  it('can be rendered on a server, hydrated without a warning, and hold a call', async () => {
    const { siteId } = await stage.tenant();
    const app = APP(siteId, stage.stack.url);
    const client = await project.bundle(`${app}
      import { hydrateRoot } from 'react-dom/client';
      hydrateRoot(document.getElementById('root'), <App />);`);
    const html = await project.serve(`
      import { createElement } from 'react';
      import { renderToString } from 'react-dom/server';
      import { SpeloVoice } from '@spelo/voice/react';
      const props = { siteId: '${siteId}', api: '${stage.stack.url}', accent: '#0b6b4f' };
      process.stdout.write(renderToString([
        createElement('p', { id: 'count', key: 1 }, 'Calls ended: ', 0),
        createElement(SpeloVoice, { ...props, key: 2 })]));`);
    expect(html).toContain(`<spelo-voice`);
    const visitor = await show(`<body><div id="root">${html}</div><script type="module">${client}</script>`);
    await holdCall(visitor);
    await visitor.page.getByText('Calls ended: 1').waitFor();
    expect(wasSaid(visitor)).toEqual([]);
  });

  it('navigates with Turbo and back during a call: one widget, and the call continues', async () => {
    const { siteId } = await stage.tenant();
    const turbo = readFileSync(
      createRequire(import.meta.url).resolve('@hotwired/turbo/dist/turbo.es2017-umd.js'),
      'utf8',
    ).replaceAll('</script', '<\\/script');
    const head = `<head><script>${turbo}</script>
      <script src="${file()}" crossorigin data-site-id="${siteId}"></script></head>`;
    const second = stage.host.show(`${head}<body><h1>Second</h1></body>`);
    const visitor = await show(`${head}<body><h1>First</h1><a href="${second}">Go on</a></body>`);
    await visitor.startCall();
    await visitor.passes('listening');
    await visitor.page.getByText('Go on').click();
    await visitor.page.getByRole('heading', { name: 'Second' }).waitFor();
    await visitor.page.evaluate('history.back()');
    await visitor.page.getByRole('heading', { name: 'First' }).waitFor();
    expect(await visitor.widget.count()).toBe(1);
    await captions(visitor).first().waitFor();
    expect(await visitor.told('ended')).toEqual([]);
    await visitor.button('Hang up').click();
    await visitor.reaches('ended');
  });

  it('that resets the style of every element can hold a call', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await show(
      `<style>*, *::before, *::after { all: unset; display: revert; }
        * { box-sizing: content-box; font: 9px serif; color: #eee; pointer-events: auto; }
        body > * { position: static; transform: rotate(3deg); opacity: .2; }</style>
       <body><script src="${file()}" crossorigin data-site-id="${siteId}"></script>`,
    );
    await holdCall(visitor);
    expect(visitor.console).toEqual([]);
  });

  it('passes a TypeScript check against the types of the package', async () => {
    const good = `
      import '@spelo/voice';
      import { SpeloVoice } from '@spelo/voice/react';
      document.querySelector('spelo-voice')?.addEventListener('spelo-ended', ({ detail }) => detail.seconds.toFixed());
      const voice = document.createElement('spelo-voice');
      voice.tools = { get_order: ({ id }: { id: string }) => id };
      export const page = <SpeloVoice siteId="s" api="https://voice.example" position="top-left" onTool={({ name }) => name} />;`;
    expect(await project.typecheck(good)).toBe('');
    const bad = `
      import { SpeloVoice } from '@spelo/voice/react';
      export const page = <SpeloVoice siteId="s" api="https://voice.example" position="middle" />;`;
    expect(await project.typecheck(bad)).toContain('"middle"');
  });

  it('finds each attribute, event and part of the element in the manifest', async () => {
    const manifest = JSON.parse(
      readFileSync(`${project.folder}/node_modules/@spelo/voice/custom-elements.json`, 'utf8'),
    );
    const [{ attributes, events, cssParts }] = manifest.modules[0].declarations;
    const named = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
    const documented = readFileSync('docs/widget.md', 'utf8');
    for (const name of [...named(attributes), ...named(events), ...named(cssParts)])
      expect([name, documented.includes(`\`${name}\``)]).toEqual([name, true]);
    const visitor = await stage.call(browser, await stage.tenant());
    await captions(visitor).first().waitFor();
    const shown = await visitor.widget.evaluate((element) => {
      const root = Reflect.get(element, 'shadowRoot') as {
        querySelectorAll(name: string): Iterable<unknown>;
      };
      const buttons = ['mute', 'minimise', 'captions', 'hang_up'];
      return [...root.querySelectorAll('[part]')]
        .flatMap((part) => String(Reflect.get(part as object, 'part')).split(' '))
        .filter((name) => !buttons.includes(name));
    });
    expect(named(cssParts)).toEqual(expect.arrayContaining([...new Set(shown)]));
  });
});
