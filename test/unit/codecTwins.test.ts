/** The layout is declared twice, in TypeScript and in Rust; here the two are compared. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FRAME_HEADER, FRAME_VERSION, FrameFlag, FrameKind, MAX_FRAME } from '../../extension/protocol/frame';
import { KEPT, MAX_DEPTH, Tag, Trait, WIDE_ARG } from '../../extension/protocol/pack';

const core = join(__dirname, '../../native/core/src');

test('tags', () => assert.deepEqual(rustModule('pack.rs', 'tag'), names(Tag)));
test('traits', () => assert.deepEqual(rustModule('pack.rs', 'traits'), names(Trait)));
test('kinds of frames', () => assert.deepEqual(rustModule('frame.rs', 'kind'), names(FrameKind)));
test('flags of frames', () => assert.deepEqual(rustModule('frame.rs', 'flag'), { ...FrameFlag }));

test('limits', () => {
  const pack = constants(source('pack.rs'));
  assert.equal(pack.WIDE_ARG, WIDE_ARG);
  assert.equal(pack.MAX_DEPTH, MAX_DEPTH);
  assert.equal(pack.KEPT, KEPT);
  const frame = constants(source('frame.rs'));
  assert.equal(frame.HEADER, FRAME_HEADER);
  assert.equal(frame.VERSION, FRAME_VERSION);
  assert.equal(frame.MAX_FRAME, MAX_FRAME);
});

function source(file: string): string {
  return readFileSync(join(core, file), 'utf8');
}

function rustModule(file: string, name: string): Record<string, number> {
  const body = new RegExp(`pub mod ${name} \\{([^}]*)\\}`).exec(source(file));
  assert.ok(body, `pub mod ${name} in ${file}`);
  return constants(body[1]);
}

function constants(text: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [, name, value, shift = '0'] of text.matchAll(/pub const (\w+): \w+ = (\w+)(?: << (\d+))?;/g)) {
    const number = Number(value.replaceAll('_', '')) << Number(shift);
    if (!Number.isNaN(Number(value.replaceAll('_', '')))) found[name] = number;
  }
  return found;
}

function names(twin: object): Record<string, number> {
  return Object.fromEntries(Object.entries(twin).filter(([, value]) => typeof value === 'number'));
}
