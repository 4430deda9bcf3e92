// Direction of imports: commands, views, debug → conductor → bridge → protocol; webview → protocol.
// Checked by `npm run check`; ARCHITECTURE.md says why.
const vscode = '^vscode$|node_modules/(@types/)?vscode/';

/** One rule: nothing in `from` may import anything in `to`. */
function never(name, from, to, comment) {
  return { name, severity: 'error', comment, from, to };
}

module.exports = {
  forbidden: [
    never(
      'protocol-imports-nothing',
      { path: '^extension/protocol/' },
      { pathNot: '^extension/protocol/' },
      'The protocol is shared with the webview and has to run anywhere.',
    ),
    never(
      'bridge-imports-protocol-only',
      { path: '^extension/bridge/' },
      { path: '^(extension|webview)/', pathNot: '^extension/(bridge|protocol)/' },
      'The bridge knows neither hosts nor views.',
    ),
    never(
      'conductor-imports-bridge-and-protocol',
      { path: '^extension/conductor/' },
      { path: '^(extension|webview)/', pathNot: '^extension/(conductor|bridge|protocol)/' },
      'Hosts know nothing of the editor.',
    ),
    never(
      'no-vscode-below-the-views',
      { path: '^extension/(protocol|bridge|conductor)/' },
      { path: vscode },
      'The headless runner, the tests and the benchmarks use these under plain Node.',
    ),
    never(
      'debug-adapter-without-vscode',
      { path: '^extension/debug/', pathNot: '^extension/debug/(configuration|factory)[.]ts$' },
      { path: vscode },
      'The adapter is tested under plain Node.',
    ),
    never(
      'webview-imports-protocol-only',
      { path: '^webview/' },
      { path: '^extension/|^test/|^scripts/', pathNot: '^extension/protocol/' },
      'The webview runs in a browser.',
    ),
    never(
      'webview-without-node',
      { path: '^webview/' },
      { dependencyTypes: ['core'] },
      'The webview runs in a browser.',
    ),
    never(
      'extension-without-webview',
      { path: '^extension/' },
      { path: '^webview/' },
      'They only exchange messages.',
    ),
    never(
      'nobody-imports-main',
      { pathNot: '^test/' },
      { path: '^(extension|webview)/main[.]ts$' },
      'main composes; what others need lives in a module of its own.',
    ),
    never('nobody-imports-test', { pathNot: '^test/' }, { path: '^test/' }, 'Tests depend on the product.'),
    never(
      'no-circles',
      // The resolver takes the package `esbuild` for the file of that name beside package.json.
      { pathNot: '^esbuild[.]mjs$' },
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
      'Two modules that need each other are one, or need a third.',
    ),
    never(
      'resolvable',
      { pathNot: '^test/' },
      { couldNotResolve: true, pathNot: vscode },
      'Every import has to exist.',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js', '.json'] },
  },
};
