import { answer, api } from "@/lib/api/client";

// The last line of an export is shorter: it counts the others.
const LAST_LINE_CHARACTERS = 1_000;
// A browser may begin to read the file only after the click is over.
const KEEP_MS = 60_000;

/** The export ended before its last line. */
export class ExportCut extends Error {
  override readonly name = "ExportCut";
}

/** Everything the signed-in person has, as JSON lines. Throws what the API throws, or ExportCut. */
export async function fetchExport(): Promise<Blob> {
  const body = await answer(api.GET("/api/auth/export/", { parseAs: "stream" }));
  const lines = await new Response(body).blob().catch((cause: unknown) => {
    throw new ExportCut("The connection broke off.", { cause });
  });
  if (!(await isWhole(lines))) throw new ExportCut("The last line is missing.");
  return lines;
}

/** Puts the export into the person's downloads. */
export function saveExport(lines: Blob, now: Date): void {
  const url = URL.createObjectURL(lines);
  const link = document.createElement("a");
  link.href = url;
  link.download = `safycore-export-${now.toISOString().slice(0, 10)}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

async function isWhole(lines: Blob): Promise<boolean> {
  const end = await lines.slice(-LAST_LINE_CHARACTERS).text();
  return end.trimEnd().split("\n").at(-1)?.startsWith('{"type":"end"') === true;
}
