/**
 * Carriers of Python's `datetime`: exact to the microsecond, with zone and fold. Pure data; any thread; know nothing of
 * packs.
 */
import { type AnyInt, Carrier } from './carrier';
import { PyTimeZone, type TimeZone, utcMilliseconds } from './timeZones';

/** A Python date. */
export class PyDate extends Carrier {
  constructor(
    readonly year: number,
    /** 1 to 12. */
    readonly month: number,
    readonly day: number,
  ) {
    super();
    Object.freeze(this);
  }

  /** The day a JavaScript Date means in UTC. */
  static fromDate(date: Date): PyDate {
    return new PyDate(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate());
  }

  /** Its midnight in UTC. */
  toDate(): Date {
    return new Date(fieldsAsUtc(this.year, this.month, this.day));
  }

  override valueOf(): number {
    return this.toDate().getTime();
  }

  toJSON(): string {
    return this.toString();
  }

  toString(): string {
    return `${digits(this.year, 4)}-${digits(this.month, 2)}-${digits(this.day, 2)}`;
  }
}

/** A Python time of day. */
export class PyTime extends Carrier {
  constructor(
    readonly hour: number,
    readonly minute: number,
    readonly second = 0,
    readonly microsecond = 0,
    /** 1 for the second of two equal times, when clocks are put back. */
    readonly fold: 0 | 1 = 0,
    readonly tz: TimeZone = null,
  ) {
    super();
    Object.freeze(this);
  }

  toJSON(): string {
    return this.toString();
  }

  toString(): string {
    const zone = this.tz instanceof PyTimeZone ? this.tz.suffix() : '';
    return clock(this.hour, this.minute, this.second, this.microsecond) + zone;
  }
}

/** A Python datetime. Without a zone (`tz` null) it is naive, as in Python: read as local time. */
export class PyDateTime extends Carrier {
  constructor(
    readonly year: number,
    /** 1 to 12. */
    readonly month: number,
    readonly day: number,
    readonly hour = 0,
    readonly minute = 0,
    readonly second = 0,
    readonly microsecond = 0,
    /** 1 for the second of two equal times, when clocks are put back. */
    readonly fold: 0 | 1 = 0,
    readonly tz: TimeZone = null,
  ) {
    super();
    Object.freeze(this);
  }

  /** The moment of a Date, in UTC. (A Date itself reaches Python as an aware datetime, too.) */
  static fromDate(date: Date): PyDateTime {
    return new PyDateTime(
      date.getUTCFullYear(),
      date.getUTCMonth() + 1,
      date.getUTCDate(),
      date.getUTCHours(),
      date.getUTCMinutes(),
      date.getUTCSeconds(),
      date.getUTCMilliseconds() * 1000,
      0,
      PyTimeZone.utc,
    );
  }

  /**
   * Its moment; microseconds below a millisecond are cut off.
   *
   * @throws TypeError when the zone is an object that only Python understands
   */
  toDate(): Date {
    const { year, month, day, hour, minute, second, fold, tz } = this;
    const ms = Math.floor(this.microsecond / 1000);
    if (tz === null) {
      const local = new Date(2000, month - 1, day, hour, minute, second, ms);
      local.setFullYear(year, month - 1, day);
      return local;
    }
    return new Date(utcMilliseconds(fieldsAsUtc(year, month, day, hour, minute, second, ms), fold, tz));
  }

  override valueOf(): number {
    return this.toDate().getTime();
  }

  toJSON(): string {
    return this.toString();
  }

  /** ISO 8601, with the offset or `[Zone/Name]`. */
  toString(): string {
    const { tz } = this;
    const zone = tz === null ? '' : tz instanceof PyTimeZone ? tz.suffix() : `[${String(tz)}]`;
    const date = `${digits(this.year, 4)}-${digits(this.month, 2)}-${digits(this.day, 2)}`;
    return `${date}T${clock(this.hour, this.minute, this.second, this.microsecond)}${zone}`;
  }
}

/** A Python timedelta, in the normal form Python gives it: only `days` may be negative. */
export class PyTimeDelta extends Carrier {
  constructor(
    readonly days: number,
    /** 0 to 86,399. */
    readonly seconds = 0,
    /** 0 to 999,999. */
    readonly microseconds = 0,
  ) {
    super();
    Object.freeze(this);
  }

  /** Of a length in milliseconds; rounds to microseconds. */
  static fromMilliseconds(ms: number): PyTimeDelta {
    const whole = Math.round(ms * 1000);
    const days = Math.floor(whole / 86_400e6);
    const rest = whole - days * 86_400e6;
    return new PyTimeDelta(days, Math.floor(rest / 1e6), rest % 1e6);
  }

  /** Its length in milliseconds; exact up to 285 years. */
  toMilliseconds(): number {
    return (this.days * 86_400 + this.seconds) * 1000 + this.microseconds / 1000;
  }

  override valueOf(): number {
    return this.toMilliseconds();
  }

  toString(): string {
    return `timedelta(days=${this.days}, seconds=${this.seconds}, microseconds=${this.microseconds})`;
  }
}

/** Milliseconds of the fields were they UTC; years below 100 are themselves. */
function fieldsAsUtc(
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
  ms = 0,
): number {
  const date = new Date(Date.UTC(2000, month - 1, day, hour, minute, second, ms));
  return date.setUTCFullYear(year, month - 1, day);
}

function clock(hour: number, minute: number, second: number, microsecond: number): string {
  const part = microsecond === 0 ? '' : `.${digits(microsecond, 6)}`;
  return `${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}${part}`;
}

function digits(value: AnyInt, width: number): string {
  return String(value).padStart(width, '0');
}
