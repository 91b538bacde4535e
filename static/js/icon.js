/** Icons from the sprite that the pages use too. */
const SVG = "http://www.w3.org/2000/svg";

/**
 * An icon that says nothing by itself: words or a label must stand beside it.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${document.documentElement.dataset.build}vendor/icons.svg#${name}`);
  svg.append(use);
  return svg;
}
