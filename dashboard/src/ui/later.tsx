/** What stands below what is seen first: made when it comes near, or when the page has been there for a while. */
import { startTransition, useEffect, useRef, useState, type ReactNode } from "react";

const NEAR = "300px";
/** Nobody has to scroll for it to be there: it may be looked for by its heading. */
const AFTER_MS = 8_000;

/** `height` in pixels is kept free for it, so that nothing jumps. */
export function Later({ height, children }: { height: number; children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  const [wanted, setWanted] = useState(false);
  useEffect(() => {
    if (wanted || !place.current) return undefined;
    // In pieces: what is already seen answers meanwhile.
    const come = () => startTransition(() => setWanted(true));
    const timer = setTimeout(come, AFTER_MS);
    const watch = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && come(), { rootMargin: NEAR });
    watch.observe(place.current);
    return () => {
      clearTimeout(timer);
      watch.disconnect();
    };
  }, [wanted]);
  return <div ref={place} style={wanted ? {} : { minHeight: height }}>{wanted && children}</div>;
}
