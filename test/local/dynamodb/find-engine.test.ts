import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { MissingEngineError } from '../../../local/dynamodb/errors.ts';
import { findEngine } from '../../../local/dynamodb/find-engine.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const withoutPackage = { platform: 'linux', arch: 'riscv64' };

function executable(name: string): string {
  const file = folder.file(name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  chmodSync(file, 0o755);
  return file;
}

describe('findEngine', () => {
  it('prefers a given endpoint to every binary', () => {
    const binary = executable('first/dynoxide');
    expect(findEngine({ endpoint: 'http://127.0.0.1:8000', path: dirname(binary) })).toEqual({
      source: 'endpoint',
      endpoint: 'http://127.0.0.1:8000',
    });
  });

  it('treats an empty endpoint as not set', () => {
    const binary = executable('empty-endpoint/dynoxide');
    expect(findEngine({ endpoint: '', path: dirname(binary), ...withoutPackage }).source).toBe('path');
  });

  it('takes the first executable on the PATH if no package fits the machine', () => {
    const second = executable('second/dynoxide');
    const path = [folder.file('nowhere'), '', dirname(second)].join(delimiter);
    expect(findEngine({ path, ...withoutPackage })).toEqual({ source: 'path', binary: second });
  });

  it('skips a file that is not executable', () => {
    const file = executable('plain/dynoxide');
    chmodSync(file, 0o644);
    expect(() => findEngine({ path: dirname(file), ...withoutPackage })).toThrow(MissingEngineError);
  });

  it('says in one sentence what to install if there is no engine', () => {
    expect(() => findEngine(withoutPackage)).toThrow(
      'No DynamoDB engine found: run `npm install --no-save @dynoxide/linux-riscv64`, or put `dynoxide` on the PATH, or set DYNAMODB_ENDPOINT to the address of a DynamoDB-compatible engine.',
    );
  });
});
