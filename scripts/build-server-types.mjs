/** Types of `voice-jib-jab/server`: one file that names everything it needs, so one file of types. */
import { readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

export function buildServerTypes() {
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(readFileSync('relay/auth/server.ts', 'utf8'), {
    fileName: 'server.ts',
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, strict: true },
  });
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, ts.createCompilerHost({})));
  writeFileSync('dist/relay/auth/server.d.ts', outputText);
}
