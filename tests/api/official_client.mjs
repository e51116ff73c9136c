// What two people do with the official JavaScript client, straight at Supabase. Prints what they saw, as JSON.
//
// argv: the folder of supabase-js's package, the project's URL, its publishable key, two addresses and their password.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, url, key, aliceEmail, bobEmail, password] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
const { createClient } = require("@supabase/supabase-js");

const client = () =>
  createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });

const outcome = ({ data, error }) => (error ? { code: error.code ?? error.name } : data);

async function person(email) {
  const supabase = client();
  const signedUp = await supabase.auth.signUp({ email, password });
  const signedIn = await supabase.auth.signInWithPassword({ email, password });
  const refreshed = await supabase.auth.refreshSession();
  return {
    supabase,
    id: signedIn.data.user?.id,
    facts: {
      signed_up: signedUp.data.user?.id,
      signed_in: signedIn.data.user?.id,
      refreshed: refreshed.data.user?.id,
      renewed: refreshed.data.session?.refresh_token !== signedIn.data.session?.refresh_token,
    },
  };
}

async function write(who, owner, text) {
  const row = { user_id: owner, session_id: "chat" };
  const message = await who.supabase
    .from("messages")
    .insert({ ...row, role: "user", content: text })
    .select("content,user_id");
  const training = await who.supabase
    .from("training_data")
    .insert({ ...row, content: text })
    .select("content,user_id");
  return { messages: outcome(message), training_data: outcome(training) };
}

async function read(who) {
  const columns = "content,user_id,session_id";
  const messages = await who.supabase.from("messages").select(columns).order("seq");
  const training = await who.supabase.from("training_data").select(columns);
  return { messages: outcome(messages), training_data: outcome(training) };
}

const alice = await person(aliceEmail);
const bob = await person(bobEmail);
const anon = { supabase: client() };
const report = {
  alice: alice.facts,
  bob: bob.facts,
  alice_wrote: await write(alice, alice.id, "Alice's words"),
  bob_wrote: await write(bob, bob.id, "Bob's words"),
  bob_wrote_as_alice: await write(bob, alice.id, "Not Alice's words"),
  anon_wrote: await write(anon, alice.id, "Nobody's words"),
  alice_reads: await read(alice),
  bob_reads: await read(bob),
  anon_reads: await read(anon),
  bob_deleted_of_alice: outcome(
    await bob.supabase.from("messages").delete().eq("user_id", alice.id).select("content"),
  ),
  bob_changed_of_alice: outcome(
    await bob.supabase
      .from("messages")
      .update({ content: "Changed" })
      .eq("user_id", alice.id)
      .select("content"),
  ),
};
const { data } = await alice.supabase.auth.getSession();
await alice.supabase.auth.signOut();
report.after_sign_out = outcome(await alice.supabase.auth.getUser(data.session.access_token));
console.log(JSON.stringify(report));
