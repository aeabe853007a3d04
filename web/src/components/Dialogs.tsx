import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../state/session.js";
import { dialog } from "../state/shortcuts.js";

type Loaded = typeof import("./DialogContents.js");

/** The dialogs' contents come when the first one is opened. */
export function Dialogs({ session }: { session: Session }): JSX.Element | null {
  const name = dialog.value;
  const [loaded, setLoaded] = useState<Loaded>();
  useEffect(() => {
    if (name && !loaded) import("./DialogContents.js").then(setLoaded, () => (dialog.value = undefined));
  }, [name, loaded]);
  if (!name || !loaded) return null;
  const Contents: ComponentType<{ session: Session }> = name === "help" ? loaded.Help : loaded.Settings;
  return <Contents session={session} />;
}
