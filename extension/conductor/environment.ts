/**
 * Purpose: the environment as the user gave it. The embedded Python reads its variables from this process's own, and
 * children of other bridges must not inherit them.
 * Threads: JavaScript main thread.
 * Must not know: what the variables mean.
 */

interface Added {
  readonly before: string | undefined;
  readonly value: string;
}

const added = new Map<string, Added>();

/** Sets variables of this process, for good. */
export function addToEnvironment(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const known = added.get(name);
    added.set(name, { before: known === undefined ? process.env[name] : known.before, value });
    process.env[name] = value;
  }
}

/** A copy of the environment without what `addToEnvironment` put there. */
export function userEnvironment(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const [name, { before, value }] of added) {
    // Whatever somebody else has set since then is theirs.
    if (env[name] !== value) continue;
    if (before === undefined) delete env[name];
    else env[name] = before;
  }
  return env;
}
