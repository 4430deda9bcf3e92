/**
 * The debuggee for real: a subprocess host of its own, made for one debug session and gone with it.
 *
 * Threads: JS main thread. Must not know: VS Code, the debug adapter protocol.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BridgeClosed } from '../bridge/errors';
import { describeExit } from '../conductor/host';
import type { Bridge, OpenOptions } from '../conductor/openBridge';
import type { Debuggee, DebuggeeEvents, DebugServerAddress, LaunchArguments, RunOutcome } from './debuggee';

/** What the session's surroundings give to its child. */
export interface ChildOptions {
  /** Opens a bridge; `openBridge`, or one that adds the workbench's settings. */
  open(options: OpenOptions): Promise<Bridge>;
  /** Where the product is installed. */
  readonly root: string;
  /** Called before the script runs, for instance to expose the editor's functions. */
  prepare?(bridge: Bridge, launch: LaunchArguments): void;
}

export async function startChildDebuggee(
  options: ChildOptions,
  launch: LaunchArguments,
  events: DebuggeeEvents,
): Promise<Debuggee> {
  const bridge = await options.open({
    host: 'subprocess',
    ...(launch.python === undefined ? {} : { python: launch.python }),
    workspace: launch.cwd ?? dirname(launch.program),
    root: options.root,
    env: { ...launch.env },
  });
  options.prepare?.(bridge, launch);
  return new ChildDebuggee(bridge, options.root, launch, events);
}

/**
 * The folder that holds a debugpy for interpreters without one: `SYMPHONY_DEBUGPY`, else the one of the project's
 * own environment; null when there is none.
 */
export function bundledDebugpy(root: string): string | null {
  const libraries = join(root, '.venv', 'lib');
  const versions = existsSync(libraries) ? readdirSync(libraries) : [];
  const own = versions.map((version) => join(libraries, version, 'site-packages'));
  const candidates = [process.env.SYMPHONY_DEBUGPY, ...own];
  return candidates.find((folder) => folder !== undefined && existsSync(join(folder, 'debugpy'))) ?? null;
}

class ChildDebuggee implements Debuggee {
  readonly pid: number;
  readonly internalPaths: readonly string[];
  private isOver = false;
  private killing: Promise<void> | undefined;

  constructor(
    private readonly bridge: Bridge,
    private readonly root: string,
    private readonly launch: LaunchArguments,
    events: DebuggeeEvents,
  ) {
    this.pid = bridge.info.pid;
    this.internalPaths = [join(root, 'python', 'symphony_bridge')];
    bridge.onDidOutput(({ stream, text }) => events.output(stream, text));
    bridge.onDidExit((exit) => {
      if (exit.expected || this.isOver || this.killing !== undefined) return;
      events.died(`The process of the script ended ${describeExit(exit)}.\n${exit.stderrTail}`);
    });
  }

  async connectDebugger({ host, port, token }: DebugServerAddress): Promise<void> {
    await this.bridge.call('symphony_bridge._debug:connect', [host, port, token, bundledDebugpy(this.root)], {
      mainThread: true,
    });
  }

  async run(): Promise<RunOutcome> {
    try {
      return await this.runToEnd();
    } finally {
      this.isOver = true;
    }
  }

  kill(): Promise<void> {
    this.killing ??= this.end();
    return this.killing;
  }

  private async runToEnd(): Promise<RunOutcome> {
    const entry = this.launch.noDebug === true ? '_runner:run_script' : '_debug:run_script';
    try {
      const result = await this.bridge.call<{ exit_code: number }>(
        `symphony_bridge.${entry}`,
        [this.launch.program, [...(this.launch.args ?? [])]],
        { mainThread: true },
      );
      await this.bridge.host.drainOutput();
      return { exitCode: result.exit_code };
    } catch (error) {
      await this.bridge.host.drainOutput().catch(() => undefined);
      return {
        exitCode: 1,
        failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
      };
    }
  }

  private async end(): Promise<void> {
    // A script that the debugger holds, or that loops, answers no polite request; nothing of it is kept anyway.
    if (!this.isOver) await this.bridge.host.kill?.(new BridgeClosed('the debug session ended'));
    await this.bridge.close();
  }
}
