/**
 * The theme's colours as the canvas needs them: numbers, mixed ahead of time. Follows changes of the theme.
 *
 * Only VS Code's variables, never a colour of our own. Must not know: what is drawn.
 */

/** Colours of one language's bars. */
export interface BarColours {
  /** The language's own colour: edges, thin spans. */
  strong: string;
  /** Body of a bar, under text. */
  body: string;
}

export interface Palette {
  background: string;
  foreground: string;
  /** Secondary text. */
  dim: string;
  /** Lines that part things. */
  line: string;
  /** Lines of the ruler across the lanes. */
  grid: string;
  /** Behind names of threads. */
  band: string;
  focus: string;
  error: string;
  errorBody: string;
  /** By index into `LANGUAGES`. */
  languages: BarColours[];
  highContrast: boolean;
  font: string;
}

/** CSS variables of the languages' colours, by index into `LANGUAGES`. */
const LANGUAGE_VARIABLES = [
  '--language-unknown',
  '--language-typescript',
  '--language-python',
  '--language-rust',
];

let current: Palette | null = null;

export function palette(): Palette {
  current ??= read();
  return current;
}

/** Calls `listener` after the theme changed. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(() => {
    current = null;
    listener();
  });
  // VS Code changes the root's style (variables) and the body's class (kind of theme).
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-kind'] });
}

function read(): Palette {
  const style = getComputedStyle(document.body);
  const probe = document.createElement('canvas').getContext('2d')!;
  const colour = (variable: string, fallback: Rgba): Rgba =>
    parse(probe, style.getPropertyValue(variable)) ?? fallback;
  const highContrast = /high-contrast/.test(
    `${document.body.className} ${document.body.dataset.vscodeThemeKind}`,
  );
  const background = colour(
    '--vscode-editor-background',
    parse(probe, style.backgroundColor) ?? [0, 0, 0, 1],
  );
  const foreground = colour('--vscode-foreground', parse(probe, style.color) ?? [128, 128, 128, 1]);
  const line = mix(background, foreground, highContrast ? 0.6 : 0.14);
  const error = colour('--vscode-charts-red', foreground);
  const body = (strong: Rgba) => css(mix(background, strong, highContrast ? 0.12 : 0.34));
  return {
    background: css(background),
    foreground: css(foreground),
    dim: css(over(background, colour('--vscode-descriptionForeground', mix(background, foreground, 0.7)))),
    line: css(line),
    grid: css(mix(background, foreground, highContrast ? 0.2 : 0.06)),
    band: css(mix(background, foreground, highContrast ? 0 : 0.045)),
    focus: css(colour('--vscode-focusBorder', foreground)),
    error: css(error),
    errorBody: body(error),
    languages: LANGUAGE_VARIABLES.map((variable) => {
      const strong = colour(variable, foreground);
      return { strong: css(strong), body: body(strong) };
    }),
    highContrast,
    font: style.fontFamily,
  };
}

type Rgba = [number, number, number, number];

/** Lets the browser understand any CSS colour. */
function parse(probe: CanvasRenderingContext2D, value: string): Rgba | null {
  if (value.trim() === '') return null;
  probe.fillStyle = 'rgba(0, 0, 0, 0)';
  probe.fillStyle = value.trim();
  const text = probe.fillStyle;
  const hex = /^#(..)(..)(..)$/.exec(text);
  if (hex) return [...hex.slice(1).map((part) => Number.parseInt(part, 16)), 1] as Rgba;
  const numbers = text.match(/[\d.]+/g)?.map(Number);
  return numbers?.length === 4 ? (numbers as Rgba) : null;
}

/** `share` of `to` in `from`; both are taken as opaque. */
function mix(from: Rgba, to: Rgba, share: number): Rgba {
  return [0, 1, 2].map((i) => from[i] + (to[i] - from[i]) * share).concat(1) as Rgba;
}

function over(background: Rgba, colour: Rgba): Rgba {
  return mix(background, colour, colour[3]);
}

function css([red, green, blue, alpha]: Rgba): string {
  return `rgba(${Math.round(red)}, ${Math.round(green)}, ${Math.round(blue)}, ${alpha})`;
}
