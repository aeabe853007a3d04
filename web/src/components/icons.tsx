import type { ButtonHTMLAttributes, JSX } from "preact";

const PATHS = {
  send: "M5 12h13M12 5l7 7-7 7",
  back: "M15 5l-7 7 7 7",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",
  close: "M6 6l12 12M18 6L6 18",
  settings: "M4 8h9M19 8h1M4 16h1M11 16h9M16 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 18.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  help: "M9.2 9.2a2.9 2.9 0 1 1 4.3 2.5c-1 .6-1.5 1.2-1.5 2.3M12 17.2v.1M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  emoji: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14.5c1.800 2.3 5.2 2.3 7 0M9 9.5v.2M15 9.5v.2",
  clear: "M4.5 17.5L12 10l4.5 4.5-4 4H8zM12 10l4-4 4.5 4.5-4 4M11 20h9",
  block: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM5.700 5.700l12.6 12.6",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  down: "M12 5v14M6 13l6 6 6-6",
  pending: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 8v4.5l3 1.5",
  sent: "M5 12.5l4.5 4.5L19 7.5",
  delivered: "M2 12.5l4.5 4.5L15 7.5M11.5 16l1 1L21 7.5",
  failed: "M12 7v6M12 16.5v.2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  chat: "M7 5h10a3 3 0 0 1 3 3v6a3 3 0 0 1-3 3h-4l-5 4v-4H7a3 3 0 0 1-3-3V8a3 3 0 0 1 3-3z",
  add: "M12 5v14M5 12h14",
} as const;

export type IconName = keyof typeof PATHS;

/** Says nothing by itself: what it stands for must be said beside it. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "type" | "label"> {
  readonly icon: IconName;
  readonly label: string;
  readonly type?: "button" | "submit";
}

export function IconButton({ icon, label, class: className = "", type = "button", ...rest }: IconButtonProps): JSX.Element {
  return (
    <button type={type} class={`icon-button ${String(className)}`} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}
