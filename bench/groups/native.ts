/** From Python into Rust, measured inside Python. */
import { runPython } from '../python';
import { type Result, result } from '../result';

export async function native(): Promise<Result[]> {
  const { noop, builtin, span } = runPython<{ noop: number; builtin: number; span: number }>(
    'native_calls.py',
  );
  return [
    result('Python → Rust, no argument', 'ns', noop, { 'gc.isenabled': builtin }, [
      { times: 2.5, peer: 'gc.isenabled' },
    ]),
    result('span begin + end in Rust', 'ns', span, {}, [{ max: 30 }]),
  ];
}
