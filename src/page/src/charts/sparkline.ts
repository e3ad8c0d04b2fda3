// spec/page/views.md · Charts
//
// A line of closing prices in a cell of a table. The figures beside it tell what it shows, so that a
// screen reader passes over it.

import { linePath } from "./scale.ts";
import { svg } from "../dom.ts";

const WIDTH = 112;
const HEIGHT = 24;

/** A picture without a line yet; draw it with drawSparkline. */
export function sparkline(): SVGSVGElement {
  const picture = svg("svg", {
    class: "spark",
    viewBox: `-1 -2 ${WIDTH + 2} ${HEIGHT + 4}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  picture.append(svg("path"));
  return picture;
}

/** Draws these closes, oldest first. Fewer than two draw nothing. */
export function drawSparkline(picture: SVGSVGElement, closes: readonly bigint[]): void {
  picture.querySelector("path")?.setAttribute("d", linePath(closes, WIDTH, HEIGHT));
}
