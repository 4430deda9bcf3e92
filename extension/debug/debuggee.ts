/**
 * What the adapter needs from the process it debugs. The adapter stays free of hosts and of VS Code behind this
 * interface; `childDebuggee.ts` fulfils it with the subprocess host.
 */

/** The arguments of a `conductor` launch, as written in launch.json. */
export interface LaunchArguments {
  /** Absolute path of the script. */
  readonly program: string;
  /** `sys.argv[1:]`. */
  readonly args?: readonly string[];
  /** Interpreter; absent means the workbench's choice. */
  readonly python?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stopOnEntry?: boolean;
  readonly justMyCode?: boolean;
  readonly noDebug?: boolean;
}

/** Where the adapter waits for the debug server of the child, and the word that proves it is ours. */
export interface DebugServerAddress {
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

/** How a script ended: `failure` is the joined stack when it raised. */
export interface RunOutcome {
  readonly exitCode: number;
  readonly failure?: string;
}

export interface DebuggeeEvents {
  output(stream: 'stdout' | 'stderr', text: string): void;
  /** The process is gone although nobody asked for that. */
  died(reason: string): void;
}

/** A process with a Conductor's Python in it that has not run the script yet. */
export interface Debuggee {
  readonly pid: number;
  /** Python files that belong to the bridge, not to the script: folders or files. */
  readonly internalPaths: readonly string[];
  /** Loads debugpy in the child and makes it connect to us. */
  connectDebugger(address: DebugServerAddress): Promise<void>;
  /** Runs the script to its end; resolves also when it raised. */
  run(): Promise<RunOutcome>;
  /** Ends the process, whatever it does; resolves when it is gone. Safe to call twice. */
  kill(): Promise<void>;
}

export type DebuggeeFactory = (launch: LaunchArguments, events: DebuggeeEvents) => Promise<Debuggee>;
