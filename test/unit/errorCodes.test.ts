/** The codes of errors: the lists of both languages, the page about them, and what the sources use. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERROR_CODES } from '../../extension/bridge/errors';

const ROOT = join(__dirname, '..', '..');
const read = (...path: string[]): string => readFileSync(join(ROOT, ...path), 'utf8');
const listed = Object.keys(ERROR_CODES).sort();

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(join(ROOT, path)).isDirectory()) return filesBelow(path, ending);
    return name.endsWith(ending) ? [path] : [];
  });
}

/** Sources without the two lists. */
const sources = [
  ...filesBelow('extension', '.ts'),
  ...filesBelow('python/symphony_bridge', '.py'),
  ...filesBelow('native/pit/src', '.rs'),
  ...filesBelow('native/python/src', '.rs'),
].filter((path) => !/codes\.(ts|py)$/.test(path));

test('the page explains every code, and no other', () => {
  const sections = read('docs', 'errors.md').split(/^### /m).slice(1);
  const explained = sections.map((section) => /^`([a-z-]+)`\n/.exec(section)?.[1] ?? section.slice(0, 40));
  assert.deepEqual([...explained].sort(), listed);
  for (const section of sections) {
    for (const part of ['Means', 'Typical cause', 'Next']) {
      assert.match(section, new RegExp(`^\\*\\*${part}\\.\\*\\* \\S`, 'm'), section.slice(0, 40));
    }
  }
});

test('TypeScript and Python have the same codes with the same hints', () => {
  const python = Object.fromEntries(
    [...read('python', 'symphony_bridge', '_error_codes.py').matchAll(/^ {4}"([a-z-]+)": "(.*)",$/gm)].map(
      ([, code, hint]) => [code, hint],
    ),
  );
  assert.deepEqual(python, { ...ERROR_CODES });
});

test('every code that is used is listed', () => {
  const known = new Set(listed);
  for (const path of sources) {
    const text = read(path);
    const used = path.endsWith('.rs')
      ? text.matchAll(/(?<!fn )with_code\([^;]*?"([a-z-]+)",?\s*\)|=> "(pit-[a-z]+)"/g)
      : text.matchAll(/\bcode(?:: | = |=)['"]([a-z][a-z-]*)['"]/g);
    for (const [, ...codes] of used) {
      for (const code of codes.filter(Boolean)) assert.ok(known.has(code), `${path}: ${code}`);
    }
  }
});

test('every code that is listed is used', () => {
  const all = sources.map((path) => read(path)).join('\n');
  for (const code of listed) assert.match(all, new RegExp(`['"]${code}['"]`), code);
});

test('the README quotes only messages that exist', () => {
  const all = sources.map((path) => read(path)).join('\n');
  const rows = [...read('README.md').matchAll(/^\| "(.+?)" \|/gm)];
  assert.ok(rows.length > 2);
  for (const [, message] of rows) {
    for (const part of message.split('…').map((text) => text.trim())) assert.ok(all.includes(part), part);
  }
});
