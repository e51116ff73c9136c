// Supabase's own small implementation (Auth and Data API) over our PostgreSQL, on loopback.
//
// It speaks with the supervisor in lines: {"listening": port} and, once PostgreSQL has been
// prepared and "provision" has come in, {"provisioned": true}: the schema `auth` exists. Requests
// wait for "serve", which comes when the product's migrations have been applied. When standard
// input closes, the supervisor is gone, and so are we.

import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { serve } from "@hono/node-server";
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";

const { DATABASE_URL, PORT, JWT_SECRET, PUBLISHABLE_KEY, SECRET_KEY, SITE_URL } = process.env;
const { CONFIRM_EMAIL, MAIL_DIR } = process.env;

// lite passes on "2026-11-22 18:57:00+00"; PostgREST, and so every client, speaks RFC 3339.
const timestamptz = {
  to: 1184,
  from: [1184],
  serialize: (value) => value,
  parse: (text) => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"),
};

const connection = createPostgresConnection({
  url: DATABASE_URL,
  postgresOptions: { onnotice() {}, types: { timestamptz } },
});
// lite would GRANT ALL on every table with row level security to anon and authenticated, TRUNCATE
// included, and so undo the narrow grants of the migrations. The answer `true` keeps what we want
// of that method: each request runs under the role of its token.
connection.ensureRlsContext = async () => true;

const template = (name) => fileURLToPath(new URL(`./templates/${name}.html`, import.meta.url));

const app = new App({
  connection,
  auth: {
    enabled: true,
    jwt_secret: JWT_SECRET,
    publishable_key: PUBLISHABLE_KEY,
    secret_key: SECRET_KEY,
    site_url: SITE_URL,
    additional_redirect_urls: [`${SITE_URL}/**`],
    minimum_password_length: 8,
    enable_refresh_token_rotation: true,
    email: {
      enable_confirmations: CONFIRM_EMAIL === "1",
      max_frequency: "1s",
      template: {
        recovery: { subject: "Set a new password", content_path: template("recovery") },
        confirmation: { subject: "Confirm your address", content_path: template("confirmation") },
      },
    },
  },
  studio: { enabled: false },
  options: { server: { disableStudio: true }, drivers: { email: { send: catchMail } } },
});

// lite's own text version links to a page that only a hosted project has, so the text is made from
// the HTML. That may be this simple because only our two templates are ever sent by SafyCore.
function asText(html) {
  return html.replace(/<[^>]+>/g, "").replaceAll("&amp;", "&").trim();
}

let caught = 0;

async function catchMail({ to, subject, html }) {
  const sent_at = new Date().toISOString();
  caught += 1;
  // Names sort by time, then by the order within one millisecond.
  const name = `${sent_at.replaceAll(":", "")}-${String(caught).padStart(6, "0")}`;
  const unfinished = join(MAIL_DIR, `${name}.new`);
  const mail = JSON.stringify({ to, subject, text: asText(html), html, sent_at });
  await writeFile(unfinished, mail, { mode: 0o600, flag: "wx" });
  await rename(unfinished, join(MAIL_DIR, `${name}.json`));
}

// A client that goes away in the middle of a request must not take the others with it.
process.on("unhandledRejection", (reason) => console.error(reason));

const say = (fact) => console.log(JSON.stringify(fact));
const commands = createInterface({ input: process.stdin });
commands.on("close", () => process.exit(0));

const provision = once(commands, "line");
const released = provision
  .then(() => once(commands, "line"))
  // What has been seen of the schema so far is older than the migrations.
  .then(() => connection.clearSchemaCache());

// Only what a hosted project has as well: lite's /_system/info would tell anybody the address of
// the database, password included.
const served = ["/auth/v1/", "/rest/v1/"];

async function answer(request) {
  const { pathname } = new URL(request.url);
  if (!served.some((prefix) => pathname.startsWith(prefix))) {
    return new Response(null, { status: 404 });
  }
  await released;
  // No address of the peer: it serves lite's admin mode only, which stays off.
  return app.fetch(request, { peerAddress: null });
}

serve({ port: Number(PORT), hostname: "127.0.0.1", fetch: answer }, ({ port }) =>
  say({ listening: port }),
);
await provision;
await app.ensureSystemSchema();
say({ provisioned: true });
