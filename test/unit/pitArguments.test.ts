/** What people type as arguments of Pit operations, and what is made of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type JsonType,
  type Parameter,
  parseArgument,
  typeHint,
} from '../../extension/commands/pitArguments';

function parameter(accepts: JsonType[], required = true): Parameter {
  return { name: 'value', type: accepts.join(' | '), accepts, required, default: required ? null : 'None' };
}

test('a text needs no quotes, and may have them', () => {
  assert.deepEqual(parseArgument(parameter(['string']), 'embedder'), { kind: 'value', value: 'embedder' });
  assert.deepEqual(parseArgument(parameter(['string']), '"embedder"'), { kind: 'value', value: 'embedder' });
});

test('a text that looks like a number stays a text where only a text fits', () => {
  assert.deepEqual(parseArgument(parameter(['string']), '1.0'), { kind: 'value', value: '1.0' });
});

test('numbers, objects and lists are JSON', () => {
  assert.deepEqual(parseArgument(parameter(['number']), ' 7 '), { kind: 'value', value: 7 });
  assert.deepEqual(parseArgument(parameter(['object']), '{"a": [1]}'), { kind: 'value', value: { a: [1] } });
  assert.deepEqual(parseArgument(parameter(['array']), '["x"]'), { kind: 'value', value: ['x'] });
});

test('the wrong type names what is wanted and what came', () => {
  const parsed = parseArgument(parameter(['number']), '[1]');
  assert.deepEqual(parsed, { kind: 'error', message: 'value takes number, this is array' });
});

test('broken JSON is an error that shows the place', () => {
  for (const accepts of [['object'], ['string', 'object']] as JsonType[][]) {
    const parsed = parseArgument(parameter(accepts), '{"a": ');
    assert.equal(parsed.kind, 'error');
    assert.match((parsed as { message: string }).message, /not valid JSON/);
  }
});

test('empty leaves out what is optional and asks for what is not', () => {
  assert.deepEqual(parseArgument(parameter(['number'], false), ''), { kind: 'omitted' });
  assert.equal(parseArgument(parameter(['number']), ' ').kind, 'error');
});

test('anything may be typed where anything fits', () => {
  assert.deepEqual(parseArgument(parameter([]), '[1, 2]'), { kind: 'value', value: [1, 2] });
  assert.deepEqual(parseArgument(parameter([]), 'plain words'), { kind: 'value', value: 'plain words' });
});

test('the hint shows an example of each type that fits', () => {
  assert.equal(typeHint(parameter(['string', 'null'])), 'text');
  assert.equal(typeHint(parameter(['number', 'object'])), '10 or {"key": "value"}');
  assert.equal(typeHint(parameter([])), 'JSON');
});
