/** Scripts that end with an error: every kind that a user knows, as TypeScript and the headless runner see it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type BridgeError, PythonError } from '../../extension/bridge/errors';
import { runScript } from '../../extension/conductor/runScript';
import { HOSTS, onBothHosts, recordOutput, rejection, scratchFolder } from './bothHosts';
import { Program } from './children';
import { TEST_PYTHON } from './testPython';

const folder = scratchFolder();
writeFileSync(join(folder, 'broken_module.py'), 'x = 1\ndef f(:\n');

/** A script of that text, in a folder that has a module with a syntax error. */
function script(name: string, text: string): string {
  const path = join(folder, `${name}.conductor.py`);
  writeFileSync(path, text);
  return path;
}

/** `line` is where the script's own part of the story begins. */
const ROWS: readonly [name: string, text: string, type: string, line: number, hint: RegExp][] = [
  ['syntax', 'x = 1\ndef f(:\n', 'SyntaxError', 2, /Correct/],
  ['broken_import', '\nimport broken_module\n', 'SyntaxError', 2, /Correct/],
  ['missing', '\nimport module_that_is_not_there\n', 'ModuleNotFoundError', 2, /-m pip install/],
  ['from_import', '\nfrom json import nothing_of_this_name\n', 'ImportError', 2, /json/],
  ['interrupt', '\nraise KeyboardInterrupt\n', 'KeyboardInterrupt', 2, /Ctrl\+C/],
  ['memory', 'import sys\nbytearray(sys.maxsize)\n', 'MemoryError', 2, /less/],
  ['recursion', 'def again():\n    again()\n\nagain()\n', 'RecursionError', 4, /without end/],
  ['stop', '\nnext(iter(()))\n', 'StopIteration', 2, /next\(\)/],
  ['stop_async', '\nraise StopAsyncIteration\n', 'StopAsyncIteration', 2, /async for/],
  ['generator', '\nraise GeneratorExit\n', 'GeneratorExit', 2, /generator/],
  ['odd', 'class Odd(BaseException): pass\n\nraise Odd\n', '__main__.Odd', 3, /Python frame/],
];

onBothHosts('whatever a script ends with is told with its line, and the next one runs', async (bridge) => {
  const output = recordOutput(bridge);
  for (const [name, text, type, line, hint] of ROWS) {
    const path = script(name, text);
    const error = (await rejection(runScript(bridge, path))) as BridgeError;
    assert.ok(error instanceof PythonError, `${name}: ${error.stack}`);
    assert.deepEqual([error.type, error.code], [type, 'python-exception'], name);
    const first = error.frames.find(({ language }) => language === 'python');
    assert.deepEqual([first?.file, first?.line], [path, line], error.stack);
    assert.match(error.hint, hint, name);
    const ended = await runScript(bridge, script('next', `print('after ${name}')\n`));
    assert.deepEqual(ended, { exitCode: 0, leaks: [] }, name);
  }
  assert.equal(output.stdout, ROWS.map(([name]) => `after ${name}\n`).join(''));
  assert.equal(output.stderr, '');
});

onBothHosts('sys.exit is the exit code of a script, whatever it is given', async (bridge) => {
  const output = recordOutput(bridge);
  for (const [given, code] of [
    ['', 0],
    ['None', 0],
    ['5', 5],
    ['True', 1],
    ["'for a reason'", 1],
  ] as const) {
    const ended = await runScript(bridge, script('exits', `import sys\nsys.exit(${given})\n`));
    assert.equal(ended.exitCode, code, given);
  }
  assert.equal(output.stderr, 'for a reason\n');
});

/** What the runner gives back to the shell: what plain `python` does. */
const EXIT_CODES: readonly [text: string, code: number, told: RegExp][] = [
  ['raise KeyboardInterrupt("by itself")\n', 130, /PythonError \[KeyboardInterrupt\]: by itself/],
  ['class Own(KeyboardInterrupt): pass\nraise Own\n', 1, /PythonError \[__main__\.Own\]/],
  ['def f(:\n', 1, /PythonError \[SyntaxError\]/],
  ['import sys\nbytearray(sys.maxsize)\n', 1, /PythonError \[MemoryError\]/],
];

for (const host of HOSTS) {
  test(`${host}: regression: a KeyboardInterrupt of a script's own ends the runner with 130, others with 1`, async () => {
    for (const [text, code, told] of EXIT_CODES) {
      const args = [script('ends', text), '--host', host, '--no-trace'];
      if (TEST_PYTHON) args.push('--python', TEST_PYTHON);
      const ended = await new Program('extension/conductor/cli.ts', args, {}, folder).ended;
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, told);
      assert.match(ended.stdout, new RegExp(`Summary: exit code ${code} `));
    }
  });
}
