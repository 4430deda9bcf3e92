// How a Rust program links and starts the Python of `.venv`: for tests that embed it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { at, venvPython } from './paths.mjs';

const probe = `
import json, os, sys, sysconfig
var = sysconfig.get_config_var
folders = [var("LIBDIR") or "", os.path.join(var("LIBDIR") or "", var("MULTIARCH") or ""), var("LIBPL") or ""]
library = next((path for path in (os.path.join(f, var("INSTSONAME")) for f in folders) if os.path.exists(path)), "")
print(json.dumps({"home": sys.base_prefix, "library": library, "link": var("LDLIBRARY"),
    "packages": sysconfig.get_path("purelib")}))
`;

/** @returns {Record<string, string>} what the environment of `cargo test` needs, with folders of the project's Python first */
export function embeddingEnvironment(folders) {
  const { home, library, link, packages } = JSON.parse(
    execFileSync(venvPython, ['-c', probe], { encoding: 'utf8' }),
  );
  // Without the development package there is no file of the name that linkers look for.
  const links = at('native', 'target', 'embedded', 'links');
  mkdirSync(links, { recursive: true });
  rmSync(join(links, link), { force: true });
  symlinkSync(library, join(links, link));
  return {
    CARGO_TARGET_DIR: at('native', 'target', 'embedded'),
    PYO3_PYTHON: venvPython,
    LIBRARY_PATH: links,
    LD_LIBRARY_PATH: join(library, '..'),
    PYTHONHOME: home,
    PYTHONPATH: [at('python'), ...folders, packages].join(delimiter),
  };
}
