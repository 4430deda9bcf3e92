/**
 * Purpose: what either host needs to begin, and the environment Python gets.
 * Threads: any.
 * Must not know: VS Code.
 */
import { isAbsolute, join } from 'node:path';
import type { InterpreterFacts } from './probe';

/** A host's settings, with every default filled in. */
export interface HostSettings {
  /** Where this product is installed. */
  root: string;
  facts: InterpreterFacts;
  /** Folder Python starts in, in a child. */
  workspace: string;
  traceFile: string | null;
  pitHome: string | null;
  env: Readonly<Record<string, string>>;
  /** Why this host, for `HostInfo.reason`. */
  reason: string;
  /** See `HostInfo.fellBack`. */
  fellBack: boolean;
}

/** Folder of the package `symphony_bridge`. */
export function pythonFolder(root: string): string {
  return join(root, 'python');
}

/** The variables both hosts set. */
export function pythonVariables({ traceFile, pitHome, env }: HostSettings): Record<string, string> {
  return {
    ...(traceFile === null ? {} : { SYMPHONY_TRACE: traceFile }),
    ...(pitHome === null ? {} : { SYMPHONY_PIT_HOME: pitHome }),
    ...env,
  };
}

/** Rust tells its files relative to the product's root; editors want a whole path. */
export function sourceResolver(root: string): (file: string) => string {
  return (file) => (isAbsolute(file) || file.startsWith('<') ? file : join(root, file));
}
