import { describe, expect, it } from '@jest/globals';
import {
  DEFAULT_OPTIONS,
  type EmbedPlace,
  policyOf,
  snippetOf,
} from '../../../web/dashboard/src/embed/snippets.ts';

const PLACE: EmbedPlace = {
  siteId: 'site12345678',
  apiUrl: 'https://voice.example',
  filesUrl: 'https://voice.example/widget/',
  file: 'spelo-voice-0.1.0-0123abcd.js',
  integrity: 'sha384-abc',
};
const APART: EmbedPlace = { ...PLACE, filesUrl: 'https://files.example/widget/' };
const HOSTILE = { ...DEFAULT_OPTIONS, label: `"></script><script>alert(1)</script>'&` };

describe('the code of the Embed page', () => {
  it('is one script tag with the defaults', () => {
    expect(snippetOf('html', PLACE, DEFAULT_OPTIONS)).toBe(
      `<script src="https://voice.example/widget/spelo-voice-0.1.0-0123abcd.js"
  integrity="sha384-abc" crossorigin="anonymous"
  data-site-id="site12345678" async></script>`,
    );
  });

  it('names the broker if the files have another origin, also in the policy', () => {
    expect(snippetOf('html', APART, DEFAULT_OPTIONS)).toContain('data-api="https://voice.example"');
    expect(policyOf('html', APART)).toBe(
      'script-src https://files.example/widget/\nconnect-src https://voice.example https://files.example',
    );
    expect(policyOf('react', APART)).toBe('connect-src https://voice.example');
  });

  it('is an element without a position if the page places it', () => {
    expect(
      snippetOf('element', APART, { ...DEFAULT_OPTIONS, position: 'top-left', theme: 'dark' }),
    ).toContain(
      '<spelo-voice site-id="site12345678" api="https://voice.example" theme="dark"></spelo-voice>',
    );
  });

  it.each(['html', 'element', 'tagManager'] as const)(
    'as %s cannot be escaped by any text of the owner',
    (kind) => {
      const code = snippetOf(kind, PLACE, HOSTILE);
      expect(code.match(/<script/g)).toHaveLength(1);
      expect(code.match(/<\/script/g)).toHaveLength(1);
    },
  );

  it('as React contains the text of the owner as a literal', () => {
    const [, literal = ''] = /label=\{(.*)\}/.exec(snippetOf('react', PLACE, HOSTILE)) ?? [];
    expect(JSON.parse(literal)).toBe(HOSTILE.label);
  });

  it('contains every option that differs from its default', () => {
    const options = {
      label: 'Ask us',
      position: 'top-left',
      theme: 'dark',
      accent: '#0b6b4f',
      lang: 'fr',
      captions: 'off',
      privacyUrl: 'https://shop.example/privacy',
    } as const;
    expect(snippetOf('html', PLACE, options)).toMatch(
      /data-label="Ask us"\s+data-position="top-left"\s+data-theme="dark"\s+data-accent="#0b6b4f"\s+data-lang="fr"\s+data-captions="off"\s+data-privacy-url="https:\/\/shop.example\/privacy"/,
    );
  });
});
