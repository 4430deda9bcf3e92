/**
 * The few icons the panel draws itself: shapes in the text's colour, so that no font or image has to load.
 *
 * Must not know: where they are used.
 */
const SHAPES = {
  refresh: 'M13.5 8a5.5 5.5 0 1 1-1.61-3.89L13.5 5.7V2h1.1v5.6H9v-1.1h3.7l-1.6-1.6A4.4 4.4 0 1 0 12.4 8z',
  error:
    'M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zm0 1.1a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6zm2.3 2.4.8.8L8.8 8l2.3 2.2-.8.8L8 8.8 5.7 11l-.8-.8L7.2 8 4.9 5.8l.8-.8L8 7.2z',
} as const;

const SVG = 'http://www.w3.org/2000/svg';

/** An icon of 16 pixels; decoration only, so hidden from assistive technology. */
export function icon(name: keyof typeof SHAPES): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  for (const [key, value] of Object.entries({
    viewBox: '0 0 16 16',
    width: 16,
    height: 16,
    'aria-hidden': true,
  })) {
    svg.setAttribute(key, String(value));
  }
  svg.setAttribute('class', `icon icon-${name}`);
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', SHAPES[name]);
  path.setAttribute('fill-rule', 'evenodd');
  svg.append(path);
  return svg;
}
