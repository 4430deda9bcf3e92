/** The editor's functions as Python calls them, on the terminal's editor. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editorCalls } from '../../extension/conductor/editorCalls';
import { TerminalEditor } from '../../extension/conductor/headless/terminalEditor';

function terminal() {
  const written: string[] = [];
  const input = { isTTY: false } as NodeJS.ReadStream;
  const editor = new TerminalEditor({ write: (text) => written.push(text), input });
  return { calls: editorCalls(editor), written };
}

test('keywords are read like positional arguments', async () => {
  const { calls, written } = terminal();
  calls.message('one', 'warning');
  calls.message('two', { level: 'error' });
  calls.message({ text: 'three' });
  calls.progress(0.5, { text: 'half' });
  calls.progress({ fraction: 0.75, text: 'more' });
  calls.progress({ text: 'who knows' });
  await calls.open({ path: 'a.py' });
  await calls.open({ text: '# Report', language: 'markdown' });
  await calls.open(null, 'text');
  assert.equal(await calls.ask({ question: 'Publish?' }), false);
  assert.deepEqual(written, [
    '[warning] one\n',
    '[error] two\n',
    '[info] three\n',
    '[ 50%] half\n',
    '[ 75%] more\n',
    '[  … ] who knows\n',
    '[open] a.py\n',
    '# Report\n',
    'text\n',
    '[ask] Publish? no (there is no terminal to answer)\n',
  ]);
});

test('what does not fit is refused by name', async () => {
  const { calls, written } = terminal();
  assert.throws(() => calls.message('a', 'loud'), /level must be/);
  assert.throws(() => calls.message('a', { colour: 'red' }), /takes text, level; got 1 values and colour/);
  assert.throws(() => calls.message(1), /text must be a str/);
  assert.throws(() => calls.progress('half'), /fraction must be a number/);
  await assert.rejects(calls.open(), /needs a path or a text/);
  await assert.rejects(calls.ask('a', 'b'), /takes question/);
  assert.deepEqual(written, []);
});
