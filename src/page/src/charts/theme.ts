// spec/page/views.md · Charts
//
// The theme's colours for what is painted and has no classes.

/** Colours of a chart, as CSS has them. */
export interface ChartColours {
  surface: string;
  text: string;
  line: string;
  gain: string;
  loss: string;
  accent: string;
  warning: string;
  edge: string;
}

/** Reads the colours that hold now. */
export function chartColours(): ChartColours {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  // A variable is a text; as a colour of an element it becomes the colour of the theme.
  const read = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colours: ChartColours = {
    surface: read("surface"),
    text: read("muted"),
    line: read("line"),
    gain: read("gain"),
    loss: read("loss"),
    accent: read("accent"),
    warning: read("warning"),
    edge: read("edge"),
  };
  probe.remove();
  return colours;
}

/** A colour `rgb(…)` that lets the ground through: `share` of 1 is all of it. */
export function translucent(colour: string, share: number): string {
  const parts = /^rgb\(([^)]+)\)$/.exec(colour)?.[1];
  return parts === undefined ? colour : `rgba(${parts}, ${share})`;
}

/** Calls back when the theme is another one, by the system's choice or the page's switch. */
export function onTheme(changed: () => void): () => void {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  const page = new MutationObserver(changed);
  page.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  return () => {
    system.removeEventListener("change", changed);
    page.disconnect();
  };
}
