import "@/lib/zod-without-eval";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";
import { Route, Switch } from "wouter";
import { Boundary } from "@/components/boundary";
import { ToastArea } from "@/components/toaster";
import { Waiting } from "@/components/waiting";
import { ApiError, SignedOut } from "@/lib/api/errors";
import type { Tokens } from "@/lib/auth/tokens";
import { ChatScreen } from "./chat-screen";
import { ConnectionBanner } from "./connection-banner";
import { createWorkspace } from "./workspace";

const AccountPage = lazy(async () => ({ default: (await import("@/features/account/account-page")).AccountPage }));

/** Everything that a signed-in person sees. Nothing in it outlives the login. */
export function SignedIn({ person }: { person: Tokens["user"] }) {
  const [client] = useState(createQueryClient);
  const [workspace] = useState(() => createWorkspace(client, person.id));
  useEffect(() => workspace.open(), [workspace]);
  return (
    <QueryClientProvider client={client}>
      <ToastArea>
        <ConnectionBanner />
        <Boundary>
          <Suspense fallback={<Waiting />}>
            <Switch>
              <Route path="/account" component={AccountPage} />
              <Route>
                <ChatScreen person={person} workspace={workspace} />
              </Route>
            </Switch>
          </Suspense>
        </Boundary>
      </ToastArea>
    </QueryClientProvider>
  );
}

function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { staleTime: 5_000, retry: (failures, error) => failures < 3 && isPassing(error) },
    },
  });
}

/** Whether asking again can help. */
function isPassing(error: unknown): boolean {
  if (error instanceof ApiError) return error.status >= 500;
  return !(error instanceof SignedOut);
}
