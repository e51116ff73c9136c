import { useState } from "react";
import { useMediaQuery } from "@/lib/react/use-media-query";

/** Whether the list of chats is shown: beside the chat where there is room for both, else over it. */
export function useListPlace() {
  const isWide = useMediaQuery("(min-width: 48rem)");
  const [beside, setBeside] = useState(true);
  const [over, setOver] = useState(false);
  const set = isWide ? setBeside : setOver;
  return {
    isWide,
    isShown: isWide ? beside : over,
    show: () => set(true),
    hide: () => set(false),
    toggle: () => set((shown) => !shown),
    /** Something was chosen from it: a list that covers the chat makes way. */
    makeWay: () => setOver(false),
  };
}
