export type Outcome = "copied" | "copy_refused";

/** Browsers refuse a page without the permission or the focus, and have no clipboard where there is no TLS. */
export async function copyText(text: string): Promise<Outcome> {
  try {
    await navigator.clipboard.writeText(text);
    return "copied";
  } catch {
    return "copy_refused";
  }
}
