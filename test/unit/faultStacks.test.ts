/** What faulthandler writes, read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busyStack, pythonStacks } from '../../extension/conductor/faultStacks';

const TEXT = `something printed before
Thread 0x00007f01 [worker] (most recent call first):
  File "/p/symphony_bridge/_runtime.py", line 10 in wait
  File "/p/threading.py", line 1 in run

Current thread 0x00007f02 (most recent call first):
  <no Python frame>

Thread 0x00007f03 (most recent call first):
  File "/w/a b/slow.py", line 7 in <lambda>
  File "/w/main.py", line 3 in <module>
a line that belongs to nobody
  File "/w/other.py", line 1 in no_frame_of_a_stack
`;

test('each thread has its frames in call order', () => {
  const stacks = pythonStacks(TEXT);
  assert.deepEqual(
    stacks.map(({ thread, current, frames }) => [thread, current, frames.map(({ line }) => line)]),
    [
      ['0x00007f01 [worker]', false, [1, 10]],
      ['0x00007f02', true, []],
      ['0x00007f03', false, [3, 7]],
    ],
  );
  assert.deepEqual(stacks[2].frames[1], {
    language: 'python',
    function: '<lambda>',
    file: '/w/a b/slow.py',
    line: 7,
  });
});

test('who keeps the interpreter is no thread of ours that waits', () => {
  assert.equal(busyStack(pythonStacks(TEXT))?.thread, '0x00007f03');
  assert.equal(busyStack([]), undefined);
});

test('text without stacks has none', () => {
  assert.deepEqual(pythonStacks(''), []);
  assert.deepEqual(pythonStacks('  File "x", line 1 in y\n'), []);
});
