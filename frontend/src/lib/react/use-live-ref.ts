import { type RefObject, useInsertionEffect, useRef } from "react";

/** A ref to the value of the newest render, for callbacks that outlive the render they were made in. */
export function useLiveRef<T>(value: T): Readonly<RefObject<T>> {
  const ref = useRef(value);
  // The earliest of the effects, so that those of children read the new value as well.
  useInsertionEffect(() => {
    ref.current = value;
  });
  return ref;
}
