import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decisionFiles, decisionsReadme, indexLineOf } from '../../tools/developer/decisions-index.ts';
import { ROOT } from '../support/source-files.ts';

const read = (file: string): string => readFileSync(join(ROOT, 'docs/decisions', file), 'utf8');

describe('docs/decisions', () => {
  it.each(decisionFiles())('contains %s with its number, a status and a date', (file) => {
    expect(indexLineOf(file, read(file))).toMatch(/^\| \d+ \| \[.+\]\(.+\) \| \w.* \| \d{4}-\d\d-\d\d \|$/);
  });

  it('contains no two decisions with the same number', () => {
    const numbers = decisionFiles().map((file) => file.slice(0, 4));
    expect(numbers.filter((number, i) => numbers.indexOf(number) !== i)).toEqual([]);
  });

  it('has an index of every decision (npm run docs:decisions)', () => {
    expect(read('README.md')).toBe(decisionsReadme());
  });

  it('has index lines only for files with a matching number, a status and a date', () => {
    const text = '# 7. A title\n\n- Status: accepted\n- Date: 2026-11-30\n';
    expect(indexLineOf('0007-a.md', text)).toBe('| 7 | [A title](0007-a.md) | accepted | 2026-11-30 |');
    expect(() => indexLineOf('0008-a.md', text)).toThrow('0008-a.md: the title must begin with "# 8. "');
    expect(() => indexLineOf('0007-a.md', text.replace('accepted', 'perhaps'))).toThrow('Status');
    expect(() => indexLineOf('0007-a.md', text.replace('2026-11-30', 'today'))).toThrow('Date');
  });

  it('has the same index line if status and date share a line', () => {
    expect(indexLineOf('0007-a.md', '# 7. A title\n\nStatus: accepted. Date: 2026-11-30.\n')).toBe(
      '| 7 | [A title](0007-a.md) | accepted | 2026-11-30 |',
    );
  });
});
