/**
 * Purpose: which Pythons are not embedded any more, because a process may have crashed with them.
 * Threads: any one; several processes may share the file.
 * Must not know: VS Code, what a crash is.
 */
import { readJson, writeJson } from '../privateFile';

/** Why a Python is doubted. */
export interface Doubt {
  /** Milliseconds since 1970. */
  atMs: number;
  /** A sentence without a full stop, for a person. */
  why: string;
}

const MOST = 32;

export class Doubts {
  constructor(private readonly file: string) {}

  /** @param key see `embeddingKey`: a new library or a new build is not doubted. */
  of(key: string): Doubt | undefined {
    return this.all()[key];
  }

  add(key: string, doubt: Doubt): void {
    const { [key]: _, ...others } = this.all();
    const kept = Object.entries(others).slice(1 - MOST);
    writeJson(this.file, { ...Object.fromEntries(kept), [key]: doubt });
  }

  /** @returns how many there were. */
  forget(): number {
    const count = Object.keys(this.all()).length;
    if (count > 0) writeJson(this.file, {});
    return count;
  }

  private all(): Record<string, Doubt> {
    return readJson<Record<string, Doubt>>(this.file) ?? {};
  }
}
