/**
 * Live handles by the line that made them: a thousand leaks of one line are one finding.
 *
 * Must not know: the DOM.
 */
import type { HandleState, PanelHandle } from '../../extension/protocol/panelMessages';

export interface HandleGroup {
  state: HandleState;
  /** The oldest one stands for all. */
  handle: PanelHandle;
  count: number;
  names: string[];
}

const RANK: Record<HandleState, number> = { leak: 0, live: 1, 'long-lived': 2 };

/** Groups of equal state, kind, line and reason; leaks first, then the largest. */
export function groupHandles(handles: readonly PanelHandle[]): HandleGroup[] {
  const groups = new Map<string, HandleGroup>();
  for (const handle of handles) {
    // Without a line only the name can tell handles apart.
    const place = handle.site ? `${handle.site.file}:${handle.site.line}` : handle.name;
    const key = [handle.state, handle.kind, place, handle.reason].join('\n');
    const group = groups.get(key);
    if (!group) groups.set(key, { state: handle.state, handle, count: 1, names: [handle.name] });
    else {
      group.count++;
      if (!group.names.includes(handle.name)) group.names.push(handle.name);
      if (handle.ageNs > group.handle.ageNs) group.handle = handle;
    }
  }
  return [...groups.values()].sort(
    (left, right) =>
      RANK[left.state] - RANK[right.state] ||
      right.count - left.count ||
      right.handle.ageNs - left.handle.ageNs,
  );
}
