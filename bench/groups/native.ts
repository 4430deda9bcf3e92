/** From Python into Rust, measured inside Python. */
import { runPython } from '../python';
import { type Result, result } from '../result';

interface Times {
  noop: number;
  noop_with: number;
  /** The same as C built-ins; absent where they cannot be compiled. */
  c_noop?: number;
  c_noop_with?: number;
  span: number;
  /** The two looks at the clock in it. */
  clock: number;
}

const SPAN_NS = 30;
/** What a span may add to the clock where that alone takes longer. */
const OVER_CLOCK = 1.3;

export async function native(): Promise<Result[]> {
  const times = runPython<Times>('native_calls.py');
  return [
    row('Python → Rust, no argument', times.noop, times.c_noop, 1.6),
    row('Python → Rust, two ints and a str', times.noop_with, times.c_noop_with, 2),
    // The clock is the processor's: on some, looking twice takes longer than a span on others.
    result('span begin + end in Rust', 'ns', times.span, { 'the clock, twice': times.clock }, [
      { max: Math.max(SPAN_NS, Math.round(times.clock * OVER_CLOCK)) },
    ]),
  ];
}

function row(name: string, ns: number, twin: number | undefined, limit: number): Result {
  const peer = 'C built-in';
  return result(name, 'ns', ns, twin === undefined ? {} : { [peer]: twin }, [{ times: limit, peer }]);
}
