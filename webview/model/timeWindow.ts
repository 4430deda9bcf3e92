/**
 * The visible stretch of time, in nanoseconds, over a width in pixels.
 *
 * Must not know: the DOM.
 */

/** Closer than this there is nothing to see: the recorder's clock ticks about twice a nanosecond. */
const CLOSEST_NS = 20;

export class TimeWindow {
  start = 0;
  end = 1;
  width = 1;
  private duration = 1;

  /** What can be seen at most, with a little room at the end. */
  get limit(): number {
    return this.duration * 1.02;
  }

  get span(): number {
    return this.end - this.start;
  }

  get isAll(): boolean {
    return this.start <= 0 && this.end >= this.limit;
  }

  setDuration(duration: number): void {
    const wasAll = this.isAll || this.duration === 1;
    this.duration = Math.max(duration, CLOSEST_NS);
    if (wasAll) this.showAll();
    else this.show(this.start, this.end);
  }

  showAll(): void {
    this.start = 0;
    this.end = this.limit;
  }

  /** Shows [start, end], moved and cut to what there is. */
  show(start: number, end: number): void {
    const span = Math.min(Math.max(end - start, CLOSEST_NS), this.limit);
    const middle = (start + end) / 2;
    this.start = Math.min(Math.max(middle - span / 2, 0), this.limit - span);
    this.end = this.start + span;
  }

  /** Zooms by `factor` (below 1 = closer) so that the time at pixel `x` stays where it is. */
  zoom(factor: number, x: number): void {
    const at = this.timeAt(x);
    const span = Math.min(Math.max(this.span * factor, CLOSEST_NS), this.limit);
    const share = x / this.width;
    const start = at - span * share;
    this.show(start, start + span);
  }

  pan(pixels: number): void {
    const move = (pixels / this.width) * this.span;
    this.show(this.start + move, this.end + move);
  }

  /** Moves as little as shows [start, end], and zooms out only when it does not fit. */
  bringIntoView(start: number, end: number): void {
    const margin = this.span * 0.08;
    if (start >= this.start && end <= this.end) return;
    if (end - start > this.span * 0.8) {
      const room = (end - start) * 0.1;
      this.show(start - room, end + room);
    } else if (start < this.start) this.show(start - margin, start - margin + this.span);
    else this.show(end + margin - this.span, end + margin);
  }

  timeAt(x: number): number {
    return this.start + (x / this.width) * this.span;
  }

  xAt(time: number): number {
    return ((time - this.start) / this.span) * this.width;
  }

  /** Round times for a ruler, at least `apart` pixels from each other. */
  ticks(apart: number): { step: number; times: number[] } {
    const least = (apart / this.width) * this.span;
    const power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= least) ?? least;
    const times: number[] = [];
    for (let i = Math.ceil(this.start / step); i * step <= this.end; i++) times.push(i * step);
    return { step, times };
  }
}
