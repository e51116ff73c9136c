import { useCallback, useEffect, useRef, useState } from "react";

// This near to the end counts as being there: fractions of pixels, and the room below the last line.
const NEAR_PIXELS = 40;

/**
 * Keeps a scrolled box at its end while it grows, as long as the reader is there. The first scroll upwards lets go;
 * only the reader's own way back to the end, or `toEnd`, takes hold again.
 */
export function useFollow() {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const [isAway, setAway] = useState(false);

  const toEnd = useCallback((behavior: ScrollBehavior = "instant") => {
    following.current = true;
    setAway(false);
    box.current?.scrollTo({ top: box.current.scrollHeight, behavior });
  }, []);

  useEffect(() => {
    const { current: element } = box;
    if (element === null || content.current === null) return;
    const { look, stop } = watchScroll(element, (isFollowing) => {
      following.current = isFollowing;
      setAway(!isFollowing);
    });
    const growth = new ResizeObserver(() => {
      // The reader may have scrolled since, which the box's event has yet to tell of.
      look();
      if (following.current) element.scrollTo({ top: element.scrollHeight, behavior: "instant" });
    });
    growth.observe(content.current);
    growth.observe(element);
    return () => {
      stop();
      growth.disconnect();
    };
  }, []);

  return { box, content, isAway, toEnd };
}

interface Watch {
  /** Takes note of where the box is now. */
  readonly look: () => void;
  readonly stop: () => void;
}

function watchScroll(box: HTMLElement, note: (isFollowing: boolean) => void): Watch {
  let last = { top: box.scrollTop, height: box.scrollHeight };
  const look = () => {
    const now = { top: box.scrollTop, height: box.scrollHeight };
    const left = now.height - now.top - box.clientHeight;
    // What shrinks takes the place along, by as much as it shrinks; whatever is more, the reader did.
    const shrunk = Math.max(0, last.height - now.height);
    const isUpwards = last.top - now.top > shrunk;
    if (isUpwards && left > 1) note(false);
    // Near is enough for who comes down to the end, not for who has left it by a little.
    else if (left <= 1 || (now.top > last.top && left < NEAR_PIXELS)) note(true);
    last = now;
  };
  box.addEventListener("scroll", look, { passive: true });
  return { look, stop: () => box.removeEventListener("scroll", look) };
}
