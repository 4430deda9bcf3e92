/** The trace panel in a real browser: real page, policy, bundle; a recorded trace; mouse, keys, themes. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Locator } from 'playwright-core';
import { readTraceFile } from '../../extension/conductor/traceFile';
import type { FromPanel, PanelError } from '../../extension/protocol/panelMessages';
import { errorsOfTrace, handlesOfTrace } from '../../extension/protocol/trace/derived';
import { endingOf } from '../../extension/protocol/trace/ending';
import type { TraceData } from '../../extension/views/traceFeed';
import { openBrowser } from '../../scripts/vscode/browser.mjs';
import { largeTrace } from './largeTrace';
import { PanelPage } from './panelPage';
import type { ThemeName } from './themes';

const RESULTS = join(__dirname, '../results/webview');
/** From a key to the drawn frame on a busy machine without a graphics card, the wait for the frame included. */
const FRAME_LIMIT_MS = 100;

let browser: Browser;

before(async () => {
  mkdirSync(RESULTS, { recursive: true });
  browser = await openBrowser();
});

after(() => browser.close());

function tour(): TraceData {
  const model = readTraceFile(join(__dirname, '../fixtures/tour.trace'));
  return {
    model,
    errors: errorsOfTrace(model),
    handles: handlesOfTrace(model),
    title: 'tour.conductor.py',
  };
}

async function openTour(theme: ThemeName = 'dark'): Promise<PanelPage> {
  const panel = await PanelPage.open(browser, theme);
  await panel.show(tour());
  return panel;
}

const isOpenSource = (message: FromPanel) => message.type === 'openSource';
const rowsOf = (panel: PanelPage): Locator => panel.page.locator('.table-rows .table-row:visible');
const detailsOf = (panel: PanelPage): Locator => panel.page.locator('.details');

async function press(panel: PanelPage, ...keys: string[]): Promise<void> {
  for (const key of keys) await panel.page.keyboard.press(key);
  await panel.settle();
}

/** Distinct colours of a part of the timeline: more than a few mean that something is drawn. */
async function coloursDrawn(panel: PanelPage): Promise<number> {
  return panel.page.locator('.timeline-canvas').evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
}

for (const theme of ['dark', 'light', 'high-contrast'] as const) {
  test(`shows a run in the ${theme} theme without a fault`, async () => {
    const panel = await openTour(theme);
    assert.equal(await panel.page.locator('h1').textContent(), 'tour.conductor.py');
    const figures = await panel.page.locator('.figures').innerText();
    assert.match(figures.replace(/\s+/g, ' '), /Crossings 51 p50 80\.\d µs .* Errors 1 Leaks 1 Dropped 0/);
    assert.ok((await coloursDrawn(panel)) > 20);
    for (const tab of ['calls', 'errors', 'leaks']) {
      await panel.page.locator(`#tab-${tab}`).click();
      await panel.settle();
      await panel.page.screenshot({ path: join(RESULTS, `${theme}-${tab}.png`) });
    }
    assert.deepEqual(panel.faults, []);
    await panel.page.close();
  });
}

test('the page allows no script, style or address but its own', async () => {
  const panel = await openTour();
  const ran = await panel.page.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'window.injected = true';
    document.body.append(script);
    const fetched = await fetch('http://panel.test/webview.js').then(
      () => true,
      () => false,
    );
    return { injected: 'injected' in window, fetched };
  });
  assert.deepEqual(ran, { injected: false, fetched: false });
  await panel.page.close();
});

test('a row opens its source and selects its span', async () => {
  const panel = await openTour();
  await panel.page.locator('.filter').click();
  await panel.page.keyboard.type('pool.allocate');
  await rowsOf(panel).nth(1).waitFor({ state: 'hidden' });
  await rowsOf(panel).first().click();
  const opened = await panel.until(isOpenSource);
  assert.deepEqual(opened, { type: 'openSource', file: 'examples/tour.conductor.py', line: 71 });
  assert.match(await detailsOf(panel).innerText(), /pool\.allocate[\s\S]*Called at\s+tour\.conductor\.py:71/);
  await panel.page.close();
});

test('a click on a span opens its source and selects its row', async () => {
  const panel = await openTour();
  const box = (await panel.page.locator('.timeline-canvas').boundingBox())!;
  // The run itself: the first track of the second lane spans nearly the whole width.
  await panel.page.mouse.move(box.x + box.width / 2, box.y + 69);
  await panel.settle();
  assert.match(await panel.page.locator('.tooltip').innerText(), /run_script[\s\S]*conductor-1/);
  await panel.page.mouse.down();
  await panel.page.mouse.up();
  const opened = await panel.until(isOpenSource);
  assert.deepEqual(opened, { type: 'openSource', file: 'examples/tour.conductor.py', line: 1 });
  await panel.settle();
  const selected = panel.page.locator('.table-rows [aria-selected="true"]');
  assert.match(await selected.innerText(), /run_script/);
  await panel.page.close();
});

test('keys follow calls, zoom, pan and open', async () => {
  const panel = await openTour();
  const state = () =>
    panel.page.evaluate(() => (window as never as { panelState(): PanelState }).panelState());
  await panel.page.locator('.timeline-canvas').focus();
  await press(panel, 'ArrowRight');
  assert.match(await detailsOf(panel).innerText(), /run_script/);
  await press(panel, 'ArrowDown', 'ArrowUp', 'ArrowDown', 'ArrowRight');
  assert.match(await detailsOf(panel).innerText(), /editor\.(progress|message)/);
  assert.match(
    await panel.page.locator('[aria-live]').innerText(),
    /editor\.\w+, Py → TS, .* thread conductor-1/,
  );
  await press(panel, 'f');
  const fitted = (await state()).window!;
  await press(panel, 'w', 'w');
  const zoomed = (await state()).window!;
  assert.ok(zoomed.end - zoomed.start < (fitted.end - fitted.start) * 0.6);
  await press(panel, 'd');
  assert.ok((await state()).window!.start > zoomed.start);
  await press(panel, 'Enter');
  await panel.until(isOpenSource);
  await press(panel, 'Home', 'Escape');
  assert.equal((await state()).window, null);
  assert.match(await detailsOf(panel).innerText(), /No call selected/);
  await panel.page.close();
});

test('the wheel zooms at the cursor, dragging pans', async () => {
  const panel = await openTour();
  const box = (await panel.page.locator('.timeline-canvas').boundingBox())!;
  const visible = () =>
    panel.page.evaluate(() => (window as never as { panelState(): PanelState }).panelState().window);
  await panel.page.mouse.move(box.x + 700, box.y + 150);
  await panel.page.mouse.wheel(0, -600);
  await panel.settle();
  const zoomed = (await visible())!;
  assert.ok(zoomed.end - zoomed.start < 11e6);
  await panel.page.mouse.down();
  await panel.page.mouse.move(box.x + 500, box.y + 150, { steps: 4 });
  await panel.page.mouse.up();
  assert.ok((await visible())!.start > zoomed.start);
  assert.equal(panel.messages.filter(isOpenSource).length, 0, 'a drag is not a click');
  await panel.page.close();
});

test('the table works by keyboard and tells assistive technology what it is', async () => {
  const panel = await openTour();
  const table = panel.page.locator('.table');
  const byDuration = panel.page.locator('button.sort', { hasText: 'Duration' });
  await byDuration.click();
  await panel.settle();
  assert.match(await rowsOf(panel).first().innerText(), /run_script/);
  await byDuration.click();
  await panel.settle();
  assert.doesNotMatch(await rowsOf(panel).first().innerText(), /run_script/);
  await panel.page.locator('button.sort', { hasText: 'Time' }).click();
  await table.focus();
  await press(panel, 'End');
  const active = await table.getAttribute('aria-activedescendant');
  assert.match(await panel.page.locator(`#${active}`).innerText(), /watch[\s\S]*open/);
  await press(panel, 'Home', 'ArrowDown', 'Enter');
  assert.deepEqual(await panel.until(isOpenSource), {
    type: 'openSource',
    file: 'examples/tour.conductor.py',
    line: 12,
  });
  assert.equal(await table.getAttribute('aria-rowcount'), '68');
  const canvas = panel.page.locator('.timeline-canvas');
  assert.equal(await canvas.getAttribute('role'), 'application');
  assert.match((await canvas.getAttribute('aria-label'))!, /arrow keys/);
  await panel.page.close();
});

test('the filter narrows table and timeline, and says by how much', async () => {
  const panel = await openTour();
  const plain = await coloursDrawn(panel);
  await press(panel, 'Control+f');
  await panel.page.keyboard.type('error');
  await panel.page.locator('.toolbar-count', { hasText: '1 of 67 calls' }).waitFor();
  await panel.settle();
  assert.match(await rowsOf(panel).first().innerText(), /artifacts\.load[\s\S]*error/);
  assert.notEqual(await coloursDrawn(panel), plain);
  await panel.page.keyboard.press('Escape');
  await panel.page.locator('.toolbar-count', { hasText: /^67 calls/ }).waitFor();
  await panel.page.locator('.direction-choice').click();
  await panel.page.locator('vscode-option', { hasText: 'Rs → Py' }).click();
  await panel.page.locator('.toolbar-count', { hasText: '7 of 67 calls' }).waitFor();
  await panel.page.close();
});

test('an error is one story in three languages, every frame a link', async () => {
  const panel = await PanelPage.open(browser, 'dark');
  const data = tour();
  const frame = (language: PanelError['frames'][0]['language'], file: string, line: number) => ({
    language,
    function: `in_${language}`,
    file,
    line,
  });
  const cause: PanelError = {
    ...data.errors[0],
    type: 'KeyError',
    message: "'7f3a'",
    frames: [],
    span: null,
  };
  data.errors = [
    {
      type: 'symphony_bridge.errors.PitError',
      message: 'no such artifact <b>7f3a</b>',
      code: 'pit-not-found',
      hint: 'store it first',
      notes: ['while loading the report'],
      atNs: 8_190_000,
      span: data.errors[0].span,
      frames: [
        frame('typescript', '/x/run.ts', 41),
        frame('python', '/x/tour.py', 90),
        frame('python', '/x/tour.py', 91),
        frame('rust', 'native/pit/src/artifacts.rs', 108),
      ],
      cause,
      members: [],
    },
  ];
  await panel.show(data);
  await panel.page.locator('#tab-errors').click();
  const card = panel.page.locator('.error-card');
  const text = (await card.innerText()).replace(/\s+/g, ' ');
  assert.match(text, /PitError no such artifact <b>7f3a<\/b> pit-not-found at 8\.19 ms Show in timeline/);
  assert.match(text, /Next step ?store it first while loading the report/);
  assert.match(text, /caused by KeyError '7f3a'/);
  const links = card.locator('.frames a');
  assert.deepEqual(await links.allInnerTexts(), [
    'run.ts:41',
    'tour.py:90',
    'tour.py:91',
    'artifacts.rs:108',
  ]);
  for (let i = 0; i < 4; i++) await links.nth(i).click();
  await panel.until((message) => message.type === 'openSource' && message.line === 108);
  const opened = panel.messages.map((message) => (message.type === 'openSource' ? message.line : 0));
  assert.deepEqual(opened.filter(Boolean), [41, 90, 91, 108]);
  await card.locator('button', { hasText: 'Show in timeline' }).click();
  await detailsOf(panel).getByText('artifacts.load').first().waitFor();
  await panel.page.close();
});

test('a group shows its members, each with its own stack, to any depth', async () => {
  const panel = await PanelPage.open(browser, 'dark');
  const data = tour();
  const plain: PanelError = { ...data.errors[0], atNs: null, span: null, hint: null, notes: [], code: null };
  const member = (type: string, line: number, more: Partial<PanelError> = {}): PanelError => ({
    ...plain,
    type,
    message: `from line ${line}`,
    frames: [{ language: 'python', function: 'step', file: '/x/steps.py', line }],
    ...more,
  });
  const inner = member('ExceptionGroup', 20, {
    members: [member('OSError', 21, { code: 'python-exception' })],
  });
  const cause = member('TimeoutError', 12);
  data.errors = [
    {
      ...member('ExceptionGroup', 10),
      members: [member('ValueError', 11, { cause, notes: ['row 7'] }), inner],
    },
  ];
  await panel.show(data);
  await panel.page.locator('#tab-errors').click();
  const card = panel.page.locator('.error-card');
  const text = (await card.innerText()).replace(/\s+/g, ' ');
  assert.match(
    text,
    /1 of 2 ValueError from line 11 row 7 .*caused by TimeoutError from line 12 .*2 of 2 ExceptionGroup from line 20 /,
  );
  assert.match(text, /1 of 1 OSError from line 21 python-exception/);
  await panel.page.screenshot({ path: join(RESULTS, 'dark-group.png') });
  const links = card.locator('.frames a');
  assert.deepEqual(
    await links.allInnerTexts(),
    [10, 11, 12, 20, 21].map((line) => `steps.py:${line}`),
  );
  await links.last().click();
  assert.deepEqual(await panel.until(isOpenSource), { type: 'openSource', file: '/x/steps.py', line: 21 });
  await card.locator('summary', { hasText: 'ValueError' }).click();
  await links.nth(1).waitFor({ state: 'hidden' });
  assert.ok(await links.last().isVisible());
  assert.deepEqual(panel.faults, []);
  await panel.page.close();
});

test('leaks stand with the line that made them', async () => {
  const panel = await openTour();
  await panel.page.locator('#tab-leaks').click();
  const leaks = panel.page.locator('.handles-leak tbody tr');
  assert.equal(await leaks.count(), 1);
  assert.match(
    (await leaks.first().innerText()).replace(/\s+/g, ' '),
    /1 lease embedder #1 tour\.conductor\.py:71 5\.15 ms still open when the recording ended Show call/,
  );
  assert.equal(await panel.page.locator('.handles-long-lived tbody tr').count(), 2);
  await leaks.first().click();
  assert.deepEqual(await panel.until(isOpenSource), {
    type: 'openSource',
    file: 'examples/tour.conductor.py',
    line: 71,
  });
  await panel.page.close();
});

test('empty states say what to do next', async () => {
  const panel = await PanelPage.open(browser, 'light');
  const hint = 'Run “Symphony: Run Conductor Script”.';
  await panel.send({ type: 'trace/none', load: 1, message: 'Nothing recorded yet', hint, failed: false });
  for (const tab of ['calls', 'errors', 'leaks']) {
    await panel.page.locator(`#tab-${tab}`).click();
    const empty = panel.page.locator('.empty:visible');
    assert.match(await empty.innerText(), /Nothing recorded yet[\s\S]*Run Conductor Script/);
  }
  await panel.page.locator('vscode-button[title="Refresh"]').click();
  await panel.until((message) => message.type === 'refresh');
  const data = tour();
  await panel.show({ ...data, errors: [], handles: [] });
  await panel.page.locator('#tab-errors').click();
  assert.match(await panel.page.locator('.errors .empty').innerText(), /No errors/);
  await panel.page.locator('#tab-leaks').click();
  assert.match(await panel.page.locator('.all-clear').innerText(), /No leaks/);
  assert.deepEqual(panel.faults, []);
  await panel.page.close();
});

test('a panel that was hidden comes back as it was', async () => {
  const panel = await openTour();
  const all = await panel.page.locator('.toolbar-count').innerText();
  await panel.page.locator('.direction-choice').click();
  await panel.page.locator('vscode-option').filter({ hasText: 'Py → TS' }).click();
  const shown = await panel.page.locator('.toolbar-count').innerText();
  assert.notEqual(shown, all);
  await rowsOf(panel).nth(4).click();
  await panel.page.locator('.timeline-canvas').focus();
  await press(panel, 'f');
  const state = await panel.page.evaluate(() => (window as never as { panelState(): object }).panelState());
  const again = await PanelPage.open(browser, 'dark', undefined, state);
  await again.show(tour());
  assert.equal(await detailsOf(again).innerText(), await detailsOf(panel).innerText());
  const restored = await again.page.evaluate(() =>
    (window as never as { panelState(): object }).panelState(),
  );
  assert.deepEqual(restored, state);
  assert.equal((restored as PanelState).direction, '2>1');
  assert.equal(await again.page.locator('.toolbar-count').innerText(), shown);
  const offered = again.page.locator('.direction-choice');
  assert.equal(await offered.evaluate((choice: HTMLSelectElement) => choice.value), '2>1');
  await Promise.all([panel.page.close(), again.page.close()]);
});

test('a large trace stays smooth at every zoom', async () => {
  const panel = await PanelPage.open(browser, 'dark');
  const model = largeTrace(150_000);
  await panel.show({ model, errors: [], handles: [], title: 'large' });
  const frames = await panel.page.evaluate(async () => {
    const canvas = document.querySelector('.timeline-canvas')!;
    const times: number[] = [];
    for (const key of 'wwwwwwwwwwwwwwdddassssssssssssssss') {
      const started = performance.now();
      canvas.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
      // The panel draws in the next frame, before this callback's timer.
      await new Promise<void>((done) => requestAnimationFrame(() => setTimeout(done)));
      times.push(performance.now() - started);
    }
    return times.sort((left, right) => left - right);
  });
  const median = frames[frames.length >> 1];
  assert.ok(median < FRAME_LIMIT_MS, `a frame took ${median} ms`);
  await panel.page.locator('.table').focus();
  await press(panel, 'End');
  assert.match(await panel.page.locator('.table-rows [aria-selected="true"]').innerText(), /call_host/);
  assert.ok((await panel.page.locator('.table-rows > div').count()) < 100, 'only visible rows exist');
  assert.deepEqual(panel.faults, []);
  await panel.page.close();
});

interface PanelState {
  direction: string;
  window: { start: number; end: number } | null;
}

/** What a child leaves that crashed in the middle of the tour. */
function crashed(): TraceData {
  const data = tour();
  const script = '/ws/examples/tour.conductor.py';
  const frame = (name: string, file: string, line: number) =>
    ({ language: 'python', function: name, file, line }) as const;
  const call = { from: 'typescript', to: 'python', thread: 'main', failed: false, tookNs: null } as const;
  const { recent } = endingOf(data.model, 50);
  return {
    ...data,
    crash: {
      id: '2026-12-01T05-51-01-644Z-11063',
      host: 'subprocess',
      what: "Python's process crashed with SIGSEGV",
      meaning: 'it used memory that is not its own',
      signal: 'SIGSEGV',
      exitCode: null,
      interpreter: '/ws/.venv/bin/python',
      version: '3.11.7',
      pid: 11063,
      workspace: '/ws',
      atMs: Date.UTC(2026, 11, 1, 5, 51),
      stacks: [
        {
          thread: '0x00007f394ac6eb80',
          faulting: true,
          frames: [
            frame('_run_code', '<frozen runpy>', 88),
            frame('<module>', script, 71),
            frame('string_at', '/usr/lib/python3.11/ctypes/__init__.py', 519),
          ],
        },
        {
          thread: '0x00007f3936ffa6c0',
          faulting: false,
          frames: [frame('run', '/usr/lib/python3.11/threading.py', 982)],
        },
      ],
      crossings: {
        underWay: [
          { ...call, name: 'run_script', site: { file: '/ws/extension/runScript.ts', line: 9 }, agoNs: 9e8 },
          {
            ...call,
            name: 'pool.allocate',
            from: 'python',
            to: 'rust',
            site: { file: script, line: 71 },
            agoNs: 924,
          },
        ],
        recent,
      },
      traceFile: '/kept/it.symtrace',
    },
  };
}

for (const theme of ['dark', 'light', 'high-contrast'] as const) {
  test(`a crash report stands above its trace in the ${theme} theme`, async () => {
    const panel = await PanelPage.open(browser, theme);
    await panel.show(crashed());
    const report = panel.page.locator('.crash');
    const text = (await report.innerText()).replace(/\s+/g, ' ');
    assert.match(text, /crashed with SIGSEGV it used memory that is not its own/);
    assert.match(text, /Under way TS → Py run_script .*Py → Rs pool\.allocate .*924 ns before/);
    assert.match(text, /0x00007f394ac6eb80 ?crashed here/);
    assert.match(text, /string_at __init__\.py:519 <module> tour\.conductor\.py:71/);
    await panel.page.screenshot({ path: join(RESULTS, `${theme}-crash.png`) });
    assert.deepEqual(panel.faults, []);
    await panel.page.close();
  });
}

test('lines of a crash report open, it folds, stays folded when it comes again, and goes', async () => {
  const panel = await PanelPage.open(browser, 'dark');
  await panel.show(crashed());
  await panel.page.locator('.crash-frames .source', { hasText: 'tour.conductor.py:71' }).click();
  assert.deepEqual(await panel.until(isOpenSource), {
    type: 'openSource',
    file: '/ws/examples/tour.conductor.py',
    line: 71,
  });
  await panel.page.getByText('Open as Text').click();
  await panel.until(({ type }) => type === 'openReport');
  await panel.page.locator('.crash-recent summary').click();
  assert.equal(await panel.page.locator('.crash-recent li:visible').count(), 50);
  await panel.page.locator('.crash').getByText('Hide').click();
  await panel.show(crashed());
  assert.ok(await panel.page.locator('.crash').isVisible());
  assert.ok(!(await panel.page.locator('.crash-body').isVisible()));
  await panel.show(tour());
  assert.ok(!(await panel.page.locator('.crash').isVisible()));
  assert.deepEqual(panel.faults, []);
  await panel.page.close();
});
