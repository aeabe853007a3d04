import { useSignal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n/index.js";
import type { PickerProps } from "./EmojiPicker.js";
import { Icon } from "./icons.js";

/** Opens the picker, which is loaded when it is first wanted. */
export function EmojiButton({ insert }: { insert: (text: string) => void }): JSX.Element {
  const isOpen = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const [loaded, setLoaded] = useState<{ Picker: ComponentType<PickerProps> }>();

  function toggle(): void {
    isOpen.value = !isOpen.value;
    if (!loaded) import("./EmojiPicker.js").then(({ EmojiPicker }) => setLoaded({ Picker: EmojiPicker }), () => (isOpen.value = false));
  }

  function close(refocus: boolean): void {
    isOpen.value = false;
    if (refocus) button.current?.focus();
  }

  return (
    <div class="emoji-holder">
      <button type="button" ref={button} class="icon-button" aria-label={t("emoji")} title={t("emoji")} aria-expanded={isOpen.value}
        aria-haspopup="dialog" onClick={toggle}>
        <Icon name="emoji" size={22} />
      </button>
      {isOpen.value && loaded && <loaded.Picker opener={button} close={close} choose={insert} />}
    </div>
  );
}
