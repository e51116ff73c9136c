import { type ReactNode, type RefObject, useEffect, useRef, useState } from "react";

interface ScrollBoxProps {
  /** What is in it: read aloud when the keyboard comes to it, which it does when there is something to scroll. */
  label: string;
  className: string;
  children: ReactNode;
}

/** Something that may be wider than the page, and then scrolls on its own. */
export function ScrollBox({ label, className, children }: ScrollBoxProps) {
  const box = useRef<HTMLDivElement>(null);
  const reachable = useOverflow(box) ? { role: "group", "aria-label": label, tabIndex: 0 } : {};
  return (
    <div ref={box} className={`scroll-box ${className}`} {...reachable}>
      {children}
    </div>
  );
}

/** Whether the content of a box is wider than it; both are watched. */
function useOverflow(box: RefObject<HTMLElement | null>): boolean {
  const [overflows, setOverflows] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => setOverflows(element.scrollWidth > element.clientWidth));
    for (const each of [element, ...element.children]) watch.observe(each);
    return () => watch.disconnect();
  }, [box]);
  return overflows;
}
