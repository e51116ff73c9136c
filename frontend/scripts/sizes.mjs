// Prints what a first visit to each page loads of JavaScript, compressed, and fails when a page is over its budget.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const DIST = join(import.meta.dirname, "..", "dist");
const MANIFEST = JSON.parse(readFileSync(join(DIST, ".vite", "manifest.json"), "utf8"));
// Kilobytes of 1,000 bytes after gzip; what is loaded later, on demand, counts for no page.
const PAGES = [
  { name: "sign-in page", budget: 110, modules: ["index.html"] },
  { name: "chat", budget: 220, modules: ["index.html", "src/app/signed-in.tsx"] },
  {
    name: "chat with a reply",
    budget: 300,
    modules: ["index.html", "src/app/signed-in.tsx", "src/components/markdown/index.ts"],
  },
];

/** The files that a module needs before it can run, itself among them. */
function filesOf(module, found = new Set()) {
  const chunk = MANIFEST[module];
  if (chunk === undefined) throw new Error(`The build has no ${module}.`);
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const needed of chunk.imports ?? []) filesOf(needed, found);
  return found;
}

function measure({ name, budget, modules }) {
  const files = new Set(modules.flatMap((module) => [...filesOf(module)]));
  const contents = [...files].map((file) => readFileSync(join(DIST, file)));
  const sum = (compress) => contents.reduce((total, content) => total + compress(content).length, 0) / 1000;
  return { name, budget, gzip: sum(gzipSync), brotli: sum(brotliCompressSync) };
}

const measured = PAGES.map(measure);
for (const { name, budget, gzip, brotli } of measured) {
  const verdict = gzip <= budget ? "" : "  over the budget";
  console.log(
    `${name.padEnd(18)} ${gzip.toFixed(1).padStart(6)} kB gzip ${brotli.toFixed(1).padStart(6)} kB brotli, of ${budget} kB${verdict}`,
  );
}
process.exitCode = measured.some(({ gzip, budget }) => gzip > budget) ? 1 : 0;
