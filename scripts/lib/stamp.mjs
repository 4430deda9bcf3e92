// Decides whether a step has to run: a stamp keeps the hash of what went in and the size and time of what came out.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { root, stamps } from './paths.mjs';

const ignored = new Set(['node_modules', 'target', 'build', '__pycache__', '.pytest_cache', '.venv']);

/** True when the inputs and the outputs are still those of the last `keep`. */
export function isFresh(name, inputs, outputs = []) {
  const file = join(stamps, name);
  if (!existsSync(file) || !outputs.every((output) => existsSync(output))) return false;
  return readFileSync(file, 'utf8') === content(inputs, outputs);
}

/** Remembers the present inputs and outputs. */
export function keep(name, inputs, outputs = []) {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(join(stamps, name), content(inputs, outputs));
}

/** Makes the step run again, whatever its inputs are. */
export function forget(name) {
  rmSync(join(stamps, name), { force: true });
}

/** Every file below the given paths, in a stable order, without build products. */
export function filesBelow(paths, accept = () => true) {
  return paths.flatMap((path) => {
    if (!existsSync(path)) return [];
    if (!statSync(path).isDirectory()) return [path];
    const entries = readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    return entries
      .filter((entry) => !ignored.has(entry.name))
      .flatMap((entry) => filesBelow([join(path, entry.name)], accept))
      .filter(accept);
  });
}

/** Inputs are absolute file paths, or plain words such as a version. */
function content(inputs, outputs) {
  const hash = createHash('sha256');
  for (const input of inputs) {
    const isFile = isAbsolute(input);
    hash.update(`\0${isFile ? relative(root, input) : input}\0`);
    if (isFile && existsSync(input)) hash.update(readFileSync(input));
  }
  const made = outputs.map((output) => {
    const { size, mtimeMs } = statSync(output);
    return `${relative(root, output)} ${size} ${mtimeMs}`;
  });
  return [hash.digest('hex'), ...made, ''].join('\n');
}
