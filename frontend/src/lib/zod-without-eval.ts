import { config } from "zod/v4/core";

// The AI SDK checks what it reads with zod, which asks, as its first schema is made, whether it may use `eval`. The page
// forbids it, and browsers report the mere question: so this must be imported before the SDK.
config({ jitless: true });
