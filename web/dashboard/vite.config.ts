import { defineConfig } from 'vite';

/** Files carry a hash of their content in their name, so that they can be cached for ever. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/dashboard/',
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    // Inlined files would be data: URLs, which the page's Content-Security-Policy refuses for fonts and scripts.
    assetsInlineLimit: 0,
    // Nothing but the page's own modules; the polyfill would add nothing for the browsers that run them.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // What matters is bounded, compressed, in test/browser.
    chunkSizeWarningLimit: 1_000,
    manifest: true,
    rolldownOptions: {
      // "use client" tells servers something; there is none here.
      onLog: (level, log, handle) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
});
