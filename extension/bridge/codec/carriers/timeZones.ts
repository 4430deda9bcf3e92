/**
 * Carriers of Python's time zones, and moments in them. Any thread; knows nothing of packs.
 */
import { Carrier, quoted } from './carrier';

/** A fixed offset: Python's `datetime.timezone`. */
export class PyTimeZone extends Carrier {
  /** Python's `timezone.utc`. */
  static readonly utc = new PyTimeZone(0);

  constructor(
    /** From UTC, east positive, in microseconds. */
    readonly offset: number,
    /** Null: Python makes one of the offset. */
    readonly name: string | null = null,
  ) {
    super();
    Object.freeze(this);
  }

  /** `+02:00`, as ISO 8601 has it after a time. */
  suffix(): string {
    const seconds = Math.abs(this.offset) / 1e6;
    const parts = [seconds / 3600, (seconds / 60) % 60].map((part) =>
      String(Math.floor(part)).padStart(2, '0'),
    );
    const rest = seconds % 60;
    if (rest !== 0) parts.push(rest < 10 ? `0${rest}` : `${rest}`);
    return (this.offset < 0 ? '-' : '+') + parts.join(':');
  }

  toString(): string {
    if (this.name === null && this.offset === 0) return 'UTC';
    return this.name ?? `UTC${this.suffix()}`;
  }
}

/** A zone of the IANA database: Python's `zoneinfo.ZoneInfo`. */
export class PyZoneInfo extends Carrier {
  constructor(
    /** `Europe/Berlin`. */
    readonly key: string,
  ) {
    super();
    Object.freeze(this);
  }

  toString(): string {
    return this.key;
  }

  /** How Python would write it. */
  repr(): string {
    return `zoneinfo.ZoneInfo(key=${quoted(this.key)})`;
  }
}

/** Null: none. An object of another class of Python's is a reference. */
export type TimeZone = PyTimeZone | PyZoneInfo | null | object;

/**
 * The moment of a local time.
 *
 * @param local milliseconds of the local time, taken as if it were UTC
 * @param fold which of two moments, where clocks were put back; which side, where they were put forward (PEP 495)
 */
export function utcMilliseconds(local: number, fold: 0 | 1, tz: object): number {
  if (tz instanceof PyTimeZone) return local - tz.offset / 1000;
  if (!(tz instanceof PyZoneInfo)) throw new TypeError(`only Python knows the offset of ${String(tz)}`);
  const before = local - zoneOffset(local - DAY, tz.key);
  const after = local - zoneOffset(local + DAY, tz.key);
  const isBefore = local - zoneOffset(before, tz.key) === before;
  const isAfter = local - zoneOffset(after, tz.key) === after;
  if (isBefore === isAfter) return fold === 0 ? before : after;
  return isBefore ? before : after;
}

/** Offset of a zone at a moment, in milliseconds. */
function zoneOffset(utc: number, key: string): number {
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: key,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(key, format);
  }
  const found: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(utc)) found[type] = value;
  const year = found.era?.startsWith('B') ? 1 - Number(found.year) : Number(found.year);
  const local = new Date(
    Date.UTC(2000, Number(found.month) - 1, Number(found.day), +found.hour, +found.minute, +found.second),
  ).setUTCFullYear(year, Number(found.month) - 1, Number(found.day));
  return local - Math.floor(utc / 1000) * 1000;
}

const DAY = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();
