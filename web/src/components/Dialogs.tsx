import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { closeDialog, dialog } from "../state/dialog.js";
import type { Session } from "../state/session.js";

type Loaded = typeof import("./DialogContents.js");

/** The dialogs' contents come when the first one is opened. */
export function Dialogs({ session }: { session: Session }): JSX.Element | null {
  const opening = dialog.value;
  const [loaded, setLoaded] = useState<Loaded>();
  useEffect(() => {
    if (opening && !loaded) import("./DialogContents.js").then(setLoaded, () => closeDialog());
  }, [opening, loaded]);
  if (!opening || !loaded) return null;
  const Contents: ComponentType<{ session: Session }> = opening.name === "help" ? loaded.Help : loaded.Settings;
  return <Contents key={opening} session={session} />;
}
