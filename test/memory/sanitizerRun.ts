/**
 * Purpose: runs a program under the address and undefined-behaviour sanitizers, and reads what they found.
 * Threads: JavaScript main thread only.
 * Must not know: what the program does.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { scratchFolder } from '../bridge/bothHosts';

/** One thing that the sanitizers found. */
export interface Finding {
  /** Its first line: `Direct leak of 40 byte(s) …`, `heap-buffer-overflow on address …`. */
  title: string;
  /** `function file-or-module`, innermost first. */
  stack: string[];
}

/** How the run ended. */
export interface Checked {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  findings: Finding[];
}

const TIMEOUT_MS = 600_000;

/** The scripts know where they lie, so they are no part of a bundle. */
const builder = import(
  pathToFileURL(join(__dirname, '..', '..', 'scripts', 'lib', 'memory.mjs')).href
) as Promise<typeof import('../../scripts/lib/memory.mjs')>;

/** Product folder with the checked build, which is made when it is not there. */
export const checkedProduct: Promise<string> = builder.then(({ buildForMemory }) => buildForMemory());

/** What LD_PRELOAD loads into a process that is to be checked. */
export const checkers: Promise<string> = builder.then(({ sanitizers }) => sanitizers());

/**
 * Runs a program to its end. The environment of the checkers is added to `env`.
 * @param leaks false: only what is wrong at once counts, for a Python that ends and does not free what it made
 */
export async function runChecked(
  program: string,
  args: readonly string[],
  { leaks = true, env = {} }: { leaks?: boolean; env?: NodeJS.ProcessEnv } = {},
): Promise<Checked> {
  const folder = scratchFolder();
  const options = [
    `detect_leaks=${leaks ? 1 : 0}`,
    // The reports are judged, not the exit code: known leaks of others' count as none.
    'exitcode=0',
    `log_path=${join(folder, 'report')}`,
    // The quick unwinder stops at a function of V8's or CPython's without a frame pointer; the other one shows the whole
    // way, and takes ten times as long.
    `fast_unwind_on_malloc=${process.env.SYMPHONY_WHOLE_STACKS ? 0 : 1}`,
    'malloc_context_size=40',
    // V8 and CPython take their stacks' limits from the system, not from the checker's copies of frames.
    'detect_stack_use_after_return=0',
    'handle_segv=0',
  ];
  const ended = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: TIMEOUT_MS,
    env: {
      ...process.env,
      LD_PRELOAD: await checkers,
      // CPython's own allocator hides small objects from the checker, and would keep them all reachable.
      PYTHONMALLOC: 'malloc',
      ASAN_OPTIONS: options.join(':'),
      UBSAN_OPTIONS: 'print_stacktrace=1',
      ...env,
    },
  });
  const { status: code, signal, stdout, stderr } = ended;
  const reports = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  // The undefined-behaviour checker tells of itself here, whatever its log is.
  return { code, signal, stdout, stderr, findings: [...reports, stderr].flatMap(findingsOf) };
}

/** Leaks that are known of others' code and cannot be ours: these functions allocated the memory themselves. */
const KNOWN: readonly [allocator: RegExp, whose: string][] = [
  // PyO3 gives CPython the table of a class's members for good: versions before 3.11 go on using it. The compiler may
  // merge its code with that of the properties' table, which looks the same.
  [/Py(?:Member|GetSet)Def.*\n.*pyclass18create_type_object18create_type_object5inner/, 'PyO3'],
  // V8 keeps what belongs to a page of its heap in the page, which the checker does not look into.
  [/v8::internal::MemoryChunk::(MemoryChunk|AllocateSlotSet)\(/, 'V8'],
  [/v8::internal::Page::AllocateFreeListCategories\(/, 'V8'],
];
/** So many innermost frames say who allocated. */
const INNERMOST = 6;

/** What a report tells, one finding per leak or error, without what is known. */
function findingsOf(report: string): Finding[] {
  const found: Finding[] = [];
  for (const line of report.split('\n')) {
    const title = TITLE.exec(line);
    const frame = /^\s+#\d+ 0x[0-9a-f]+ (?:in )?(.*)$/.exec(line);
    if (title) found.push({ title: title[1] ?? title[2] ?? title[0], stack: [] });
    else if (frame) found.at(-1)?.stack.push(frame[1]);
  }
  return found.filter((finding) => !isKnown(finding));
}

const TITLE =
  /^(?:(?:Direct|Indirect) leak of .*|==\d+==ERROR: AddressSanitizer: (.*)|.*(runtime error: .*))$/;

function isKnown({ title, stack }: Finding): boolean {
  if (!/leak of/.test(title)) return false;
  const innermost = stack.slice(0, INNERMOST).join('\n');
  return KNOWN.some(([allocator]) => allocator.test(innermost));
}
