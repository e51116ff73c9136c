const LINKS: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"]);
const IMAGES: ReadonlySet<string> = new Set(["http:", "https:"]);

/** The address as a browser will go to it, or null where a message must not lead: it stays plain text. */
export function linkAddress(address: string): string | null {
  return allowed(address, LINKS);
}

/** The same for an image, which is linked to and never fetched. */
export function imageAddress(address: string): string | null {
  return allowed(address, IMAGES);
}

function allowed(address: string, protocols: ReadonlySet<string>): string | null {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  // What stands before an @ is there to look like another host.
  const isPlain = url.username === "" && url.password === "";
  return isPlain && protocols.has(url.protocol) ? url.href : null;
}
