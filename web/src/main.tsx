import { render } from "preact";
import { App } from "./components/App.js";
import { preferredLanguage, speak } from "./i18n/index.js";
import { announceMessage } from "./state/announcer.js";
import { begin, session } from "./state/identity.js";
import { followUnread, notify, withdraw } from "./state/notifications.js";
import { keepPage } from "./state/offline.js";

session.subscribe((current) => {
  if (!current) return;
  current.onIncoming = announceMessage;
  current.onMissed = (message) => void notify(current.user, message);
  current.onRead = (partner) => void withdraw(current.user, partner);
});

await speak(preferredLanguage());
begin();
followUnread();
keepPage();
render(<App />, document.getElementById("app") as HTMLElement);
