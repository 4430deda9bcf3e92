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
  ...['abi', 'core', 'pit', 'python', 'sdk', 'sdk-macros'].flatMap((crate) =>
    filesBelow(`native/${crate}/src`, '.rs'),
  ),
].filter((path) => !/codes\.(ts|py)$/.test(path));

/** Where sources give an error its code, or ask for it: each finds an expression, in which every word in quotes is a code. */
const PLACES: Record<string, readonly RegExp[]> = {
  ts: [/(?<!typeof )\bcode\b\??(?:: string)?\s*(?:===?|!==?|:|=|\?\?)\s*([^;,{}]*)/g],
  py: [/\bcode\b["']?(?:: str)?\s*(?:==|!=|=|:)\s*([^;,(){}\n]*)/g],
  rs: [
    /"code"\)?,\s*([^;]*)/g,
    /(?<!fn )with_code\([^;]*?("[a-z-]+"),?\s*\)/g,
    /\bKind::\w+ => ("[a-z][a-z-]*")/g,
  ],
};

function codesIn(text: string, ending: string): string[] {
  const expressions = PLACES[ending].flatMap((place) => [...text.matchAll(place)]);
  return expressions.flatMap(([, expression]) =>
    [...expression.matchAll(/['"]([a-z][a-z0-9-]*)['"]/g)].map(([, code]) => code),
  );
}

/** Every code that is used, with a file that has it. */
const used = new Map(
  sources.flatMap((path) => {
    const ending = path.slice(path.lastIndexOf('.') + 1);
    return codesIn(read(path), ending).map((code) => [code, path] as const);
  }),
);

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

test('every code that is used is listed, and every one that is listed is used', () => {
  const where = [...used].map(([code, path]) => `${code} in ${path}`);
  assert.deepEqual([...used.keys()].sort(), listed, where.join('\n'));
});

test('regression: codes are found in whatever form they are given', () => {
  const forms: readonly [ending: string, text: string, codes: string[]][] = [
    ['ts', "new BridgeError(text, { code: isOpen ? 'a-b' : 'c' })", ['a-b', 'c']],
    ['ts', "new BridgeError(text, {\n  code: isOpen\n    ? 'a-b'\n    : 'c',\n})", ['a-b', 'c']],
    ['ts', "readonly code: string = 'a'; if (error.code === 'b') go('c');", ['a', 'b', 'c']],
    ['ts', "const code = facts.code ?? 'a';", ['a']],
    ['ts', "typeof code === 'string'", []],
    ['py', 'raise BridgeError(text, code="a-b" if is_open else "c")', ['a-b', 'c']],
    ['py', '    code = "a"\n', ['a']],
    ['py', 'return {"code": "a", "hint": "b"}', ['a']],
    ['rs', 'error.setattr(intern!(py, "code"), "a-b")?;', ['a-b']],
    ['rs', 'known.set_item("code", if is_open { "a-b" } else { "c" })?;', ['a-b', 'c']],
    ['rs', 'with_code(\n    py,\n    PyValueError::new_err(text),\n    "a-b",\n)', ['a-b']],
    ['rs', 'Kind::Invalid => "a-b",', ['a-b']],
  ];
  for (const [ending, text, codes] of forms) assert.deepEqual(codesIn(text, ending), codes, text);
});

test('the README quotes only messages that exist', () => {
  const all = sources.map((path) => read(path)).join('\n');
  const rows = [...read('README.md').matchAll(/^\| "(.+?)" \|/gm)];
  assert.ok(rows.length > 2);
  for (const [, message] of rows) {
    for (const part of message.split('…').map((text) => text.trim())) assert.ok(all.includes(part), part);
  }
});
