import { lazy, Suspense } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { Boundary } from "@/components/boundary";
import { Waiting } from "@/components/waiting";
import { ForgotPassword, ResetPassword, SignIn, SignUp } from "@/features/account/entry";
import { useSignedIn } from "@/lib/auth/use-signed-in";

const SignedIn = lazy(async () => ({ default: (await import("./signed-in")).SignedIn }));

/** What the address and the login ask for: a page before signing in, or the chat. */
export function App() {
  return (
    <Boundary>
      <Suspense fallback={<Waiting />}>
        <Switch>
          <Route path="/reset-password" component={ResetPassword} />
          <Route path="/forgot-password" component={ForgotPassword} />
          <Route path="/signup" component={() => <Outside page={SignUp} />} />
          <Route path="/signin" component={() => <Outside page={SignIn} />} />
          <Route component={Inside} />
        </Switch>
      </Suspense>
    </Boundary>
  );
}

/** Where to go after signing in: an address of this app, never one of somebody else's. */
export function safeReturn(next: string | null): string {
  if (next === null || !URL.canParse(next, location.origin)) return "/";
  const { origin, pathname, search } = new URL(next, location.origin);
  return origin === location.origin ? `${pathname}${search}` : "/";
}

function Outside({ page: Page }: { page: () => React.ReactNode }) {
  const person = useSignedIn();
  const search = useSearch();
  return person === null ? <Page /> : <Redirect to={safeReturn(new URLSearchParams(search).get("next"))} replace />;
}

function Inside() {
  const person = useSignedIn();
  const [path] = useLocation();
  if (person === null) {
    return <Redirect to={path === "/" ? "/signin" : `/signin?next=${encodeURIComponent(path)}`} replace />;
  }
  // A new person gets a new everything: no cache outlives the login that filled it.
  return <SignedIn key={person.id} person={person} />;
}
