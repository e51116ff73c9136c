#!/usr/bin/env bash
# A conversation with curl, from signing up to deleting the account. It needs curl and python3.
set -euo pipefail
SAFYCORE="${SAFYCORE:-http://127.0.0.1:8000}"
EMAIL="${EMAIL:-alice-$RANDOM$RANDOM$RANDOM@example.com}"
PASSWORD="${PASSWORD:-9 quiet words for the bakery}"
JSON='Content-Type: application/json'
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# --8<-- [start:sign-up]
echo "1. Sign up. The answer holds two tokens: one for calls, one to renew it with."
TOKENS="$(curl -sS --fail-with-body "$SAFYCORE/api/auth/signup/" -H "$JSON" \
  -d "{\"email\": \"$EMAIL\", \"password\": \"$PASSWORD\"}")"
TOKEN="Authorization: Bearer $(field access_token <<<"$TOKENS")"
# --8<-- [end:sign-up]

# --8<-- [start:ask]
echo "2. Say what the bot answers from, and ask for the whole reply."
curl -sS --fail-with-body "$SAFYCORE/api/chat/" -H "$TOKEN" -H "$JSON" -d '{
  "session_id": "chat",
  "training_data": "Our bakery opens at 7 on weekdays. On Sundays it opens at 9.",
  "message": "When does the bakery open on Sundays?"
}' | field response
# --8<-- [end:ask]

# --8<-- [start:stream]
echo "3. Ask again, and read the reply as it is made. -N: curl prints each piece at once."
curl -sSN --fail-with-body "$SAFYCORE/api/chat/stream/" -H "$TOKEN" -H "$JSON" \
  -d '{"session_id": "chat", "message": "And on weekdays?"}'
echo

echo "4. The same as events, with a key: sent twice, it is one turn."
for _ in first second; do
  curl -sSN --fail-with-body "$SAFYCORE/api/chat/stream/" -H "$TOKEN" -H "$JSON" \
    -H 'Accept: text/event-stream' -H 'Idempotency-Key: question-3' \
    -d '{"session_id": "chat", "message": "And on holidays?"}'
done
# --8<-- [end:stream]

# --8<-- [start:errors]
echo "5. A refusal has a status, a code and a sentence."
curl -sS "$SAFYCORE/api/chat/" -H "$TOKEN" -H "$JSON" -d '{}' -w ' (status %{http_code})\n'
# --8<-- [end:errors]

echo "6. The sessions, and everything as a file."
curl -sS --fail-with-body "$SAFYCORE/api/chat/sessions/" -H "$TOKEN"
echo
curl -sS --fail-with-body "$SAFYCORE/api/auth/export/" -H "$TOKEN" | tail -n 1

echo "7. Renew the tokens, then delete the account."
TOKENS="$(curl -sS --fail-with-body "$SAFYCORE/api/auth/refresh/" -H "$JSON" \
  -d "{\"refresh_token\": \"$(field refresh_token <<<"$TOKENS")\"}")"
TOKEN="Authorization: Bearer $(field access_token <<<"$TOKENS")"
curl -sS --fail-with-body -X DELETE "$SAFYCORE/api/auth/account/" -H "$TOKEN" -H "$JSON" \
  -d "{\"password\": \"$PASSWORD\"}"
echo
