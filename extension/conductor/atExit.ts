/**
 * Purpose: what is done when this process ends. One listener for all of it: Node warns of more than ten.
 * Threads: JavaScript main thread; a worker has its own list.
 * Must not know: what is done.
 */
const waiting = new Set<() => void>();

/** Has `work`, which must not throw, done when the process ends. @returns calls it off */
export function atExit(work: () => void): () => void {
  if (waiting.size === 0) process.on('exit', doAll);
  waiting.add(work);
  return () => {
    waiting.delete(work);
    if (waiting.size === 0) process.off('exit', doAll);
  };
}

function doAll(): void {
  for (const work of waiting) work();
}
