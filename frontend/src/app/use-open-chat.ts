import { useCallback, useState } from "react";
import { useLocation } from "wouter";
import { forgetNewChat, newChat } from "./new-chat";

/** The chat that the address names; at `/` the one that has not begun, which gets an address when it does. */
export function useOpenChat() {
  const [, navigate] = useLocation();
  const openId = sessionOf(location.pathname);
  const [fresh, setFresh] = useState(newChat);
  const toNew = useCallback(() => {
    setFresh(newChat());
    navigate("/");
  }, [navigate]);
  const onBegun = useCallback(() => {
    // What takes a while, such as adding files, may end when another chat is open already.
    if (location.pathname !== "/") return;
    forgetNewChat();
    navigate(`/c/${encodeURIComponent(fresh)}`, { replace: true });
    setFresh(newChat());
  }, [fresh, navigate]);
  return { sessionId: openId ?? fresh, isNew: openId === null, toNew, onBegun };
}

/** The session that an address names; the router's own reading leaves some characters encoded. */
export function sessionOf(pathname: string): string | null {
  const [, id] = /^\/c\/([^/]+)$/.exec(pathname) ?? [];
  if (id === undefined) return null;
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
