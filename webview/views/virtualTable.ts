/**
 * A table of any length: only the visible rows exist. Keyboard and assistive technology see a grid.
 *
 * Must not know: what its rows are.
 */
import { fill, h } from '../dom';

export interface Column {
  key: string;
  title: string;
  /** Track size in the grid, for instance `96px` or `minmax(120px, 1fr)`. */
  width: string;
  align?: 'right';
  sortable?: boolean;
  /** Fills a cell; cells are used again for other rows. */
  render(cell: HTMLElement, row: number): void;
}

export interface TableActions {
  /** The row became the current one. */
  select(row: number): void;
  /** The row was clicked, or Enter pressed on it. */
  open(row: number): void;
  sort(column: string): void;
}

const ROW_HEIGHT = 22;
/** Browsers lose precision in taller elements; beyond it, scrolling maps proportionally. */
const TALLEST = 12_000_000;
/** Rows made above and below the visible ones. */
const SPARE = 6;

let tables = 0;

export class VirtualTable {
  readonly element: HTMLElement;
  private readonly body: HTMLElement;
  private readonly spacer = h('div', { class: 'table-spacer', role: 'presentation' });
  private readonly layer = h('div', { class: 'table-rows', role: 'rowgroup' });
  private readonly headers = new Map<string, HTMLElement>();
  private readonly pool: HTMLElement[] = [];
  private readonly prefix = `table${tables++}`;
  private rows: ArrayLike<number> = [];
  private current = -1;
  private frame = 0;

  constructor(
    label: string,
    private readonly columns: readonly Column[],
    private readonly actions: TableActions,
  ) {
    const template = columns.map((column) => column.width).join(' ');
    const header = h('div', { class: 'table-row table-header', role: 'row' });
    for (const column of columns) header.append(this.headerCell(column));
    this.body = h('div', { class: 'table-body', role: 'presentation' }, this.spacer, this.layer);
    this.element = h(
      'div',
      {
        class: 'table',
        role: 'grid',
        tabindex: 0,
        'aria-label': label,
        'aria-colcount': columns.length,
        'aria-readonly': 'true',
      },
      h('div', { class: 'table-head', role: 'rowgroup' }, header),
      this.body,
    );
    this.element.style.setProperty('--columns', template);
    this.body.addEventListener('scroll', () => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(this.body);
    this.element.addEventListener('keydown', (event) => this.pressed(event));
    this.layer.addEventListener('click', (event) => this.clicked(event));
  }

  /** Shows `rows`, in this order. */
  setRows(rows: ArrayLike<number>): void {
    this.rows = rows;
    this.element.setAttribute('aria-rowcount', String(rows.length + 1));
    this.spacer.style.height = `${this.scrollHeight}px`;
    this.redraw();
  }

  /** Marks `row` and scrolls to it if it is not in sight; -1 = none. */
  setCurrent(row: number): void {
    this.current = row;
    const index = this.currentIndex();
    if (index >= 0) this.scrollTo(index);
    this.redraw();
  }

  setSort(column: string, descending: boolean): void {
    for (const [key, cell] of this.headers) {
      const sorted = key === column;
      cell.setAttribute('aria-sort', sorted ? (descending ? 'descending' : 'ascending') : 'none');
    }
  }

  private get scrollHeight(): number {
    return Math.min(this.rows.length * ROW_HEIGHT, TALLEST);
  }

  /** Rows per pixel of scrolling, beyond one to one. */
  private get stretch(): number {
    const visible = this.body.clientHeight;
    const full = this.rows.length * ROW_HEIGHT;
    return full <= TALLEST ? 1 : (full - visible) / (TALLEST - visible);
  }

  private headerCell(column: Column): HTMLElement {
    const cell = h(
      'div',
      { class: `cell ${column.align ?? ''} column-${column.key}`, role: 'columnheader', 'aria-sort': 'none' },
      column.sortable
        ? h(
            'button',
            { class: 'sort', tabindex: -1, click: () => this.actions.sort(column.key) },
            column.title,
          )
        : column.title,
    );
    if (column.sortable) this.headers.set(column.key, cell);
    return cell;
  }

  private redraw(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.frame = 0;
    const height = this.body.clientHeight;
    if (height === 0) return;
    const scroll = this.body.scrollTop;
    const top = scroll * this.stretch;
    const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((top + height) / ROW_HEIGHT) + SPARE);
    while (this.pool.length < last - first) this.pool.push(this.newRow());
    let active = '';
    for (const [i, element] of this.pool.entries()) {
      const index = first + i;
      element.hidden = index >= last;
      if (element.hidden) continue;
      const row = this.rows[index];
      element.style.transform = `translateY(${scroll + index * ROW_HEIGHT - top}px)`;
      element.dataset.index = String(index);
      element.setAttribute('aria-rowindex', String(index + 2));
      const selected = row === this.current;
      element.setAttribute('aria-selected', String(selected));
      if (selected) active = element.id;
      for (const [c, column] of this.columns.entries())
        column.render(element.children[c] as HTMLElement, row);
    }
    if (active) this.element.setAttribute('aria-activedescendant', active);
    else this.element.removeAttribute('aria-activedescendant');
  }

  private newRow(): HTMLElement {
    const cells = this.columns.map((column) =>
      h('div', { class: `cell ${column.align ?? ''} column-${column.key}`, role: 'gridcell' }),
    );
    const row = h(
      'div',
      { class: 'table-row', role: 'row', id: `${this.prefix}-${this.pool.length}` },
      ...cells,
    );
    this.layer.append(row);
    return row;
  }

  private clicked(event: Event): void {
    const element = (event.target as Element).closest<HTMLElement>('.table-row');
    if (!element) return;
    const row = this.rows[Number(element.dataset.index)];
    this.actions.select(row);
    this.actions.open(row);
  }

  private pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || this.rows.length === 0) return;
    const index = this.currentIndex();
    const page = Math.max(1, Math.floor(this.body.clientHeight / ROW_HEIGHT) - 1);
    const last = this.rows.length - 1;
    const targets: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index < 0 ? last : index - 1,
      PageDown: index + page,
      PageUp: index - page,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target !== undefined) this.actions.select(this.rows[Math.max(0, Math.min(last, target))]);
    else if (event.key === 'Enter' && index >= 0) this.actions.open(this.rows[index]);
    else return;
    event.preventDefault();
  }

  private currentIndex(): number {
    if (this.current < 0) return -1;
    return Array.prototype.indexOf.call(this.rows, this.current);
  }

  private scrollTo(index: number): void {
    const { body, stretch } = this;
    const visible = body.clientHeight;
    const top = body.scrollTop * stretch;
    const y = index * ROW_HEIGHT;
    if (y < top) body.scrollTop = y / stretch;
    else if (y + ROW_HEIGHT > top + visible) body.scrollTop = (y + ROW_HEIGHT - visible) / stretch;
  }
}

/** Cells whose content is more than text are filled anew only when `key` changed. */
export function fillCell(cell: HTMLElement, key: string, make: () => (Node | string)[]): void {
  if (cell.dataset.key === key) return;
  cell.dataset.key = key;
  fill(cell, ...make());
}
