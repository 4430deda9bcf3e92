"""A tour of the Conductor, on real input: which modules of Python's own library deserve a look?

Run it from the editor (*Run Conductor Script*), headless (`npm run conductor -- THIS_FILE`), or with
plain `python` and `symphony_bridge` on the path. It reads the standard library's sources, and shows
one component of the Pit after the other:

1. the DAG Tracker parses the files in parallel steps,
2. the Artifact Store keeps what they found,
3. the Pool Manager lends a small model that ranks the modules,
4. the Arbitration Engine chooses the one to read first, and says why,
5. the Stale Manager says which older results could go.

The report opens in the editor. Every call you see here that leaves Python is a span in the trace.
"""

from __future__ import annotations

import ast
import asyncio
import json
import math
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Sequence

from symphony_bridge import host, pit, trace

PARTS = 8  # the files are parsed in this many steps, side by side
FILES = 80  # enough to be interesting, few enough to be done in seconds
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BRANCHES = (ast.If, ast.For, ast.While, ast.Try, ast.BoolOp, ast.IfExp, ast.comprehension)
MEASURES = ("lines", "definitions", "branches", "imports")

Metrics = Dict[str, Any]


# 1. What the steps do. A step is a plain function; it gets a context with its inputs and the run's
#    variables, and returns its result.


def discover(context: Any) -> list[list[str]]:
    """Find the library's sources and deal them out into equal parts."""
    root = Path(context.variables["root"])
    files = sorted(path for path in root.glob("*.py") if path.stat().st_size > 0)[:FILES]
    return [[str(path) for path in files[part::PARTS]] for part in range(PARTS)]


def parse(context: Any) -> list[Metrics]:
    """Measure the files of one part."""
    files = context.inputs["discover"][context.configuration["part"]]
    return [measure(Path(file)) for file in files]


async def collect(context: Any) -> list[Metrics]:
    """Put the parts together again. A coroutine: steps may be either."""
    await host.editor.progress_async(None, "putting the parts together")
    return [metrics for name in sorted(context.inputs) for metrics in context.inputs[name]]


def measure(file: Path) -> Metrics:
    """Count what makes a module large: lines, definitions, branches, imports."""
    source = file.read_text(encoding="utf-8", errors="replace")
    kinds = Counter(type(node) for node in ast.walk(ast.parse(source, str(file))))
    return {
        "module": file.stem,
        "path": str(file),
        "lines": source.count("\n") + 1,
        "definitions": sum(kinds[kind] for kind in DEFINITIONS),
        "branches": sum(kinds[kind] for kind in BRANCHES),
        "imports": kinds[ast.Import] + kinds[ast.ImportFrom],
    }


# 2. A small model: the direction in which modules differ most (the first principal component of the
#    standardised measures, found by power iteration). Loading it means fitting it.


class Ranker:
    """Scores modules along the direction of greatest variance."""

    def __init__(self, modules: Sequence[Metrics]) -> None:
        columns = [[math.log1p(module[name]) for module in modules] for name in MEASURES]
        self.means = [sum(column) / len(column) for column in columns]
        self.spreads = [
            math.sqrt(sum((value - mean) ** 2 for value in column) / len(column)) or 1.0
            for column, mean in zip(columns, self.means)
        ]
        rows = [self._standardised(module) for module in modules]
        direction = [1.0] * len(MEASURES)
        for _ in range(50):
            scores = [sum(map(float.__mul__, row, direction)) for row in rows]
            direction = [
                sum(score * row[i] for score, row in zip(scores, rows)) for i in range(len(MEASURES))
            ]
            length = math.sqrt(sum(value * value for value in direction))
            direction = [value / length for value in direction]
        self.direction = direction

    def __call__(self, modules: Sequence[Metrics]) -> list[float]:
        """Return one score a module; higher is larger and more tangled."""
        return [sum(map(float.__mul__, self._standardised(m), self.direction)) for m in modules]

    def _standardised(self, module: Metrics) -> list[float]:
        return [
            (math.log1p(module[name]) - mean) / spread
            for name, mean, spread in zip(MEASURES, self.means, self.spreads)
        ]


# 3. The orchestration.


def workflow() -> pit.Graph:
    """Describe what depends on what: discover, then eight parts side by side, then collect."""
    graph = pit.Graph("read the standard library")
    graph.step("discover", discover)
    parts = [f"parse {part}" for part in range(PARTS)]
    for part, name in enumerate(parts):
        graph.step(name, parse, after=["discover"], configuration={"part": part})
    graph.step("collect", collect, after=parts)
    return graph


async def read_library() -> tuple[list[Metrics], Any]:
    """Run the workflow; every finished step is on disk when its event arrives."""
    root = sysconfig.get_paths()["stdlib"]
    run = await pit.dag.start_async(workflow(), {"root": root}, concurrency=4)
    async for event in run:
        if event.kind == "step-completed":
            await host.editor.progress_async(event.done / event.total, f"{event.step} done")
    results = await run.result_async()
    return results["collect"], run


async def rank(modules: list[Metrics]) -> list[tuple[float, Metrics]]:
    """Borrow the model from the pool: loaded on the first lease, shared by all, released at the end."""
    pit.pool.register("tangle-ranker", load=lambda: Ranker(modules), memory_mb=1)
    async with await pit.pool.allocate_async("tangle-ranker", priority=10) as lease:
        scores = lease.invoke(modules)
    await pit.pool.unregister_async("tangle-ranker")
    return sorted(zip(scores, modules), key=lambda pair: pair[0], reverse=True)


def choose(ranked: list[tuple[float, Metrics]]) -> pit.Decision:
    """Let arbitration weigh insight against effort; it keeps the decision and can explain it."""
    best = ranked[:5]
    top = best[0][0]
    longest = max(module["lines"] for _, module in best)
    options = [
        {
            "name": module["module"],
            "score": round(score / top, 2),
            "cost": round(module["lines"] / longest, 2),
        }
        for score, module in best
    ]
    return pit.submit_decision(
        {"context_type": "reading-order", "data": {"of": len(ranked)}, "options": options}
    )


def report(ranked: list[tuple[float, Metrics]], decision: pit.Decision, seconds: float) -> str:
    """Write the page that opens at the end."""
    total = sum(module["lines"] for _, module in ranked)
    rows = "\n".join(
        f"| {place} | `{module['module']}` | {score:.2f} | {module['lines']:,} | {module['definitions']:,} "
        f"| {module['branches']:,} | {module['imports']} |"
        for place, (score, module) in enumerate(ranked[:15], 1)
    )
    return (
        "# A tour of Python's standard library\n\n"
        f"{len(ranked)} modules, {total:,} lines, read and measured in {seconds:.1f} s.\n\n"
        f"**Read first: `{decision.choice['name']}`** (confidence {decision.confidence:.0%}). "
        f"{decision.reasoning}\n\n"
        "| # | module | tangle | lines | definitions | branches | imports |\n"
        "| --: | --- | --: | --: | --: | --: | --: |\n"
        f"{rows}\n"
    )


async def main() -> None:
    """Tell the story from the first file to the report."""
    clock = asyncio.get_running_loop().time
    begin = clock()
    await host.editor.progress_async(0.0, "looking for sources")

    modules, run = await read_library()
    print(f"read {len(modules)} modules in {clock() - begin:.1f} s")
    metrics = await pit.artifacts.store_async(
        json.dumps(modules), content_type="application/json", name="tour/metrics", tags=["tour"]
    )

    with trace.span("rank and choose"):
        ranked = await rank(modules)
        decision = choose(ranked)
    print(f"read first: {decision.choice['name']}, confidence {decision.confidence:.0%}")

    page = report(ranked, decision, clock() - begin)
    kept = await pit.artifacts.store_async(
        page, content_type="text/markdown", name="tour/report", tags=["tour", "keep"], parents=[metrics]
    )

    # The run has served; nothing goes before its time, so a dry run is all a tour needs.
    await pit.stale.mark_stale_async(run.id, "the tour is over")
    cleanup = await pit.stale.cleanup_stale_async(older_than=0, dry_run=True)
    print(f"could be cleaned up: {cleanup.bytes_freed:,} bytes in {len(cleanup.items)} items")
    for item in cleanup.kept[:1]:
        print(f"kept: a {item.kind}, because {item.reason}")

    stored = await pit.artifacts.retrieve_async(kept)
    await host.editor.open_async(None, stored.decode(), "markdown")
    await host.editor.progress_async(1.0, "done")
    await host.editor.message_async(f"Read first: {decision.choice['name']}")


if __name__ == "__main__":
    asyncio.run(main())
