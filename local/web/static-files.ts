import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';

/** Answers a request and returns true, or returns false for a request that it does not handle. */
export type WebHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface StaticFilesOptions {
  /** First part of the path, with both slashes: `/widget/`. */
  readonly mount: `/${string}/`;
  /** Folder of the files. Read on each request, so that a new build shows at once. */
  readonly root: string;
  /** The page for every path below `mount` without a file, for an application that routes in the browser. */
  readonly fallback?: string;
  /** Content-Security-Policy of everything served. @default `STRICT_POLICY` */
  readonly policy?: string;
  /** Paths (without the mount) whose content never changes under their name. */
  readonly immutable?: RegExp;
  /** True: pages of other origins may load these files, with subresource integrity. */
  readonly forOtherOrigins?: boolean;
}

/** Allows content of the page's own origin only, nothing inline, and no framing. */
export const STRICT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

/**
 * Serves the files of one folder to a browser, and no file outside of it: names with `..`, a leading dot, a backslash
 * or a zero byte, and links that lead elsewhere, are not found. `/name` also finds `name.html`, the mount itself
 * `index.html`. For the local run; a deployment serves the same files from a bucket.
 */
export const staticFiles = (options: StaticFilesOptions): WebHandler => {
  const headers = {
    ...pageHeaders(options.policy ?? STRICT_POLICY),
    ...(options.forOtherOrigins === true && {
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
    }),
  };
  return (request, response) => {
    const path = pathBelow(options.mount, request.url ?? '/');
    if (path === undefined) return false;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { ...headers, allow: 'GET, HEAD' }).end();
      return true;
    }
    const file = path === NOT_A_PATH ? undefined : (findFile(options, path) ?? fallbackOf(options, path));
    if (file === undefined) {
      response
        .writeHead(404, { ...headers, 'content-type': 'text/plain; charset=utf-8' })
        .end('Not found.\n');
      return true;
    }
    const content = readFileSync(file);
    response.writeHead(200, {
      ...headers,
      'content-type': CONTENT_TYPES[extname(file)] ?? 'application/octet-stream',
      'content-length': String(content.byteLength),
      'cache-control':
        options.immutable?.test(path) === true ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    response.end(request.method === 'HEAD' ? undefined : content);
    return true;
  };
};

/** Headers of every page and file. */
export const pageHeaders = (policy: string): Readonly<Record<string, string>> => ({
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
});

const NOT_A_PATH = '\0';

/** The decoded path without the mount; undefined for another part of the site. */
const pathBelow = (mount: string, target: string): string | undefined => {
  const [raw = ''] = target.split(/[?#]/);
  if (raw === mount.slice(0, -1)) return '';
  if (!raw.startsWith(mount)) return undefined;
  try {
    const path = decodeURIComponent(raw.slice(mount.length));
    return path.split('/').every(isPlainName) ? path : NOT_A_PATH;
  } catch {
    return NOT_A_PATH;
  }
};

const isPlainName = (segment: string): boolean => !segment.startsWith('.') && !/[\\\0]/.test(segment);

const findFile = ({ root }: StaticFilesOptions, path: string): string | undefined => {
  const names = path === '' || path.endsWith('/') ? [`${path}index.html`] : [path, `${path}.html`];
  return names.map((name) => fileInside(root, name)).find((file) => file !== undefined);
};

/** A missing path with an extension is a missing file; any other path is inside the application. */
const fallbackOf = ({ root, fallback }: StaticFilesOptions, path: string): string | undefined =>
  fallback === undefined || extname(path) !== '' ? undefined : fileInside(root, fallback);

const fileInside = (root: string, name: string): string | undefined => {
  try {
    const file = realpathSync(join(root, name));
    return file.startsWith(realpathSync(root) + sep) && statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
};
