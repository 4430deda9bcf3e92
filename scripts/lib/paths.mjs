// Where things stand in the project: the one place that knows the folders the scripts read and write.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** A path inside the project. */
export const at = (...parts) => join(root, ...parts);

export const tools = at('.tools');
export const logs = at('.tools', 'logs');
export const stamps = at('.tools', 'stamps');
export const venv = at('.venv');
export const venvPython = at('.venv', 'bin', 'python');
/** The VS Code server's own package folder: its dependencies are none of the project's. */
export const vscodeHome = at('.tools', 'vscode');
