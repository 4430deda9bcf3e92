"""A component in Rust at work: where does Python's own library chain its exceptions?

Build the component first: `npm run component -- examples/rust-component`. Then run this file from the
editor, headless (`npm run conductor -- THIS_FILE`), or with plain `python`.
"""

from __future__ import annotations

import asyncio
import sysconfig
from pathlib import Path

from symphony_bridge import errors
from text_index import Hit, Index, Order, Query


def show_progress(done: int, total: int) -> None:
    """Rust calls this function while it reads."""
    print(f"{done} of {total} files")


async def judge(hit: Hit) -> float:
    """Rust awaits this coroutine for every hit: short lines read best."""
    await asyncio.sleep(0)
    return 1 / (1 + len(hit.text))


async def main() -> None:
    """Index the standard library, look for lines, choose the best, and see an error."""
    index = Index()
    files = await index.add(Path(sysconfig.get_paths()["stdlib"]), show_progress)
    chained = index.search(Query.Near("raise", "except", lines=2), Order.Shortest)
    print(f"{len(chained)} lines of {files} files raise where they catch; the shortest:")
    for hit in chained[:3]:
        print(f"  {hit.path.name}:{hit.line}  {hit.text}")

    best = await index.best(Query.Word("NotImplementedError"), judge)
    if best:
        print(f"the judge likes {best.path.name}:{best.line}  {best.text}")

    try:
        await index.add(Path("/nowhere"), None)
    except errors.ComponentError as error:
        print(f"{error.component}.{error.operation}: {error} {error.details}")


if __name__ == "__main__":
    asyncio.run(main())
