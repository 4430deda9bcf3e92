/**
 * The one object that everything of the extension hangs on: bridge, runs, views, settings. Composes; its parts decide.
 *
 * Threads: extension host main thread. Loads nothing native and starts no Python until somebody needs it.
 */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { BlackBox } from '../conductor/crash/blackBox';
import { reportText } from '../conductor/crash/reportText';
import type { RunningChildren, SurveyRequest } from '../conductor/environments';
import { healthReport } from '../conductor/healthReport';
import { describeExit, type HostChoice } from '../conductor/host';
import { type Bridge, type OpenOptions, openBridge } from '../conductor/openBridge';
import { type Config, onConfigChange, readConfig, workspaceRoot } from '../config';
import { AdapterFactory } from '../debug/factory';
import { COMMANDS, SETTINGS, type SettingId } from '../ids';
import { Log } from '../log';
import { EditorFunctions } from '../views/editorFunctions';
import { Failures } from '../views/failures';
import { openSource } from '../views/openSource';
import { ResultDocuments } from '../views/resultDocuments';
import { SourceLinks } from '../views/sourceLinks';
import { createStatusBar } from '../views/statusBar';
import { TRACE_VIEW, TracePanel } from '../views/tracePanel';
import { WorkbenchTrace } from '../views/traceSource';
import { BridgeOwner } from './bridgeOwner';
import { crashFound } from './crashes';
import { pythonExtensionChoice } from './pythonExtension';
import { type RunRecord, Runs } from './runs';
import { StateHolder } from './state';
import { newestTrace, newTraceFile, type TracesInUse } from './traceFiles';

export class Workbench implements vscode.Disposable {
  readonly log = new Log();
  readonly states = new StateHolder();
  readonly results = new ResultDocuments();
  readonly editor = new EditorFunctions(this.log, this.results);
  readonly failures: Failures;
  readonly bridges: BridgeOwner;
  readonly runs: Runs;
  /** What outlives a crash; all windows of this user share it. */
  readonly blackBox: BlackBox;
  readonly trace: TracePanel;
  readonly traceSource: WorkbenchTrace;
  private readonly adapters: AdapterFactory;
  /** Bridges that somebody else owns; true for those of debug sessions. */
  private readonly others = new Map<Bridge, boolean>();
  /** Until the window is reloaded: what runs in this process cannot be stopped, or is not the Python that is wanted. */
  private isSubprocessOnly = false;
  private readonly disposables: vscode.Disposable[];

  constructor(readonly context: vscode.ExtensionContext) {
    const links = new SourceLinks(() => [
      this.root,
      ...(vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath),
    ]);
    this.failures = new Failures(this.log, (file, line) => openSource({ file, line }, context.extensionUri));
    this.bridges = new BridgeOwner({
      options: () => this.openOptions(),
      opened: (bridge) => this.adopt(bridge),
    });
    this.runs = new Runs(this.bridges, this.states, () => readConfig().limits);
    this.traceSource = new WorkbenchTrace(this.runs, this.bridges, () =>
      newestTrace(this.traceFolder, readConfig().traceFile),
    );
    this.blackBox = new BlackBox(join(context.globalStorageUri.fsPath, 'crashes'), (line) =>
      this.log.info(line),
    );
    this.trace = new TracePanel(context.extensionUri, this.traceSource, this.log, (report) =>
      this.results.show('Crash report.txt', reportText(report)),
    );
    this.adapters = new AdapterFactory(() => ({
      open: (options) => this.openBridge(options, true),
      root: this.root,
      prepare: (bridge) => void bridge.expose('editor', this.editor.exposed),
    }));
    this.disposables = [
      this.log,
      this.results,
      createStatusBar(this.states),
      this.traceSource,
      this.trace,
      vscode.window.registerWebviewPanelSerializer(TRACE_VIEW, this.trace),
      links.register(),
      this.adapters.register(),
      this.runs.onDidChange((run) => this.tellOfRun(run)),
      this.blackBox.onDidKeep((report) => crashFound(report, this)),
      onConfigChange((changed) => this.settingsChanged(changed)),
    ];
  }

  /** Where the extension is installed. */
  get root(): string {
    return this.context.extensionPath;
  }

  /** Opens a bridge that is the caller's to close: a debug session's, another extension's. */
  async openBridge(options: OpenOptions = {}, debugging = false): Promise<Bridge> {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const bridge = await openBridge({ ...(await this.openOptions()), ...given });
    this.others.set(bridge, debugging);
    this.log.info(
      `another Python ${bridge.info.version} (${bridge.info.kind} host, process ${bridge.info.pid})`,
    );
    return bridge;
  }

  /** Looks for a process that ended with Python in it: after its crash the extension host starts anew. */
  lookBack(): void {
    this.blackBox.settle();
  }

  isDebugged(pid: number): boolean {
    return [...this.others].some(([{ info }, isDebugging]) => isDebugging && info.pid === pid);
  }

  /** What there is to know of this window's Pythons; see `survey`. */
  surveyRequest(): SurveyRequest {
    const { python, host } = readConfig();
    return {
      search: { python, pythonExtension: pythonExtensionChoice, workspace: workspaceRoot(), root: this.root },
      host,
      cacheDir: this.context.globalStorageUri.fsPath,
      blackBox: this.blackBox,
    };
  }

  /** The child processes that run Python now. */
  runningChildren(): RunningChildren {
    const own = this.bridges.current;
    const isChild = own?.running === true && own.kind === 'subprocess';
    const debugging = [...this.living()].filter(([, isDebugging]) => isDebugging).map(([{ info }]) => info);
    return { scripts: isChild ? own.info : undefined, debugging };
  }

  /** From the next run on, until the window is reloaded. */
  useSubprocess(): void {
    this.isSubprocessOnly = true;
    this.bridges.markStale();
  }

  /** Ends Python and every debug session; VS Code waits for it at most five seconds. */
  async close(): Promise<void> {
    await Promise.allSettled([this.adapters.close(), this.bridges.close()]);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async openOptions(): Promise<OpenOptions> {
    const config = readConfig();
    return {
      host: this.hostFor(config),
      python: config.python,
      workspace: workspaceRoot(),
      pythonExtension: pythonExtensionChoice,
      root: this.root,
      traceFile: await newTraceFile(this.traceFolder, config.traceFile, this.tracesInUse()),
      pitHome: config.pitHome,
      cacheDir: this.context.globalStorageUri.fsPath,
      blackBox: this.blackBox,
      log: (line) => this.log.info(line),
    };
  }

  private hostFor({ host, limits }: Config): HostChoice {
    // Only a process of its own has a memory that can be limited.
    const needsOwn = limits.mebibytes !== undefined && host === 'auto';
    return this.isSubprocessOnly || needsOwn ? 'subprocess' : host;
  }

  private get traceFolder(): string {
    return join((this.context.storageUri ?? this.context.globalStorageUri).fsPath, 'traces');
  }

  /** Files that a running Python writes; those of an embedded one as long as any bridge shares it. */
  private tracesInUse(): TracesInUse {
    const bridges = [...this.living().keys(), this.bridges.current].filter((bridge) => bridge?.running);
    const files = bridges.map((bridge) => bridge?.info.traceFile).filter((file) => typeof file === 'string');
    const shown = this.runs.last?.bridge.info.traceFile;
    return { written: new Set(files), shown: shown ?? undefined };
  }

  private living(): ReadonlyMap<Bridge, boolean> {
    for (const bridge of this.others.keys()) if (!bridge.running) this.others.delete(bridge);
    return this.others;
  }

  private adopt(bridge: Bridge): void {
    const { info } = bridge;
    this.log.info(`Python ${info.version} (${info.kind} host, process ${info.pid}): ${info.executable}`);
    this.log.info(info.reason);
    this.failures.forgetLoop();
    bridge.expose('editor', this.editor.exposed);
    bridge.onDidOutput(({ stream, text }) => this.log.print(stream, text));
    bridge.onDidChangeHealth((health) => {
      const report = healthReport(health);
      if (report === null) this.log.info('Python answers again');
      else this.log.warn(report);
    });
    bridge.onDidChangePhase((phase) => {
      if (phase === 'running') this.failures.forgetLoop();
      this.runs.phaseChanged(bridge, phase);
    });
    bridge.onDidExit((exit) => {
      if (exit.expected) return;
      const how = describeExit(exit);
      this.log.warn(`Python's process ended ${how}; the next run starts a new one.\n${exit.stderrTail}`);
    });
  }

  private tellOfRun(run: RunRecord): void {
    if (run.end === undefined) {
      this.log.info(`run ${run.script}`);
      return;
    }
    this.log.endPrint();
    const seconds = ((Date.now() - run.startedAt) / 1000).toFixed(2);
    if (run.end.kind === 'failed') this.tellOfFailed(run, run.end.error);
    else if (run.end.kind === 'abandoned') this.tellOfAbandoned(run, run.end.error);
    else if (run.end.kind === 'stopped') this.log.info(`${run.name} stopped after ${seconds} s`);
    else if (run.end.exitCode !== 0) this.failures.showExitCode(run.name, run.end.exitCode);
    else this.log.info(`${run.name} ended after ${seconds} s`);
  }

  private tellOfFailed(run: RunRecord, error: unknown): void {
    const what = `${run.name} failed`;
    if (this.states.current.kind === 'given-up') this.failures.showGivenUp(what, error);
    else this.failures.show(what, error);
  }

  private tellOfAbandoned(run: RunRecord, error: unknown): void {
    // Nothing in this process can end it, and it may hold what the next run needs: a child can always be stopped.
    this.failures.show(`${run.name} could not be stopped`, error, {
      title: 'Run in a Subprocess',
      press: () => {
        this.useSubprocess();
        return vscode.commands.executeCommand(COMMANDS.runScript, vscode.Uri.file(run.script), [...run.args]);
      },
    });
  }

  private settingsChanged(changed: readonly SettingId[]): void {
    this.log.info(`settings changed: ${changed.join(', ')}`);
    this.bridges.markStale();
    const fixed = changed.filter((id) => id === SETTINGS.pitHome || id === SETTINGS.traceFile);
    if (this.bridges.current?.kind === 'embedded' && fixed.length > 0) this.offerReload(fixed);
  }

  /** The interpreter of this process keeps what it was started with. */
  private offerReload(ids: readonly SettingId[]): void {
    const reload = 'Reload Window';
    vscode.window
      .showInformationMessage(
        `${ids.join(' and ')} takes effect in the embedded host after a reload.`,
        reload,
      )
      .then(
        (pressed) => pressed === reload && vscode.commands.executeCommand('workbench.action.reloadWindow'),
        () => undefined,
      );
  }
}
