/**
 * The trace panel's page: nothing but a place for the script, behind the strictest policy that lets it run.
 *
 * Must not know: VS Code (the tests of the webview load the same page).
 */

export interface PageParts {
  /** Address of the script. */
  script: string;
  /** Address of the style sheet. */
  style: string;
  /** Where styles may come from. */
  cspSource: string;
  /** Says which script may run; new for each page. */
  nonce: string;
}

export function tracePage({ script, style, cspSource, nonce }: PageParts): string {
  const policy = [
    "default-src 'none'",
    `style-src ${cspSource} 'nonce-${nonce}'`,
    `font-src ${cspSource}`,
    `script-src 'nonce-${nonce}'`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<!-- The component library looks here for the nonce of its styles. -->
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Symphony Trace</title>
</head>
<body>
<div id="app"></div>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
