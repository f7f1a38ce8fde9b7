import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { STRICT_POLICY, type StaticFilesOptions, staticFiles } from '../../../local/web/static-files.ts';

let folder: string;
let server: Server;
let port: number;
let options: StaticFilesOptions;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spelo-static-'));
  const root = join(folder, 'site');
  mkdirSync(join(root, 'assets'), { recursive: true });
  writeFileSync(join(root, 'index.html'), '<!doctype html>home');
  writeFileSync(join(root, 'about.html'), '<!doctype html>about');
  writeFileSync(join(root, 'assets', 'app.0123.js'), 'export {};');
  writeFileSync(join(root, '.hidden'), 'hidden');
  writeFileSync(join(folder, 'outside.txt'), 'outside');
  symlinkSync(join(folder, 'outside.txt'), join(root, 'link.txt'));
  options = { mount: '/app/', root, immutable: /^assets\// };
  server = createServer((request, response) => {
    if (!staticFiles(options)(request, response)) response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });

/** The status of a target that goes out exactly as written; fetch would tidy it up first. */
const statusOf = (target: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.end(`GET ${target} HTTP/1.1\r\nhost: local\r\nconnection: close\r\n\r\n`),
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('end', () => resolve(Number(text.split(' ')[1])));
    socket.on('error', reject);
  });

describe('static files of the dashboard', () => {
  it('are found by name, by page name without extension, and by the root path', async () => {
    expect(await (await get('/app/')).text()).toContain('home');
    expect(await (await get('/app')).text()).toContain('home');
    expect(await (await get('/app/about?x=1')).text()).toContain('about');
    const script = await get('/app/assets/app.0123.js');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('cache-control')).toContain('immutable');
  });

  it('have a strict content security policy and nosniff, even in error responses', async () => {
    for (const path of ['/app/', '/app/nothing']) {
      const { headers } = await get(path);
      expect(headers.get('content-security-policy')).toBe(STRICT_POLICY);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('do not handle any other path', async () => {
    expect((await get('/apple')).status).toBe(418);
    expect((await get('/v1/health')).status).toBe(418);
  });

  it.each([
    '/app/../outside.txt',
    '/app/%2e%2e/outside.txt',
    '/app/..%2foutside.txt',
    '/app/assets/..%2f..%2f..%2foutside.txt',
    '/app/%2e%2e%5coutside.txt',
    '/app/link.txt',
    '/app/.hidden',
    '/app/index.html%00.js',
    '/app/%',
    '/app//etc/passwd',
    '/app/assets',
  ])('do not serve a file for %s', async (target) => {
    expect(await statusOf(target)).toBe(404);
  });

  it('include the fallback page for a path inside the application, and 404 for a missing file', async () => {
    const plain = options;
    options = { ...plain, fallback: 'index.html' };
    expect(await (await get('/app/usage/today')).text()).toContain('home');
    expect((await get('/app/assets/gone.js')).status).toBe(404);
    expect(await statusOf('/app/%2e%2e/outside')).toBe(404);
    options = plain;
  });

  it('are served for GET and HEAD only', async () => {
    expect((await get('/app/', 'POST')).status).toBe(405);
    const head = await get('/app/', 'HEAD');
    expect(await head.text()).toBe('');
    expect(head.headers.get('content-length')).toBe('19');
  });
});
